// Package client is the Go client of lxd-poold: the verbs of the engine over
// its socket. The zero value of [Client] is ready to use.
//
//	var c client.Client
//	leases, err := c.Acquire(ctx, pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
//
// Errors are those of package pool: what errors.Is tells in the engine holds
// here too. One more is [pool.ErrUnreachable], when no daemon answers; then it
// is not known whether what was asked for has happened, but every verb can be
// repeated.
package client
