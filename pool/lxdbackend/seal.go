package lxdbackend

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/pkg/sftp"

	"github.com/lxd-pool/lxd-pool/pool"
)

// traces are what an instance that once ran would pass on to its copies, as
// patterns. All are made again by whoever needs them.
var traces = []string{
	// SSH host keys; see keygenUnit.
	"/etc/ssh/ssh_host_*_key", "/etc/ssh/ssh_host_*_key.pub",
	// The D-Bus copy of the machine id.
	"/var/lib/dbus/machine-id",
	// What cloud-init did, and its instance id.
	"/var/lib/cloud/instance", "/var/lib/cloud/instances", "/var/lib/cloud/data", "/var/lib/cloud/sem", "/var/lib/cloud/handlers",
	// Client ids and leases of DHCP clients.
	"/var/lib/dhcp/*", "/var/lib/dhclient/*", "/var/lib/dhcpcd/*", "/var/lib/dhcpcd5/*", "/var/db/dhcpcd/*", "/etc/dhcpcd.duid",
	"/var/lib/NetworkManager/*.lease", "/var/lib/NetworkManager/secret_key", "/var/lib/NetworkManager/timestamps",
	"/var/lib/systemd/network/*",
	// Seeds of random numbers and keys that are meant for one machine.
	"/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/var/lib/urandom/random-seed", "/var/lib/misc/random-seed",
	"/var/lib/seedrng/*",
	// The name; LXD sets the host name, and its image templates write the file.
	"/etc/hostname",
	// Logs and leftovers of the boot.
	"/var/log/journal/*", "/var/log/cloud-init*.log", "/tmp/*", "/tmp/.[!.]*", "/var/tmp/systemd-private-*",
	"/var/lib/systemd/timers/*",
}

// emptied are files that stay, without content: systemd takes an empty
// machine-id as "make one, but this is no first boot".
var emptied = []string{
	"/etc/machine-id", "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog", "/var/log/syslog", "/var/log/messages",
	"/var/log/auth.log", "/var/log/kern.log", "/var/log/daemon.log", "/var/log/dmesg", "/var/log/boot.log",
}

// sealAndStop takes from the running template what would make all copies one
// machine. That is done while it is stopped, when nothing inside can write it
// again; only a virtual machine, whose disk LXD does not open, does it itself.
func (b *Backend) sealAndStop(ctx context.Context, o pool.Order) error {
	if o.Spec.Type == pool.VirtualMachine {
		if err := b.sealInside(ctx, o); err != nil {
			return err
		}
		return b.stopCleanly(ctx, o)
	}
	if err := b.stopCleanly(ctx, o); err != nil {
		return err
	}
	return b.sealOutside(ctx, o)
}

func (b *Backend) sealOutside(ctx context.Context, o pool.Order) error {
	files, err := b.files(ctx, o)
	if err != nil {
		return err
	}
	defer files.Close()
	for _, pattern := range traces {
		found, err := files.Glob(pattern)
		if err != nil {
			return err
		}
		for _, name := range found {
			if err := removeAll(files.Client, name); err != nil {
				return err
			}
		}
	}
	for _, name := range emptied {
		if err := empty(files.Client, name); err != nil {
			return err
		}
	}
	return addKeygen(files.Client)
}

// removeAll removes name and what is in it, never what a link points to.
func removeAll(files *sftp.Client, name string) error {
	info, err := files.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return files.Remove(name)
	}
	entries, err := files.ReadDir(name)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := removeAll(files, path.Join(name, entry.Name())); err != nil {
			return err
		}
	}
	return files.RemoveDirectory(name)
}

func empty(files *sftp.Client, name string) error {
	info, err := files.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	return files.Truncate(name, 0)
}

// sealInside is sealOutside as a command in the running instance.
func (b *Backend) sealInside(ctx context.Context, o pool.Order) error {
	script := "rm -rf " + strings.Join(traces, " ") + "\n" +
		"for file in " + strings.Join(emptied, " ") + `; do [ ! -f "$file" ] || : >"$file"; done
if [ -x /usr/bin/ssh-keygen ] && [ -x /usr/sbin/sshd ] && [ -d ` + unitDir + ` ]; then
	mkdir -p ` + unitDir + `/multi-user.target.wants
	printf %s "$1" >` + unitDir + "/" + keygenName + `
	ln -sf ` + unitDir + "/" + keygenName + " " + unitDir + `/multi-user.target.wants/
fi
sync`
	status, err := b.script(ctx, o, script, keygenUnit)
	if err == nil && status != 0 {
		err = pool.Errorf(pool.ErrFailed, "", "cannot seal template %s: the script ended with status %d", o.Instance, status)
	}
	return err
}
