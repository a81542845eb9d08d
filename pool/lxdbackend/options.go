package lxdbackend

import (
	"cmp"
	"os"
	"path/filepath"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Options say where LXD is and where images come from. The zero value means
// the LXD of this host and its usual image servers.
type Options struct {
	// Dir is the directory of a local LXD, the one that holds "unix.socket".
	// "": $LXD_DIR, else the snap's, else the package's, whichever has a socket
	// at the time of a connection.
	Dir string
	// URL is that of an LXD reached over HTTPS, such as
	// "https://lxd.example:8443"; Dir then does not count.
	URL string
	// ClientCert and ClientKey (PEM) prove who we are to the LXD at URL.
	ClientCert, ClientKey string
	// ServerCert (PEM) is the certificate that it must show. "": one that this
	// host trusts.
	ServerCert string
	// StateDir is where remotes and the keys for them are kept, in one file of
	// mode 0600. "": they are forgotten at the end.
	StateDir string
	// Remedy says what to do when LXD cannot be reached, with the error of the
	// connection. nil, and "": what helps on most machines.
	Remedy func(error) string
	// AliasesKept is how long the answer of an image server is believed. 0: 15m.
	AliasesKept time.Duration
}

func (o Options) withDefaults() Options {
	o.AliasesKept = cmp.Or(o.AliasesKept, 15*time.Minute)
	return o
}

func (o Options) validate() error {
	if (o.ClientCert == "") != (o.ClientKey == "") {
		return pool.Invalidf("give both or none", "cannot reach LXD: a client certificate needs its key, and a key its certificate")
	}
	if o.URL != "" && o.ClientCert == "" {
		return pool.Invalidf("give a client certificate and key that it trusts", "cannot reach the LXD at %s without a client certificate", o.URL)
	}
	return nil
}

// socket returns the socket to connect to now. It is looked for each time:
// LXD may be installed, or moved to its snap, while we run.
func (o Options) socket() string {
	if dir := cmp.Or(o.Dir, os.Getenv("LXD_DIR")); dir != "" {
		return filepath.Join(dir, "unix.socket")
	}
	const snap, deb = "/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket"
	if _, err := os.Stat(snap); err == nil {
		return snap
	}
	return deb
}
