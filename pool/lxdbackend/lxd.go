package lxdbackend

import (
	"context"
	"io"
	"net/http"

	"github.com/canonical/lxd/shared/api"
	"github.com/coder/websocket"
)

// lxd is all that this package needs of LXD. Paths begin with "/1.0" and carry
// their query. No call outlives its context, and none follows an operation:
// that is [Backend.do]. Errors are an [api.StatusError] when LXD answered, an
// [awayError] when it did not.
type lxd interface {
	// Query sends one request and returns LXD's answer.
	Query(ctx context.Context, method, path string, body any) (*api.Response, error)
	// Tagged is Query that also returns the mark of what was read, and changes
	// only what still has the mark that is given, if any.
	Tagged(ctx context.Context, method, path string, body any, mark string) (*api.Response, string, error)
	// Fetch returns a file that LXD serves, to be closed by the caller.
	Fetch(ctx context.Context, path string) (io.ReadCloser, error)
	// Download is Fetch that also returns the header of the answer.
	Download(ctx context.Context, path string) (*http.Response, error)
	// Upload sends a body as it comes. It may still be read from when LXD has
	// refused it.
	Upload(ctx context.Context, path string, header http.Header, body io.Reader) (*api.Response, error)
	// Dial opens a websocket. ctx binds the opening only.
	Dial(ctx context.Context, path string) (*websocket.Conn, error)
	// SFTP opens a connection that speaks SFTP. ctx binds the opening only.
	SFTP(ctx context.Context, path string) (io.ReadWriteCloser, error)
	// Close lets idle connections go.
	Close()
}
