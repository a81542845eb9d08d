package lxdbackend

import (
	"context"
	"io"

	"github.com/pkg/sftp"

	"github.com/lxd-pool/lxd-pool/pool"
)

// fileSession is the file system of an instance, which may be stopped.
type fileSession struct {
	*sftp.Client
	stream io.Closer
	stop   func() bool
}

// files opens a session that ends with ctx. The caller closes it.
func (b *Backend) files(ctx context.Context, o pool.Order, options ...sftp.ClientOption) (*fileSession, error) {
	stream, err := b.lxd.SFTP(ctx, at(o, "/sftp"))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	client, err := sftp.NewClientPipe(stream, stream, options...)
	if err != nil {
		stop()
		stream.Close()
		return nil, &awayError{err}
	}
	return &fileSession{client, stream, stop}, nil
}

// Close ends the session; LXD then lets go of the file system.
func (f *fileSession) Close() error {
	f.stop()
	err := f.Client.Close()
	f.stream.Close()
	return err
}
