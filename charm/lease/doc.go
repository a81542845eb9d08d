// Package lease is the interface lxd_pool_lease, version 0: what the units of a
// charm that needs leased instances and the units of lxd-pool say to each other
// in a Juju relation. docs/interface/v0 specifies it.
//
// A charm that needs instances uses [Requirer]. Everything here reads leniently:
// what is missing has its zero value, what is unknown is passed over, and a list
// is a set in which the order says nothing.
package lease
