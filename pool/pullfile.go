package pool

import (
	"context"
	"io"
)

func pullFile(ctx context.Context, tree FileTree, at string, to func(File) (io.Writer, error)) error {
	f, err := tree.Stat(at)
	if err != nil {
		return of(at, err)
	}
	f.Name = base(at)
	switch f.Type {
	case RegularFile:
	case Directory:
		return Invalidf("pull it with all that is in it (-r)", "cannot pull %s: it is a directory", at)
	default:
		return Invalidf("", "cannot pull %s: it is a %s", at, f.Type)
	}
	from, err := tree.Open(at)
	if err != nil {
		return of(at, err)
	}
	defer from.Close()
	w, err := to(f)
	if err != nil {
		return ownError{err}
	}
	defer cutWrite(ctx, w)()
	meter := newMeter(ctx, "pulling", f.Size)
	if f.Size > 0 {
		return of(at, copyOut(ctx, w, from, f.Size, meter.add))
	}
	return of(at, copyUnsized(ctx, w, from, meter.add))
}

// copyUnsized copies a file that says that it is empty, as those that a kernel
// makes up do, up to its end.
func copyUnsized(ctx context.Context, to io.Writer, from io.ReaderAt, told func(int64)) error {
	for at := int64(0); ctx.Err() == nil; {
		got := fetch(from, at, piece)
		more := got.err == nil
		if got.err == errShrank {
			got.err = nil // it is the end
		}
		err := writePiece(to, got, told)
		at += int64(got.n)
		pieceBuffers.Put(got.buffer)
		if err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// meter tells how much of a transfer is done.
type meter struct {
	ctx context.Context
	now Progress
}

func newMeter(ctx context.Context, stage string, total int64) *meter {
	return &meter{ctx, Progress{Stage: stage, Total: total}}
}

// add is called from one goroutine at a time.
func (m *meter) add(n int64) {
	m.now.Done += n
	Report(m.ctx, m.now)
}
