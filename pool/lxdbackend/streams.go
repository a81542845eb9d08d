package lxdbackend

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/canonical/lxd/shared/api"
	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/lxd-pool/lxd-pool/pool"
)

// streams are the websockets of one command. In a terminal, input carries the
// output too, and output and errors are nil.
type streams struct {
	input, output, errors *websocket.Conn
	control               *websocket.Conn
}

// lostError says that a stream broke off before its end was marked.
type lostError struct{ cause error }

func (e *lostError) Error() string { return e.cause.Error() }
func (e *lostError) Unwrap() error { return e.cause }

func isLost(err error) bool {
	var lost *lostError
	return errors.As(err, &lost)
}

// unstartedError says that the streams could not be connected, so that LXD never
// started the command.
type unstartedError struct{ cause error }

func (e *unstartedError) Error() string { return e.cause.Error() }
func (e *unstartedError) Unwrap() error { return e.cause }

// openStreams connects all that LXD waits for, which it does for five seconds.
func (b *Backend) openStreams(ctx context.Context, op *api.Operation, terminal bool) (*streams, error) {
	secrets, _ := op.Metadata["fds"].(map[string]any)
	s := &streams{}
	// LXD starts the command when all but the control stream are connected, and
	// a short one may be over at once: control comes first.
	type stream struct {
		name string
		conn **websocket.Conn
	}
	wanted := []stream{{api.SecretNameControl, &s.control}, {"0", &s.input}}
	if !terminal {
		wanted = append(wanted, stream{"1", &s.output}, stream{"2", &s.errors})
	}
	for _, w := range wanted {
		secret, _ := secrets[w.name].(string)
		opened, err := b.lxd.Dial(ctx, "/1.0/operations/"+op.ID+"/websocket?secret="+url.QueryEscape(secret))
		if err != nil {
			s.close()
			return nil, &unstartedError{err}
		}
		*w.conn = opened
	}
	return s, nil
}

func (s *streams) close() {
	for _, conn := range []*websocket.Conn{s.input, s.output, s.errors, s.control} {
		if conn != nil {
			conn.CloseNow()
		}
	}
}

// run passes everything through. It sends what became of the output, once, when
// all of it was written or the first error came up.
func (s *streams) run(ctx context.Context, c pool.Command, late func(context.Context, int)) <-chan error {
	go feed(ctx, s.input, c.Stdin, c.Terminal)
	exited := s.control.CloseRead(ctx)
	go steer(ctx, s.control, exited.Done(), c, late)
	if c.Terminal {
		go nudge(ctx, s.input, exited.Done())
	}
	group, ctx := errgroup.WithContext(ctx)
	if c.Terminal {
		group.Go(func() error {
			defer s.input.CloseNow() // LXD waits for it
			return drain(ctx, s.input, c.Stdout)
		})
	} else {
		s.input.CloseRead(ctx)
		group.Go(func() error { return drain(ctx, s.output, c.Stdout) })
		group.Go(func() error { return drain(ctx, s.errors, c.Stderr) })
	}
	written := make(chan error, 1)
	go func() { written <- group.Wait() }()
	return written
}

// chunk is how much is passed on at once.
const chunk = 32 << 10

// feed sends what it reads, and then the empty text that marks the end. In a
// terminal LXD would take that for a hangup, so the end is typed there: Ctrl-D.
func feed(ctx context.Context, conn *websocket.Conn, from io.Reader, terminal bool) {
	buffer := make([]byte, chunk)
	for from != nil {
		n, err := from.Read(buffer)
		if n > 0 && conn.Write(ctx, websocket.MessageBinary, buffer[:n]) != nil {
			return
		}
		if err != nil {
			break
		}
	}
	if terminal {
		_ = conn.Write(ctx, websocket.MessageBinary, []byte{4})
		return
	}
	_ = conn.Write(ctx, websocket.MessageText, nil)
}

// nudgeAfter is what LXD usually needs to end a terminal whose command has exited.
const nudgeAfter = 200 * time.Millisecond

// nudge ends a terminal whose command has exited while others keep it open. LXD
// misses that now and then, until there is something more to show.
func nudge(ctx context.Context, conn *websocket.Conn, exited <-chan struct{}) {
	<-exited
	for pause := pause(nudgeAfter); pause.sleep(ctx) == nil; {
		_ = conn.Write(ctx, websocket.MessageBinary, []byte("\n"))
	}
}

// drain writes what it receives until the end is marked.
func drain(ctx context.Context, conn *websocket.Conn, to io.Writer) error {
	if to == nil {
		to = io.Discard
	}
	buffer := make([]byte, chunk)
	for {
		kind, message, err := conn.Reader(ctx)
		if err == nil && kind == websocket.MessageText || websocket.CloseStatus(err) == websocket.StatusNormalClosure {
			return nil
		}
		if err != nil {
			return brokenOff(ctx, err)
		}
		for err == nil {
			var n int
			n, err = message.Read(buffer)
			if _, failed := to.Write(buffer[:n]); failed != nil {
				return failed
			}
		}
		if !errors.Is(err, io.EOF) {
			return brokenOff(ctx, err)
		}
	}
}

func brokenOff(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &lostError{&awayError{err}}
}

// doubt is how long before the news that a command has exited LXD may have taken
// a signal for it that reached nobody.
const doubt = 5 * time.Second

// steer passes sizes and signals on. Once the command itself has exited LXD takes
// none; signals then are for late, sizes for nobody. A signal that LXD took just
// before is for late too, since nobody knows whether it came in time.
func steer(ctx context.Context, conn *websocket.Conn, exited <-chan struct{}, c pool.Command, late func(context.Context, int)) {
	last, sent := 0, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-exited:
			exited = nil
			if time.Since(sent) < doubt {
				late(ctx, last)
			}
		case size, ok := <-c.Resize:
			if !ok {
				c.Resize = nil
				continue
			}
			_ = tell(ctx, conn, api.InstanceExecControl{Command: "window-resize",
				Args: map[string]string{"width": strconv.Itoa(size.Width), "height": strconv.Itoa(size.Height)}})
		case number, ok := <-c.Signals:
			if !ok {
				c.Signals = nil
				continue
			}
			if tell(ctx, conn, api.InstanceExecControl{Command: "signal", Signal: number}) != nil {
				late(ctx, number)
				continue
			}
			last, sent = number, time.Now()
		}
	}
}

func tell(ctx context.Context, conn *websocket.Conn, message api.InstanceExecControl) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, text)
}
