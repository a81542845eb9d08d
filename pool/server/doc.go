// Package server serves a manager over HTTP, on any listener. It walks the
// route table of package api: the table says who may use a route, one function
// enforces it, and each noun has its handlers in a file of its own.
//
// Whom the server talks to is known from the connection: the credentials of
// the process at the other end of a unix socket. Root and the members of one
// group operate the daemon; the members of another may acquire, and see what
// is theirs; everybody else needs the token of a lease, which is enough for
// that lease. To those who may not see it, a lease does not exist.
package server
