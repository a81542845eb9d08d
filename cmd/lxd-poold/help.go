package main

import "strings"

const helpBefore = `lxd-poold keeps pools of ready LXD instances and leases them over a socket.
Pools are made and leases acquired with lxd-pool.

Usage:
  lxd-poold [FLAGS]

Examples:
  # The LXD of this host; members of the group lxd operate the daemon.
  lxd-poold
  # Members of the group ci may acquire; the pools are those of a file.
  lxd-poold --consumers ci --pools /etc/lxd-pool/pools.yaml
  # Try it out without LXD.
  lxd-poold --backend sim --state-dir /tmp/lxd-pool --socket /tmp/lxd-pool.socket

Flags:
`

const helpAfter = `
Every flag can also be given in the environment, as LXD_POOLD_ and its name:
--state-dir as LXD_POOLD_STATE_DIR. A flag wins over its variable.

The file of pools has the keys of a spec below the name of each pool:

  ci:
    image: ubuntu:24.04
    size: 10
    config:
      limits.memory: 2GiB

Pools that are missing are made, and pools that differ are changed. A pool that
is not in the file is left alone.

The configuration, --config, has pools in the same form below the key "pools".
These are kept by it: commands do not change them, and one that vanishes from it
gives no new leases and is deleted after its last. A pool that a command has
made is never touched. Beside pools it has these keys, each in place of the
flag of that name; listen, tls-cert, tls-key, metrics and those of lxd wait for
a restart:

  listen: 192.0.2.1:8443
  tls-cert: FILE
  tls-key: FILE
  metrics: 127.0.0.1:9418
  group: lxd
  consumers: ci
  log-level: info
  lxd:
    address: https://HOST:PORT
    client-cert: FILE
    client-key: FILE
    server-cert: FILE

Who may connect: the socket belongs to --group and has mode 0660, so that root
and the group reach it. With --consumers it has mode 0666, since a socket has
one group only and the holders of tokens are not in any: then everybody can
connect, and the daemon decides by the credentials that the kernel gives it, or
by the token. A socket that systemd passes is left as it is.

Signals: SIGTERM and SIGINT end the daemon after what is under way; requests
that wait are told to ask again, and leases go on. A second one does not wait.
SIGHUP reads the file of pools and the configuration again.

Exit status: 0 after a signal to end, 1 when it cannot serve, 2 when it cannot
understand its flags.
`

// noise is what pflag puts behind flags that need no value.
const noise = "[=true|false]"

func helpText(o *options) string {
	var b strings.Builder
	b.WriteString(helpBefore)
	usages := o.flags.FlagUsagesWrapped(100)
	b.WriteString(strings.ReplaceAll(usages, noise, strings.Repeat(" ", len(noise))))
	b.WriteString(helpAfter)
	return b.String()
}
