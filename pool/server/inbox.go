package server

import (
	"bytes"
	"io"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// inbox is the standard input of a command on its way from the client: at most
// a window of it, so that putting never waits.
type inbox struct {
	credit func(int) // allows the client that many more bytes

	mu     sync.Mutex
	change *sync.Cond
	data   bytes.Buffer
	owed   int   // read and not yet credited
	closed error // why there is no more after data
}

func newInbox(credit func(int)) *inbox {
	in := &inbox{credit: credit}
	in.change = sync.NewCond(&in.mu)
	return in
}

// put adds what came. It fails when the client sends more than it was allowed.
func (in *inbox) put(data []byte) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed != nil {
		return nil // the command has ended, or will not read it
	}
	if in.data.Len()+in.owed+len(data) > api.Window {
		return pool.Invalidf("", "cannot go on with the command: the client sends more standard input than it may")
	}
	in.data.Write(data)
	in.change.Broadcast()
	return nil
}

// end says that there is no more.
func (in *inbox) end() { in.close(io.EOF) }

func (in *inbox) close(why error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed == nil {
		in.closed = why
	}
	in.change.Broadcast()
}

// Read returns what has come, and then allows the client to send as much again.
func (in *inbox) Read(p []byte) (int, error) {
	n, credit, err := in.take(p)
	if credit > 0 {
		in.credit(credit)
	}
	return n, err
}

func (in *inbox) take(p []byte) (n, credit int, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.data.Len() == 0 && in.closed == nil {
		in.change.Wait()
	}
	if in.data.Len() == 0 {
		return 0, 0, in.closed
	}
	n, _ = in.data.Read(p)
	if in.owed += n; in.owed >= api.Window/4 {
		credit, in.owed = in.owed, 0
	}
	return n, credit, nil
}
