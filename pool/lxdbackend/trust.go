package lxdbackend

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// peerCertificate returns what a server shows, whoever it is, and whether this
// host trusts it. Nothing secret may be sent to it before that is settled.
func peerCertificate(ctx context.Context, where string) (cert *x509.Certificate, trusted bool, err error) {
	// Whom it is that answers is for the caller to judge.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, where, nil)
	if err != nil {
		return nil, false, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, false, err
	}
	resp.Body.Close()
	if resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return nil, false, errors.New("it shows no certificate")
	}
	chain := resp.TLS.PeerCertificates
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{DNSName: req.URL.Hostname(), Intermediates: between})
	return chain[0], err == nil, nil
}

// pin returns the certificate (PEM) that the remote must show from now on, ""
// when this host trusts the one it has anyway. wanted is a fingerprint that was
// told by somebody who knows the remote.
func pin(ctx context.Context, r *pool.NewRemote, where, wanted string) (string, error) {
	what := "cannot add remote " + string(r.Name)
	cert, trusted, err := peerCertificate(ctx, where)
	if err != nil {
		return "", pool.Errorf(pool.ErrUnavailable, "check the URL, and that the server listens there", "%s: %s does not answer: %w", what, where, plainly(err))
	}
	fingerprint := fingerprintOfCert(cert)
	switch {
	case wanted != "":
		if subtle.ConstantTimeCompare([]byte(plainFingerprint(wanted)), []byte(fingerprint)) != 1 {
			return "", pool.Errorf(pool.ErrRejected, "make sure that this is the server that you mean",
				"%s: the certificate of %s has the fingerprint %s, not %s", what, where, fingerprint, plainFingerprint(wanted))
		}
	case trusted:
		return "", nil
	case !r.AcceptCertificate:
		return "", pool.Errorf(pool.ErrRejected, "compare it with what the server's owner says, and repeat with --fingerprint, or with --accept-certificate",
			"%s: this host does not trust the certificate of %s, which has the fingerprint %s", what, where, fingerprint)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})), nil
}

// plainly leaves out the address that was asked for; the text has it already.
func plainly(err error) error {
	if asked, ok := errors.AsType[*url.Error](err); ok {
		return asked.Err
	}
	return err
}

func plainFingerprint(text string) string {
	return strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(text))
}

func fingerprintOfCert(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// fingerprintOfPEM returns "" for what is no certificate.
func fingerprintOfPEM(text string) string {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return ""
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}

// readToken reads what "lxc config trust add" printed.
func readToken(text string) (*api.CertificateAddToken, error) {
	var token api.CertificateAddToken
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err == nil {
		err = json.Unmarshal(raw, &token)
	}
	if err != nil || token.Secret == "" || token.Fingerprint == "" || len(token.Addresses) == 0 {
		return nil, pool.Invalidf(`get one with "lxc config trust add" on the other LXD`, "cannot read the token: it is not one of LXD's")
	}
	return &token, nil
}

// trusts reports whether the LXD of b knows who we are.
func (b *Backend) trusts(ctx context.Context) (bool, error) {
	var server api.Server
	if err := b.get(ctx, "/1.0", &server); err != nil {
		return false, err
	}
	return server.Auth == "trusted", nil
}

// introduce makes the LXD of b trust our certificate, by the token or the
// password of its owner.
func (b *Backend) introduce(ctx context.Context, cert string, r *pool.NewRemote) error {
	block, _ := pem.Decode([]byte(cert))
	known, err := b.know(ctx)
	if err != nil {
		return err
	}
	post := api.CertificatesPost{Name: "lxd-pool", Type: api.CertificateTypeClient, TrustToken: r.Token}
	post.Certificate = base64.StdEncoding.EncodeToString(block.Bytes)
	password := r.Password
	if !known.has("explicit_trust_token") {
		password = cmp.Or(r.Token, password)
	}
	//lint:ignore SA1019 an older LXD takes both in this one field
	post.Password = password
	_, err = b.query(ctx, http.MethodPost, "/1.0/certificates", post)
	return err
}

// withdraw takes our certificate from the LXD of b again.
func (b *Backend) withdraw(ctx context.Context, cert string) {
	_, _ = b.query(ctx, http.MethodDelete, "/1.0/certificates/"+fingerprintOfPEM(cert), nil)
}
