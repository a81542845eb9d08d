package charm

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// pull reads a small file of a leased instance.
func pull(ctx context.Context, daemon *client.Client, id pool.LeaseID, path string) (string, error) {
	var text strings.Builder
	err := daemon.PullFile(ctx, id, path, func(f pool.File) (io.Writer, error) {
		if f.Size > mostKey {
			return nil, fmt.Errorf("cannot read %s: it has %d bytes", path, f.Size)
		}
		return &text, nil
	})
	return text.String(), err
}
