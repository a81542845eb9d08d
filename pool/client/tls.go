package client

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	// dialTime is how long a daemon on the network may take to take a connection.
	dialTime = 15 * time.Second
	// handshakeTime is how long the two may then take to know each other.
	handshakeTime = 15 * time.Second
)

// secure has the transport speak TLS to the address. What is wrong with the
// address, or with what is to be trusted, fails the calls.
func (c *Client) secure(t *http.Transport) {
	base, err := baseURL(c.Address)
	if err == nil {
		t.TLSClientConfig, err = c.trust()
	}
	if err != nil {
		t.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, err }
		return
	}
	c.base, t.TLSHandshakeTimeout = base, handshakeTime
}

func baseURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return "", pool.Invalidf("write it like https://pool.example:8443", "cannot use the address %q of lxd-poold: it is not https://HOST:PORT", address)
	}
	return "https://" + u.Host, nil
}

// trust says which certificates the daemon may show.
func (c *Client) trust() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	ca, pin := c.CA, c.Fingerprint
	if ca == "" && len(c.Authorities) == 0 {
		if pin == "" {
			ca = os.Getenv("LXD_POOL_CA")
		}
		pin = cmp.Or(pin, os.Getenv("LXD_POOL_FINGERPRINT"))
	}
	if err := c.authorize(config, ca); err != nil {
		return nil, err
	}
	if pin == "" {
		return config, nil
	}
	want, err := hex.DecodeString(strings.ReplaceAll(pin, ":", ""))
	if err != nil || len(want) != sha256.Size {
		return nil, pool.Invalidf(`it is in the log of lxd-poold, and in "lxd-pool version" beside it`,
			"cannot expect the fingerprint %q: it is not a SHA-256 in hexadecimal", pin)
	}
	// The pin is all that is asked, in place of names, dates and authorities.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(s tls.ConnectionState) error {
		got := sha256.Sum256(s.PeerCertificates[0].Raw)
		if subtle.ConstantTimeCompare(got[:], want) == 1 {
			return nil
		}
		return &pool.Error{Kind: pool.ErrUnreachable, Cause: notSent{errors.New("another certificate")},
			Text: "cannot trust lxd-poold at " + c.where + ": its certificate has the fingerprint " + hex.EncodeToString(got[:]) + ", not the one that is pinned",
			Next: "ask its operator whether it was changed, and set LXD_POOL_FINGERPRINT to the new one only then"}
	}
	return config, nil
}

// authorize has a configuration trust the authorities in the file ca, or those
// that were given; without any it trusts whom this host trusts.
func (c *Client) authorize(config *tls.Config, ca string) error {
	text, from := c.Authorities, "what was given"
	if ca != "" {
		var err error
		if text, err = os.ReadFile(ca); err != nil {
			return pool.Invalidf("name a PEM file with LXD_POOL_CA", "cannot read the authorities to trust: %w", err)
		}
		from = ca
	}
	if ca == "" && len(text) == 0 {
		return nil
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return pool.Invalidf("name a PEM file with LXD_POOL_CA", "cannot trust the authorities in %s: there is no certificate in it", from)
	}
	return nil
}

// distrust explains a handshake that failed; nil: that is not what went wrong.
func (c *Client) distrust(err error) error {
	next := "pin its fingerprint with LXD_POOL_FINGERPRINT, or name the PEM file of its authority with LXD_POOL_CA"
	var why string
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		why = "its certificate is not valid"
		if invalid.Reason == x509.Expired {
			why, next = "its certificate is not valid at this time", "check the clocks of both hosts, or have its operator renew the certificate"
		}
	} else if name, ok := errors.AsType[x509.HostnameError](err); ok {
		why = "its certificate is not for " + name.Host
		next = "use a name that is in it (" + cmp.Or(strings.Join(name.Certificate.DNSNames, ", "), "it has none") + "), or " + next
	} else if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		why = "nobody that is trusted here has signed its certificate"
		if unknown.Cert != nil {
			sum := sha256.Sum256(unknown.Cert.Raw)
			why += ", which has the fingerprint " + hex.EncodeToString(sum[:])
		}
		next = "if its operator confirms that fingerprint, " + next
	} else if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		why, next = "what answers does not speak TLS", "check LXD_POOL_ADDRESS: is that the port of lxd-poold --listen?"
	} else if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		why, next = "it refuses the handshake: "+op.Err.Error(), "check LXD_POOL_ADDRESS: lxd-poold speaks TLS 1.3"
	} else {
		return nil
	}
	return &pool.Error{Kind: pool.ErrUnreachable, Next: next, Cause: notSent{err}, Text: "cannot trust lxd-poold at " + c.where + ": " + why}
}
