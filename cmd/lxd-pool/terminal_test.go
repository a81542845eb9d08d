package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// terminal opens a terminal: what a user types is written to the one end, the
// program has the other.
func terminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close() })
	if err := unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return user, program
}

func resize(t *testing.T, f *os.File, width, height uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}); err != nil {
		t.Fatal(err)
	}
}

// leased starts a daemon and returns its socket and a lease.
func leased(t *testing.T, image string, flags ...string) (socket string, id pool.LeaseID) {
	t.Helper()
	home, err := os.MkdirTemp("", "lxd-pool")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	socket = filepath.Join(home, "socket")
	d, err := launch(socket, filepath.Join(home, "state"), flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err, d.log.String())
		}
	})
	c := &client.Client{Socket: socket}
	if _, err := c.CreatePool(t.Context(), "cli-terminal", pool.Spec{Image: image, Size: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.DeletePool(context.Background(), "cli-terminal", true) })
	leases, err := c.Acquire(t.Context(), pool.AcquireRequest{Pool: "cli-terminal", Wait: pool.WaitForever})
	if err != nil {
		t.Fatal(err)
	}
	return socket, leases[0].ID
}

// sitDown runs lxd-pool in a terminal and returns the user's end of it.
func sitDown(t *testing.T, args ...string) (user *os.File, cmd *exec.Cmd) {
	t.Helper()
	user, program := terminal(t)
	resize(t, user, 100, 30)
	cmd = exec.Command("lxd-pool", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	late := time.AfterFunc(untilWithin, func() { cmd.Process.Kill() })
	t.Cleanup(func() { late.Stop() })
	return user, cmd
}

func TestACommandHasTheUsersTerminalAndItsSizeOnRealLXD(t *testing.T) {
	t.Setenv("LXD_DIR", lxdDir(t))
	socket, id := leased(t, "lxd-pool/busybox", "--backend", "lxd")
	// It ends when it is told to: LXD drops what a command writes to a terminal
	// just before it ends.
	script := `stty size; until [ "$(stty size)" = "40 120" ]; do sleep 0.05; done; echo resized; read line; echo "got $line"; read line; exit 4`
	user, cmd := sitDown(t, "--socket", socket, "exec", string(id), "--", "sh", "-c", script)
	screen := bufio.NewScanner(user)
	see(t, screen, "30 100")
	resize(t, user, 120, 40)
	see(t, screen, "resized")
	fmt.Fprint(user, "hello\r")
	see(t, screen, "got hello")
	fmt.Fprint(user, "\r")
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 4 {
		t.Errorf("ended with status %d, want 4", status)
	}
}

func TestAShellIsTheUsersOwnOnRealLXD(t *testing.T) {
	t.Setenv("LXD_DIR", lxdDir(t))
	t.Setenv("TERM", "screen")
	socket, id := leased(t, "lxd-pool/busybox", "--backend", "lxd")
	prepare := `echo 'alice:x:1001:1001::/tmp:/bin/sh' >>/etc/passwd; echo 'echo welcome $USER' >>/etc/profile`
	if _, err := (&client.Client{Socket: socket}).Exec(t.Context(), id, pool.Command{Args: []string{"sh", "-c", prepare}}); err != nil {
		t.Fatal(err)
	}
	user, cmd := sitDown(t, "--socket", socket, "shell", string(id), "--user", "alice", "-e", "HUSH=secret")
	screen := bufio.NewScanner(user)
	see(t, screen, "welcome alice")
	fmt.Fprint(user, "echo $(id -u) $HUSH $TERM $(pwd)\r")
	see(t, screen, "1001 secret screen /tmp")
	fmt.Fprint(user, "stty size\r")
	see(t, screen, "30 100")
	fmt.Fprint(user, "until [ \"$(stty size)\" = '40 120' ]; do sleep 0.05; done; echo resi''zed\r")
	resize(t, user, 120, 40)
	see(t, screen, "resized")
	fmt.Fprint(user, "echo star''ted; sleep 1000\r")
	see(t, screen, "started")
	fmt.Fprint(user, "\x03echo status $?\r")
	see(t, screen, "status 130")
	// What is left in the background keeps nobody, whatever it has open.
	fmt.Fprint(user, "(trap '' HUP; sleep 1000) &\rexit 5\r")
	go io.Copy(io.Discard, user)
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 5 {
		t.Errorf("ended with status %d, want 5", status)
	}
}

func TestAShellHasTheTerminalAndItsSize(t *testing.T) {
	socket, id := leased(t, "busybox")
	user, cmd := sitDown(t, "--socket", socket, "shell", string(id))
	screen := bufio.NewScanner(user)
	fmt.Fprint(user, "stty size\r")
	see(t, screen, "30 100")
	resize(t, user, 120, 40)
	for !strings.HasSuffix(screen.Text(), "40 120") && t.Context().Err() == nil {
		fmt.Fprint(user, "stty size\r")
		if !screen.Scan() {
			t.Fatal("the terminal never showed the new size")
		}
	}
	fmt.Fprint(user, "nonsense\x03echo after the interrupt\r")
	see(t, screen, "after the interrupt")
	fmt.Fprint(user, "exit 4\r")
	go io.Copy(io.Discard, user)
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 4 {
		t.Errorf("ended with status %d, want 4", status)
	}
}

func TestASignalToTheTerminalsProgramEndsTheShell(t *testing.T) {
	socket, id := leased(t, "busybox")
	user, cmd := sitDown(t, "--socket", socket, "shell", string(id))
	screen := bufio.NewScanner(user)
	fmt.Fprint(user, "echo ready\r")
	see(t, screen, "ready")
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, user)
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 128+int(syscall.SIGHUP) {
		t.Errorf("ended with status %d, want 129", status)
	}
}

