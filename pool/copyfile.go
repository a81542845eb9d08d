package pool

import (
	"context"
	"errors"
	"io"
	"sync"
)

const (
	// piece is how much of a file is transferred by one call.
	piece = 1 << 20
	// pieces is how many of one file are under way at once.
	pieces = 4
)

// pieceBuffers saves making them anew for each piece.
var pieceBuffers = sync.Pool{New: func() any { return new([piece]byte) }}

// errShrank is what is wrong with a file that has become shorter while it was read.
var errShrank = errors.New("it became shorter while it was read")

// fetched is a piece of a file, or why there is none.
type fetched struct {
	buffer *[piece]byte
	n      int
	err    error
}

// copyOut writes the first size bytes of a file, reading some pieces ahead.
func copyOut(ctx context.Context, to io.Writer, from io.ReaderAt, size int64, told func(int64)) error {
	ctx, cancel := context.WithCancel(ctx)
	ahead := make(chan chan fetched, pieces-1)
	go func() {
		defer close(ahead)
		for at := int64(0); at < size; at += piece {
			next := make(chan fetched, 1)
			select {
			case ahead <- next:
			case <-ctx.Done():
				return
			}
			go func() { next <- fetch(from, at, min(piece, size-at)) }()
		}
	}()
	var failed error
	for next := range ahead {
		got := <-next
		if failed == nil {
			failed = writePiece(to, got, told)
		}
		pieceBuffers.Put(got.buffer)
		if failed != nil {
			cancel() // and wait for those that are being read
		}
	}
	failed = orElse(failed, ctx.Err())
	cancel()
	return failed
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func fetch(from io.ReaderAt, at, size int64) fetched {
	f := fetched{buffer: pieceBuffers.Get().(*[piece]byte)}
	f.n, f.err = from.ReadAt(f.buffer[:size], at)
	if int64(f.n) == size {
		f.err = nil
	} else if f.err == nil || errors.Is(f.err, io.EOF) {
		f.err = errShrank
	}
	return f
}

func writePiece(to io.Writer, got fetched, told func(int64)) error {
	if got.err != nil {
		return got.err
	}
	if _, err := to.Write(got.buffer[:got.n]); err != nil {
		return ownError{err}
	}
	told(int64(got.n))
	return nil
}

// copyIn writes a file with what there is to read, some pieces at once.
func copyIn(ctx context.Context, to io.WriterAt, from io.Reader, told func(int64)) error {
	crew := newCrew(ctx, pieces)
	var failed error
	for at, more := int64(0), true; more && failed == nil; {
		buffer := pieceBuffers.Get().(*[piece]byte)
		n, err := readPiece(from, buffer[:])
		more = err == nil
		if err != nil && err != io.EOF {
			failed = ownError{err}
		} else {
			here := at
			failed = crew.do(func() error {
				defer pieceBuffers.Put(buffer)
				return writeAll(to, buffer[:n], here)
			})
			at += int64(n)
			told(int64(n))
		}
	}
	return orElse(failed, crew.wait())
}

// readPiece fills a buffer as far as there is something. Unlike [io.ReadFull] it
// tells the end, [io.EOF], from one that came too early.
func readPiece(from io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = from.Read(buffer[n:])
		n += more
	}
	return n, err
}

func writeAll(to io.WriterAt, data []byte, at int64) error {
	if len(data) == 0 {
		return nil
	}
	_, err := to.WriteAt(data, at)
	return err
}
