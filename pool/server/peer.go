package server

import (
	"fmt"
	"net"
	"os/user"
	"slices"
	"strconv"
	"syscall"

	"github.com/lxd-pool/lxd-pool/pool"
)

// peer identifies the process at the other end of a unix socket, as the kernel
// noted it when that process connected. Its groups are those it had then, as
// far as the kernel tells (one), and those that the user has now.
func (s *Server) peer(conn net.Conn) (Caller, error) {
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return Caller{Role: Outsider}, nil
	}
	cred, err := credentials(local)
	if err != nil {
		return Caller{}, err
	}
	if cred.Uid == 0 {
		return Caller{Identity: "root", Role: Operator}, nil
	}
	c := Caller{Identity: pool.Identity(fmt.Sprintf("uid:%d", cred.Uid))}
	groups := []string{strconv.FormatUint(uint64(cred.Gid), 10)}
	if u, err := user.LookupId(strconv.FormatUint(uint64(cred.Uid), 10)); err == nil {
		c.Identity = pool.Identity("user:" + u.Username)
		more, err := u.GroupIds()
		if err != nil {
			return Caller{}, fmt.Errorf("cannot tell the groups of %s: %w", u.Username, err)
		}
		groups = append(groups, more...)
	}
	c.Role = s.roleOf(groups)
	return c, nil
}

func (s *Server) roleOf(groups []string) Role {
	ours := s.groups.Load()
	switch {
	case isAmong(ours.admin, groups):
		return Operator
	case isAmong(ours.consumer, groups):
		return Consumer
	}
	return Outsider
}

// isAmong reports whether the group of that name is one of the numbers. The
// name is looked up each time, since groups come and go while a daemon runs.
func isAmong(name string, groups []string) bool {
	if name == "" {
		return false
	}
	g, err := user.LookupGroup(name)
	return err == nil && slices.Contains(groups, g.Gid)
}

func credentials(conn *net.UnixConn) (*syscall.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the peer's credentials: %w", err)
	}
	var cred *syscall.Ucred
	var failure error
	err = raw.Control(func(fd uintptr) {
		cred, failure = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the peer's credentials: %w", err)
	}
	return cred, nil
}
