package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// tellsProgress reports whether an answer tells how far it is, line by line.
func tellsProgress(answer *http.Response) bool {
	return strings.HasPrefix(answer.Header.Get("Content-Type"), api.ProgressType)
}

// errNoEnd is what is wrong with an answer that stops before its last line.
var errNoEnd = errors.New("it broke off before the end")

// follow reads an answer that tells how far it is, passes that on, and returns
// the result.
func (c *Client) follow(ctx context.Context, body io.Reader) ([]byte, error) {
	lines := json.NewDecoder(body)
	for {
		var line api.ProgressLine
		err := lines.Decode(&line)
		switch {
		case err == io.EOF:
			return nil, c.broken(ctx, errNoEnd)
		case err != nil:
			return nil, c.broken(ctx, err)
		case line.Problem != nil:
			return nil, line.Problem.Err()
		case line.Progress != nil:
			pool.Report(ctx, *line.Progress)
		case line.Result != nil:
			return line.Result, nil
		}
	}
}
