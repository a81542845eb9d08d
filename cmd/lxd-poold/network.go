package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/server"
)

// listenOnNetwork returns the listeners of --listen, and the certificate that
// they show.
func listenOnNetwork(o *options, log *slog.Logger) (_ []net.Listener, _ *server.Certificate, err error) {
	if len(o.listen) == 0 {
		return nil, nil, nil
	}
	cert, err := openCertificate(o, log)
	if err != nil {
		return nil, nil, err
	}
	var all []net.Listener
	for _, address := range o.listen {
		l, err := net.Listen("tcp", address)
		if err != nil {
			for _, open := range all {
				open.Close()
			}
			return nil, nil, pool.Errorf(pool.ErrInvalid, "name another address with --listen", "cannot listen on the network: %w", err)
		}
		all = append(all, server.Secure(l, cert, server.Limits{}))
	}
	return all, cert, nil
}

// listenForMetrics returns the listener of --metrics, nil when there is none. A
// name is looked up only here, so that it is asked here once more whom it lets in.
func listenForMetrics(o *options) (net.Listener, error) {
	if o.metrics == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", o.metrics)
	if err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "name another address with --metrics", "cannot listen for metrics: %w", err)
	}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		l.Close()
		return nil, pool.Invalidf("use 127.0.0.1:PORT", "cannot show metrics at %s: it is shown without a token", l.Addr())
	}
	return l, nil
}

// openCertificate opens the one that was given, else the daemon's own.
func openCertificate(o *options, log *slog.Logger) (*server.Certificate, error) {
	if o.tlsCert != "" {
		return server.OpenCertificate(o.tlsCert, o.tlsKey, log)
	}
	certFile, keyFile := filepath.Join(o.stateDir, "server.crt"), filepath.Join(o.stateDir, "server.key")
	_, err := os.Stat(certFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = makeCertificate(o, certFile, keyFile)
	}
	if err != nil {
		return nil, pool.Errorf(pool.ErrInternal, "give one with --tls-cert and --tls-key", "cannot make a certificate: %w", err)
	}
	return server.OpenCertificate(certFile, keyFile, log)
}

// ownLasts is how long the daemon's own certificate is good: clients pin it, so
// that a new one is more trouble than an old one.
const ownLasts = 10 * 365 * 24 * time.Hour

// makeCertificate makes the daemon's own certificate. The key is there first,
// so that a crash in between leaves nothing that looks complete.
func makeCertificate(o *options, certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	names, addresses := ownNames(o.listen)
	now := time.Now()
	plan := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"lxd-pool"}, CommonName: names[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(ownLasts),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: names, IPAddresses: addresses,
	}
	cert, err := x509.CreateCertificate(rand.Reader, plan, plan, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(keyFile, "PRIVATE KEY", secret, 0o600); err != nil {
		return err
	}
	return writePEM(certFile, "CERTIFICATE", cert, 0o644)
}

// writePEM writes a file that is there as a whole or not at all.
func writePEM(path, kind string, data []byte, mode fs.FileMode) error {
	beside := path + ".new"
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(beside, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), mode); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

// ownNames are the names and addresses by which this host may be asked for: its
// own name, those that it listens on, and those of its interfaces.
func ownNames(listen []string) (names []string, addresses []net.IP) {
	if name, err := os.Hostname(); err == nil && name != "" {
		names = append(names, name)
	}
	names = append(names, "localhost")
	addresses = append(addresses, net.IPv4(127, 0, 0, 1), net.IPv6loopback)
	for _, address := range listen {
		host, _, _ := net.SplitHostPort(address)
		switch ip := net.ParseIP(host); {
		case ip != nil && !ip.IsUnspecified():
			addresses = append(addresses, ip)
		case ip == nil && host != "":
			names = append(names, host)
		}
	}
	interfaces, _ := net.InterfaceAddrs()
	for _, a := range interfaces {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLinkLocalUnicast() {
			addresses = append(addresses, ip.IP)
		}
	}
	slices.SortFunc(addresses, func(a, b net.IP) int { return slices.Compare(a.To16(), b.To16()) })
	return slices.Compact(names), slices.CompactFunc(addresses, net.IP.Equal)
}
