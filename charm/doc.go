// Package charm is what a unit of lxd-pool does in a Juju model. Every event
// runs the same reconcile: it reads the configuration, what is said in the
// relations and what the daemon has, and makes of it what should be. Events only
// say "look again", so that a lost or repeated one does no harm, and one that is
// not known is as good as any.
//
// The leader offers each unit a part of what is asked for (offers.go), each unit
// grants what it was offered as far as it can (serve.go), and says so in its own
// bags. Where the daemon runs is behind [Workload].
package charm
