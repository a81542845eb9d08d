// Package hooktool runs Juju's hook tools, for charms written in Go. What a
// hook writes (relation data, secrets, ports, state) takes effect when it ends
// well, and not at all otherwise; statuses, logs and the results of actions at once.
//
// No value of a secret or of relation data is ever an argument of a program,
// where every user of the machine could read it.
package hooktool
