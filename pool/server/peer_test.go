package server_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// dialAs connects as another user does: with the credentials of one thread
// that are changed and that ends with it.
func dialAs(id int, socket string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends
		conn, err := connectAs(id, socket)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

func connectAs(id int, socket string) (net.Conn, error) {
	if os.Geteuid() == 0 && id != 0 {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESGID, uintptr(id), uintptr(id), uintptr(id)); errno != 0 {
			return nil, errno
		}
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(id), uintptr(id), uintptr(id)); errno != 0 {
			return nil, errno
		}
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "socket")
	defer file.Close()
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}); err != nil {
		return nil, err
	}
	return net.FileConn(file)
}

func TestTheKernelSaysWhoIsThere(t *testing.T) {
	m, err := pool.NewManager(t.Context(), pool.Options{Backend: simbackend.New(simbackend.Options{}), Store: memstore.New("m1")})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	// Root can come as anybody, others as themselves only.
	ids := []int{os.Geteuid()}
	if ids[0] == 0 {
		ids = []int{0, 65534, 54321}
	}
	for _, id := range ids {
		name, group := names(id)
		for _, c := range []struct {
			options server.Options
			role    server.Role
		}{
			{server.Options{AdminGroup: "no-such-group", ConsumerGroup: "nor-this-one"}, server.Outsider},
			{server.Options{AdminGroup: "no-such-group", ConsumerGroup: group}, server.Consumer},
			{server.Options{AdminGroup: group, ConsumerGroup: group}, server.Operator},
		} {
			if id == 0 {
				c.role = server.Operator
			} else if group == "" {
				c.role = server.Outsider
			}
			t.Run(fmt.Sprint(id, c.options.AdminGroup, c.options.ConsumerGroup), func(t *testing.T) {
				socket := fmt.Sprintf("@lxd-pool-test-%d-%s", os.Getpid(), t.Name())
				listener, err := net.Listen("unix", socket)
				if err != nil {
					t.Fatal(err)
				}
				s := server.New(m, c.options)
				go s.Serve(listener)
				defer s.Shutdown(t.Context())
				client := &client.Client{Dial: func(context.Context) (net.Conn, error) { return dialAs(id, socket) }}
				defer client.Close()
				v, err := client.Version(t.Context())
				if err != nil || v.Identity != name || v.Role != string(c.role) {
					t.Fatalf("got %+v, %v; this is %s, %s", v, err, name, c.role)
				}
			})
		}
	}
}

// names returns how a user is identified, and the user's first group, if any.
func names(id int) (who pool.Identity, group string) {
	u, err := user.LookupId(strconv.Itoa(id))
	switch {
	case id == 0:
		who = "root"
	case err != nil:
		return pool.Identity(fmt.Sprintf("uid:%d", id)), ""
	default:
		who = pool.Identity("user:" + u.Username)
	}
	if g, err := user.LookupGroupId(u.Gid); err == nil {
		group = g.Name
	}
	return who, group
}
