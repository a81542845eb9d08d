package pool

import (
	"context"
	"sync"
)

// What is kept of each stream of a detached command: its beginning and its end.
const (
	keptHead = 64 << 10
	keptTail = 192 << 10
)

// recording is a detached command as this process knows it: what it has written
// and how to reach it. It lasts until the command is forgotten or its lease ends.
type recording struct {
	// signals reaches the command while it runs, kill ends it.
	signals chan int
	life    context.Context
	kill    context.CancelFunc
	// ended is closed when the command has ended and that was noted, gone when
	// it is forgotten.
	ended, gone chan struct{}

	mu      sync.Mutex
	streams map[Stream]*kept
	sent    map[int]bool  // the signals that were sent to it
	outcome *Detached     // how it ended; nil while it runs
	changed chan struct{} // closed at the next change; nil: nobody waits for it
}

// maxSignals is how many signals may be under way to one command.
const maxSignals = 16

func newRecording(life context.Context) *recording {
	r := &recording{
		signals: make(chan int, maxSignals), ended: make(chan struct{}), gone: make(chan struct{}),
		streams: map[Stream]*kept{Stdout: {}, Stderr: {}}, sent: map[int]bool{},
	}
	r.life, r.kill = context.WithCancel(life)
	return r
}

// writer returns where a stream of the command goes. It never fails.
func (r *recording) writer(s Stream) recorder { return recorder{r, s} }

type recorder struct {
	r      *recording
	stream Stream
}

func (w recorder) Write(p []byte) (int, error) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	w.r.streams[w.stream].write(p)
	w.r.stir()
	return len(p), nil
}

// stir wakes those who wait for a change. It is called with mu held.
func (r *recording) stir() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// end notes how the command ended.
func (r *recording) end(outcome *Detached) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcome = outcome
	r.stir()
}

// send passes a signal on, and reports whether there was room for it.
func (r *recording) send(signal int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case r.signals <- signal:
		r.sent[signal] = true
		return true
	default:
		return false
	}
}

func (r *recording) wasSent(signal int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent[signal]
}

// fill completes what the journal has of the command.
func (r *recording) fill(d *Detached) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.outcome != nil {
		*d = *r.outcome
	}
	d.Stdout, d.Stderr = r.streams[Stdout].size(), r.streams[Stderr].size()
}

// next returns what a stream has from a byte on, and the byte after it. When
// there is nothing it returns what is closed at the next change, or nil when the
// command has ended.
func (r *recording) next(s Stream, from int64) (c OutputChunk, after int64, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Stream = s
	c.Data, c.Dropped = r.streams[s].read(from)
	after = from + c.Dropped + int64(len(c.Data))
	if after == from && r.outcome == nil {
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed = r.changed
	}
	return c, after, changed
}

// kept is the beginning and the end of a stream.
type kept struct {
	bytes int64 // all that was written
	head  []byte
	tail  []byte // what followed the head, the last keptTail bytes of it at least
}

func (k *kept) write(p []byte) {
	k.bytes += int64(len(p))
	n := min(len(p), keptHead-len(k.head))
	k.head = append(k.head, p[:n]...)
	p = p[n:]
	if over := len(p) - keptTail; over > 0 {
		p = p[over:]
	}
	k.tail = append(k.tail, p...)
	if over := len(k.tail) - keptTail; over > keptTail/2 { // seldom, so that it costs little
		k.tail = append(k.tail[:0], k.tail[over:]...)
	}
}

// end is the part of the tail that is kept for good.
func (k *kept) end() []byte { return k.tail[max(0, len(k.tail)-keptTail):] }

func (k *kept) size() OutputSize {
	return OutputSize{Bytes: k.bytes, Dropped: k.bytes - int64(len(k.head)) - int64(len(k.end()))}
}

// read returns what follows a byte, as far as it is in one piece, and how much
// was dropped before that.
func (k *kept) read(from int64) (data []byte, dropped int64) {
	if from < int64(len(k.head)) {
		return append([]byte(nil), k.head[from:]...), 0
	}
	end := k.end()
	begin := k.bytes - int64(len(end))
	if from < begin {
		from, dropped = begin, begin-from
	}
	return append([]byte(nil), end[from-begin:]...), dropped
}
