// Package machine runs lxd-pool as a snap on a unit's machine, with the LXD snap
// of that machine. It speaks to snapd and to LXD over their sockets.
package machine
