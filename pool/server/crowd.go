package server

import (
	"net"
	"net/netip"
	"sync"
)

// Limits is how many connections a listener on the network has at once. 0: the default.
type Limits struct {
	// Connections is how many there are in all; 0: 1024.
	Connections int
	// PerAddress is how many come from one address, or from one /64 of IPv6; 0: 128.
	PerAddress int
}

// crowd is a listener that hangs up on those who are too many.
type crowd struct {
	net.Listener
	limits Limits

	mu   sync.Mutex
	all  int
	from map[netip.Addr]int
}

func newCrowd(l net.Listener, limits Limits) *crowd {
	if limits.Connections == 0 {
		limits.Connections = 1024
	}
	if limits.PerAddress == 0 {
		limits.PerAddress = 128
	}
	return &crowd{Listener: l, limits: limits, from: map[netip.Addr]int{}}
}

func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := origin(conn.RemoteAddr())
		if c.enter(from) {
			return &visit{Conn: conn, leave: sync.OnceFunc(func() { c.leave(from) })}, nil
		}
		conn.Close()
	}
}

func (c *crowd) enter(from netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.limits.Connections || c.from[from] >= c.limits.PerAddress {
		return false
	}
	c.all++
	c.from[from]++
	return true
}

func (c *crowd) leave(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.from[from]--; c.from[from] == 0 {
		delete(c.from, from)
	}
}

// origin is what counts as one address: who has one of IPv6 has its whole /64.
func origin(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	from := tcp.AddrPort().Addr().Unmap().WithZone("")
	if from.Is6() {
		if network, err := from.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return from
}

// visit is a connection that is counted until it is closed.
type visit struct {
	net.Conn
	leave func()
}

func (v *visit) Close() error {
	defer v.leave()
	return v.Conn.Close()
}