// see reads what the terminal shows until a line is as wanted.
func see(t *testing.T, screen *bufio.Scanner, want string) {
	t.Helper()
	var shown []string
	for screen.Scan() {
		if strings.TrimSpace(screen.Text()) == want {
			return
		}
		shown = append(shown, screen.Text())
	}
	t.Errorf("the terminal never showed %q, but %q: %v", want, shown, screen.Err())
}

func TestAWaitThatTakesLongIsExplainedOnATerminal(t *testing.T) {
	home, err := os.MkdirTemp("", "lxd-pool")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	socket := filepath.Join(home, "socket")
	d, err := launch(socket, filepath.Join(home, "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	c := &client.Client{Socket: socket}
	if _, err := c.CreatePool(t.Context(), "ci", pool.Spec{Image: "busybox", Size: 1, Max: 1}); err != nil {
		t.Fatal(err)
	}
	leases, err := c.Acquire(t.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
	if err != nil {
		t.Fatal(err)
	}

	user, program := terminal(t)
	resize(t, user, 120, 30)
	cmd := exec.Command("lxd-pool", "--socket", socket, "acquire", "ci", "--wait", "forever", "-f", "json")
	cmd.Stderr = program
	cmd.Stdout = open(t, "out")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	late := time.AfterFunc(untilWithin, func() { cmd.Process.Kill() })
	defer late.Stop()
	screen := bufio.NewReader(user)
	for _, want := range []string{"waiting for pool ci", "1 request waits"} {
		if shown := showing(screen, want); !strings.Contains(shown, want) {
			t.Errorf("the terminal never showed %q, but %q", want, shown)
		}
	}
	if _, err := c.Release(t.Context(), leases[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the wait ended with %v", err)
	}
}

// showing reads what a terminal shows until it has the text.
func showing(screen *bufio.Reader, want string) string {
	var shown strings.Builder
	for !strings.HasSuffix(shown.String(), want) {
		b, err := screen.ReadByte()
		if err != nil {
			break
		}
		shown.WriteByte(b)
	}
	return shown.String()
}
