package lxdbackend

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// account is a user of an instance.
type account struct {
	name, home string
	shell      string // "" when it is not known
	uid, gid   uint32
}

var root = account{name: "root", home: "/root"}

// account finds a user by name or number in the instance: in /etc/passwd, or,
// if it is not there, by asking the instance, which may know others. There is a
// root everywhere; it is looked for only when its shell is needed.
func (b *Backend) account(ctx context.Context, o pool.Order, user string, needShell bool) (account, error) {
	if user != "" && user != "root" && user != "0" {
		return b.findAccount(ctx, o, user)
	}
	if !needShell {
		return root, nil
	}
	found, err := b.findAccount(ctx, o, "0")
	if errors.Is(err, pool.ErrInvalid) {
		return root, nil
	}
	return found, err
}

func (b *Backend) findAccount(ctx context.Context, o pool.Order, user string) (account, error) {
	file, err := b.lxd.Fetch(ctx, at(o, "/files")+"&path="+url.QueryEscape("/etc/passwd"))
	if err != nil && !notFound(err) {
		return account{}, err
	}
	if err == nil {
		defer file.Close()
		text, err := io.ReadAll(io.LimitReader(file, 1<<20))
		if err != nil {
			return account{}, &awayError{err}
		}
		if found, ok := readAccount(string(text), user); ok {
			return found, nil
		}
	}
	return b.askAccount(ctx, o, user)
}

func (b *Backend) askAccount(ctx context.Context, o pool.Order, user string) (account, error) {
	output := &tail{limit: 4096}
	status, err := b.Exec(ctx, o, pool.Command{Args: []string{"getent", "passwd", user}, Stdout: output})
	if away(err) || errors.Is(err, pool.ErrNotRunning) {
		return account{}, err
	}
	if err == nil && status == 0 {
		if found, ok := readAccount(string(output.end), user); ok {
			return found, nil
		}
	}
	if number, err := strconv.ParseUint(user, 10, 32); err == nil {
		return account{name: user, home: "/", uid: uint32(number), gid: uint32(number)}, nil
	}
	return account{}, pool.Errorf(pool.ErrInvalid, "use a user that exists in the image, or a number",
		"cannot run a command as user %q: instance %s has no such user", user, o.Instance)
}

// readAccount reads the form of /etc/passwd.
func readAccount(passwd, user string) (account, bool) {
	for line := range strings.Lines(passwd) {
		field := strings.Split(strings.TrimSpace(line), ":")
		if len(field) < 7 || field[0] != user && field[2] != user {
			continue
		}
		uid, err := strconv.ParseUint(field[2], 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(field[3], 10, 32)
		if err != nil {
			continue
		}
		return account{name: field[0], home: field[5], shell: field[6], uid: uint32(uid), gid: uint32(gid)}, true
	}
	return account{}, false
}
