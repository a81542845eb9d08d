package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/lxd-pool/lxd-pool/pool"
)

// listen returns the sockets that systemd passes, else one of our own.
func listen(o *options, log *slog.Logger) ([]net.Listener, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("cannot use the sockets that systemd passes: %w", err)
	}
	for _, l := range passed {
		if l == nil {
			return nil, pool.Invalidf("make it a ListenStream", "cannot use a socket that systemd passes: it is not for streams")
		}
	}
	if len(passed) > 0 {
		return passed, nil
	}
	l, err := listenAt(o.socket)
	if err != nil {
		return nil, err
	}
	if err := open(o, log); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return []net.Listener{l}, nil
}

// listenAt makes a socket that only our own user can connect to. What a daemon
// left behind that has ended is replaced, and nothing else is.
func listenAt(path string) (net.Listener, error) {
	if err := makeWay(filepath.Dir(path)); err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "name another with --socket", "cannot make the directory of the socket: %w", err)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	before := syscall.Umask(0o177)
	defer syscall.Umask(before)
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EINVAL) && len(path) > maxSocketPath {
		return nil, pool.Invalidf("name a shorter one with --socket", "cannot listen on %s: the path has more than %d bytes", path, maxSocketPath)
	}
	if err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "name another with --socket", "cannot listen: %w", err)
	}
	return l, nil
}

// makeWay makes the directory of the socket, if it is missing, so that everybody
// can get to the socket: who may connect is said by the socket's own mode. The
// umask, which is for the state, has no say in it.
func makeWay(dir string) error {
	before := syscall.Umask(0o022)
	defer syscall.Umask(before)
	return os.MkdirAll(dir, 0o755)
}

// maxSocketPath is what fits into a sockaddr_un.
const maxSocketPath = 107

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look at the socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return pool.Invalidf("move it away, or name another with --socket", "cannot listen on %s: it is there and is not a socket", path)
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return pool.Errorf(pool.ErrLocked, "stop that daemon, or name another socket with --socket",
			"cannot listen on %s: another daemon listens there", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("cannot tell whether a daemon listens on %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("cannot remove what an earlier daemon left: %w", err)
	}
	return nil
}

// open lets those connect who may: see the help for who that is.
func open(o *options, log *slog.Logger) error {
	if everybody := fs.FileMode(0o006); o.socketMode&everybody == everybody {
		return chmod(o) // whose it is decides nothing then
	}
	if err := giveTo(o.socket, o.group); err != nil {
		if o.groupGiven {
			return pool.Errorf(pool.ErrInvalid, "name a group that there is with --group", "cannot give the socket to its group: %w", err)
		}
		log.Warn("cannot give the socket to its group; only this user and root can operate the daemon", "error", err)
	}
	return chmod(o)
}

func chmod(o *options) error {
	if err := os.Chmod(o.socket, o.mode()); err != nil {
		return fmt.Errorf("cannot open the socket to its users: %w", err)
	}
	return nil
}

func (o *options) mode() fs.FileMode {
	switch {
	case o.socketMode != 0:
		return o.socketMode
	case o.consumers != "":
		return 0o666
	}
	return 0o660
}

func giveTo(path, group string) error {
	g, err := user.LookupGroup(group)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, -1, gid)
}
