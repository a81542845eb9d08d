package charm

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"
)

// Names of what is kept of the certificate. The key is that of all of them.
const (
	keyFile = "tls.key"
	// certFile is what the daemon shows; ownFile is the one that this unit signed,
	// csrFile what it has asked an authority to sign.
	certFile = "tls.crt"
	ownFile  = "own.crt"
	csrFile  = "tls.csr"
)

const (
	ownLasts = 10 * 365 * 24 * time.Hour
	// renewBefore is when another one is asked for, as a part of its life.
	renewBefore = 10
)

// certificate sees to it that the daemon has one for the hosts, and returns what
// others are to trust: the authority that is related, or, until that has
// answered, the certificate itself, which this unit signs.
func (u *unit) certificate(ctx context.Context, hosts []string) (cert, key, authority string, err error) {
	secret, key, err := u.key(ctx)
	if err != nil {
		return "", "", "", err
	}
	chain, authority, err := u.signed(ctx, secret, hosts)
	if err == nil && chain == nil {
		chain, err = u.own(ctx, secret, hosts)
		authority = string(chain)
	}
	if err != nil {
		return "", "", "", err
	}
	cert, err = u.Workload.Put(ctx, certFile, chain)
	return cert, key, authority, err
}

// key reads the key, or draws it. It never leaves the workload.
func (u *unit) key(ctx context.Context) (crypto.Signer, string, error) {
	text, err := u.Workload.Get(ctx, keyFile)
	if err != nil {
		return nil, "", err
	}
	if text == nil {
		fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, "", err
		}
		der, err := x509.MarshalPKCS8PrivateKey(fresh)
		if err != nil {
			return nil, "", err
		}
		text = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	path, err := u.Workload.Put(ctx, keyFile, text)
	if err != nil {
		return nil, "", err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, "", errors.New("cannot read the key of the certificate: it is not PEM")
	}
	secret, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, "", fmt.Errorf("cannot read the key of the certificate: %w", err)
	}
	signer, ok := secret.(crypto.Signer)
	if !ok {
		return nil, "", errors.New("cannot read the key of the certificate: it cannot sign")
	}
	return signer, path, nil
}

// own is the certificate that this unit has signed for the hosts. It is made
// anew only when they change, since others trust this very one.
func (u *unit) own(ctx context.Context, secret crypto.Signer, hosts []string) ([]byte, error) {
	text, err := u.Workload.Get(ctx, ownFile)
	if err != nil {
		return nil, err
	}
	if c := parseCertificate(text); c != nil && slices.Equal(hostsOf(c.DNSNames, c.IPAddresses), hosts) && !wearsOut(c) {
		return text, nil
	}
	names, addresses := split(hosts)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	plan := &x509.Certificate{
		SerialNumber: serial, Subject: u.subject(), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(ownLasts),
		// It signs itself, so that those who trust it take it for an authority.
		IsCA: true, MaxPathLenZero: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: names, IPAddresses: addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, secret.Public(), secret)
	if err != nil {
		return nil, err
	}
	text = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	_, err = u.Workload.Put(ctx, ownFile, text)
	return text, err
}

func (u *unit) subject() pkix.Name {
	return pkix.Name{Organization: []string{"lxd-pool"}, CommonName: strings.ReplaceAll(u.Event.Unit, "/", "-")}
}

// signingRequest and signedCertificate are what the two ends of an interface
// tls-certificates say, version 1.
type (
	signingRequest struct {
		Request string `json:"certificate_signing_request"`
		CA      bool   `json:"ca"`
	}
	signedCertificate struct {
		Request     string   `json:"certificate_signing_request"`
		Certificate string   `json:"certificate"`
		CA          string   `json:"ca"`
		Chain       []string `json:"chain"`
	}
)

