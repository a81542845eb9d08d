package lxdbackend

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/pkg/sftp"
)

// keygenUnit makes SSH host keys at the start of a member where sshd and
// systemd are, and nothing else would: only missing ones, before sshd. It makes
// no RSA key, which would cost a second of processor time at every start; every
// SSH client of today takes the other two.
const keygenUnit = `[Unit]
Description=Make the SSH host keys that this machine lacks
DefaultDependencies=no
After=local-fs.target
Before=ssh.service ssh.socket sshd.service sshd.socket shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for type in ed25519 ecdsa; do \
	key=/etc/ssh/ssh_host_$${type}_key; \
	[ -s $$key ] || ssh-keygen -q -t $$type -N "" -f $$key; \
	done'
RemainAfterExit=yes
`

const (
	unitDir    = "/etc/systemd/system"
	keygenName = "lxd-pool-ssh-host-keys.service"
)

// addKeygen adds keygenUnit, and has it started with the system, where there
// are ssh-keygen, sshd and systemd.
func addKeygen(files *sftp.Client) error {
	for _, needed := range []string{"/usr/bin/ssh-keygen", "/usr/sbin/sshd", unitDir} {
		if _, err := files.Stat(needed); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
	}
	wants := path.Join(unitDir, "multi-user.target.wants")
	if err := files.MkdirAll(wants); err != nil {
		return err
	}
	unit, err := files.Create(path.Join(unitDir, keygenName))
	if err != nil {
		return err
	}
	if _, err := unit.ReadFrom(strings.NewReader(keygenUnit)); err != nil {
		unit.Close()
		return err
	}
	if err := unit.Close(); err != nil {
		return err
	}
	link := path.Join(wants, keygenName)
	if _, err := files.Lstat(link); err == nil {
		return nil
	}
	return files.Symlink(path.Join(unitDir, keygenName), link)
}
