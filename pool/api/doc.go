// Package api is the wire between lxd-poold and its clients: the types of the
// requests and answers, the one table of routes with who may use them, and how
// an error travels. The client and the server both read the table, so that
// neither can know a path that the other does not.
//
// Pools, events, explanations and problems travel as the types of package pool;
// what differs from the engine's own records has its type here.
package api
