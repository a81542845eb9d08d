package pooltest

import (
	"context"
	"net"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Pipes is a listener in memory, each of whose connections says who made it.
// It works in a bubble of testing/synctest, where real sockets do not.
type Pipes struct {
	incoming chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

// NewPipes returns a listener that nobody has connected to yet.
func NewPipes() *Pipes {
	return &Pipes{incoming: make(chan net.Conn), closed: make(chan struct{})}
}

// PipeEnd is the listener's end of a connection.
type PipeEnd struct {
	net.Conn
	Who pool.Identity
}

// Dialer returns how somebody connects.
func (p *Pipes) Dialer(who pool.Identity) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case p.incoming <- PipeEnd{far, who}:
			return near, nil
		case <-p.closed:
			return nil, &net.OpError{Op: "dial", Net: "pipe", Err: net.ErrClosed}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Accept implements [net.Listener].
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.incoming:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements [net.Listener].
func (p *Pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
