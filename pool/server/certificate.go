package server

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"log/slog"
	"net"
	"os"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Certificate is what a server shows on the network: a certificate and its key
// in two PEM files, which may change while it serves.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu   sync.Mutex
	seen [2]os.FileInfo
	pair *tls.Certificate
	sum  string
}

// OpenCertificate reads a certificate with those that it is signed by, and its
// key. It returns a [pool.ErrInvalid] when they cannot be read or do not fit.
func OpenCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: cmp.Or(log, slog.New(slog.DiscardHandler))}
	if err := c.refresh(); err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "give a pair of PEM files that belong together", "cannot use the certificate: %w", err)
	}
	return c, nil
}

// Fingerprint is the SHA-256 of the certificate that is shown now, in
// hexadecimal: what a client pins.
func (c *Certificate) Fingerprint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookAgain()
	return c.sum
}

// get returns the pair for one handshake.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookAgain()
	return c.pair, nil
}

// lookAgain takes a changed pair. One that cannot be used is told once, and the
// last good one goes on.
func (c *Certificate) lookAgain() {
	if err := c.refresh(); err != nil {
		c.log.Error("the certificate has changed and cannot be used; the one before goes on", "err", err)
	}
}

// refresh reads the files if they are not those that were read the last time.
func (c *Certificate) refresh() error {
	var now [2]os.FileInfo
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		if err != nil && c.pair != nil && c.seen[i] == nil {
			return nil // told already
		}
		if err != nil {
			c.seen[i] = nil
			return err
		}
		now[i] = info
	}
	if same(now[0], c.seen[0]) && same(now[1], c.seen[1]) {
		return nil
	}
	c.seen = now
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(pair.Certificate[0])
	c.pair, c.sum = &pair, hex.EncodeToString(sum[:])
	return nil
}

func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Secure returns a listener whose connections are TLS 1.3, with no more of them
// than limits say.
func Secure(l net.Listener, c *Certificate, limits Limits) net.Listener {
	return tls.NewListener(newCrowd(l, limits), &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: c.get,
		// Commands run over websockets, which HTTP/2 has not got.
		NextProtos: []string{"http/1.1"},
	})
}