// signed asks the related authority for a certificate and returns the one that
// it has given, with its chain; nil while there is none.
func (u *unit) signed(ctx context.Context, secret crypto.Signer, hosts []string) (chain []byte, authority string, err error) {
	ids, err := u.Tools.RelationIDs(ctx, certEndpoint)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", errTool, err)
	}
	if len(ids) == 0 || ids[0] == u.Event.Relation && u.Event.Name == certEndpoint+"-relation-broken" {
		return nil, "", nil
	}
	given, err := u.given(ctx, ids[0])
	if err != nil {
		return nil, "", err
	}
	request, err := u.request(ctx, secret, hosts, given)
	if err != nil {
		return nil, "", err
	}
	text, err := json.Marshal([]signingRequest{{Request: request}})
	if err != nil {
		return nil, "", err
	}
	if err := u.Tools.SetBag(ctx, ids[0], map[string]string{"certificate_signing_requests": string(text)}); err != nil {
		return nil, "", fmt.Errorf("%w: %w", errTool, err)
	}
	g, ok := given[request]
	if !ok {
		return nil, "", nil
	}
	return append([]byte(strings.TrimSpace(g.Certificate)+"\n"), intermediates(g)...), g.CA, nil
}

// intermediates are what of the chain lies between certificate and authority.
func intermediates(g signedCertificate) []byte {
	var text []byte
	for _, c := range g.Chain {
		if c = strings.TrimSpace(c); c != strings.TrimSpace(g.Certificate) && c != strings.TrimSpace(g.CA) {
			text = append(text, c+"\n"...)
		}
	}
	return text
}

// given are the certificates that the authority has signed, by their requests.
func (u *unit) given(ctx context.Context, relation string) (map[string]signedCertificate, error) {
	application, err := u.Tools.RemoteApplication(ctx, relation)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTool, err)
	}
	bag, err := u.Tools.ApplicationBag(ctx, relation, application)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTool, err)
	}
	var list []signedCertificate
	if bag["certificates"] != "" && json.Unmarshal([]byte(bag["certificates"]), &list) != nil {
		return nil, &Pending{Why: "cannot read the certificates of " + application}
	}
	all := map[string]signedCertificate{}
	for _, g := range list {
		if parseCertificate([]byte(g.Certificate)) != nil {
			all[strings.TrimSpace(g.Request)] = g
		}
	}
	return all, nil
}

// request is what is to be signed. It stays the same until the hosts change, or
// the certificate is about to end.
func (u *unit) request(ctx context.Context, secret crypto.Signer, hosts []string, given map[string]signedCertificate) (string, error) {
	text, err := u.Workload.Get(ctx, csrFile)
	if err != nil {
		return "", err
	}
	request := strings.TrimSpace(string(text))
	if block, _ := pem.Decode(text); block != nil {
		r, err := x509.ParseCertificateRequest(block.Bytes)
		g, signed := given[request]
		if err == nil && slices.Equal(hostsOf(r.DNSNames, r.IPAddresses), hosts) && !(signed && wearsOut(parseCertificate([]byte(g.Certificate)))) {
			return request, nil
		}
	}
	names, addresses := split(hosts)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: u.subject(), DNSNames: names, IPAddresses: addresses}, secret)
	if err != nil {
		return "", err
	}
	text = bytes.TrimSpace(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	_, err = u.Workload.Put(ctx, csrFile, text)
	return string(text), err
}

// parseCertificate reads the first certificate of a PEM text, nil when there is none.
func parseCertificate(text []byte) *x509.Certificate {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return c
}

// wearsOut reports whether the last tenth of a certificate's life has begun.
func wearsOut(c *x509.Certificate) bool {
	return time.Until(c.NotAfter) < c.NotAfter.Sub(c.NotBefore)/renewBefore
}

func split(hosts []string) (names []string, addresses []net.IP) {
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			addresses = append(addresses, ip)
		} else {
			names = append(names, h)
		}
	}
	return names, addresses
}

func hostsOf(names []string, addresses []net.IP) []string {
	all := slices.Clone(names)
	for _, ip := range addresses {
		all = append(all, ip.String())
	}
	slices.Sort(all)
	return all
}
