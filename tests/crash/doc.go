// Package crash kills lxd-poold at random moments while holders acquire, use,
// renew and release, and then looks whether a promise was broken: an answered
// lease lost, an instance given to two at once, or anything left over. It
// compares three accounts: what the holders were answered, what the daemon
// says, and what is really there.
package crash
