// Package simbackend is an LXD made of arithmetic: it implements
// [pool.Backend], [pool.Watcher] and what holders do with an instance, such as
// [pool.Guest], with seeded latency, capacity, failures and lost replies, for
// tests and for scale. It uses timers only, so that it works under
// testing/synctest, and everything it draws comes from one stream for each verb:
// the same seed and the same order of calls give the same world.
//
// It keeps the habits of LXD that an engine has to live with. An instance is
// listed from the moment its making begins, and looks the same whether it was
// finished or not; one that was not finished and is started can never be
// deleted again. What a call began goes on when the caller leaves. A pool's
// first instance waits until its template is built.
//
// A world that was opened with [Open] is kept in a file, one line for each
// change, and so outlives its process as LXD outlives the daemon's.
package simbackend
