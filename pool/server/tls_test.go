package server_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/pooltest"
	"github.com/lxd-pool/lxd-pool/pool/server"
)

// aPair writes a new certificate and its key, and returns its fingerprint.
func aPair(t *testing.T, dir string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	plan := &x509.Certificate{SerialNumber: serial, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"pool.example"}}
	cert, err := x509.CreateCertificate(rand.Reader, plan, plan, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	put(t, filepath.Join(dir, "crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	sum := sha256.Sum256(cert)
	return hex.EncodeToString(sum[:])
}

// put replaces a file by another one.
func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// street is the network in front of a bench.
type street struct {
	b     *bench
	pipes *pooltest.Pipes
}

// onNetwork serves the bench with TLS as well.
func (b *bench) onNetwork(limits server.Limits) (street, string) {
	dir := b.TempDir()
	aPair(b.T, dir)
	cert, err := server.OpenCertificate(filepath.Join(dir, "crt"), filepath.Join(dir, "key"), b.logger())
	if err != nil {
		b.Fatal(err)
	}
	s := street{b, pooltest.NewPipes()}
	go func(into *server.Server) {
		if err := into.Serve(server.Secure(s.pipes, cert, limits)); err != nil {
			b.Error(err)
		}
	}(b.server)
	return s, dir
}

// connect makes a connection; the end of the handshake is not waited for.
func (s street) connect(config *tls.Config) *tls.Conn {
	plain, err := s.pipes.Dialer("user:stranger")(s.b.Context())
	if err != nil {
		s.b.Fatal(err)
	}
	if config == nil {
		config = &tls.Config{}
	}
	config.InsecureSkipVerify = true
	return tls.Client(plain, config)
}

// fingerprint is that of the certificate which is shown now.
func (s street) fingerprint() string {
	conn := s.connect(nil)
	defer conn.Close()
	if err := conn.Handshake(); err != nil {
		s.b.Fatal(err)
	}
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}

func TestOnTheNetworkOnlyTLS13IsSpoken(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		s, _ := b.onNetwork(server.Limits{})
		old := s.connect(&tls.Config{MaxVersion: tls.VersionTLS12})
		defer old.Close()
		if err := old.Handshake(); err == nil {
			t.Error("TLS 1.2 is spoken")
		}
		conn := s.connect(&tls.Config{NextProtos: []string{"h2", "http/1.1"}})
		defer conn.Close()
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		if state := conn.ConnectionState(); state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("it speaks %s and %s", tls.VersionName(state.Version), state.NegotiatedProtocol)
		}
	})
}

func TestAStrangerOnTheNetworkIsNobody(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		s, _ := b.onNetwork(server.Limits{})
		for path, want := range map[string]string{"/1.0": `"role":"none"`, "/1.0/pools": `"code":"forbidden"`, "/metrics": `"code":"forbidden"`} {
			conn := s.connect(nil)
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
			text, _ := io.ReadAll(conn)
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: %s", path, text)
			}
			conn.Close()
		}
	})
}

func TestAChangedCertificateIsShownToTheNextAndABrokenOneIsNot(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		s, dir := b.onNetwork(server.Limits{})
		first := s.fingerprint()
		want := aPair(t, dir)
		if got := s.fingerprint(); got != want || got == first {
			t.Fatalf("it shows %s, not %s", got, want)
		}
		put(t, filepath.Join(dir, "crt"), []byte("nonsense"))
		for range 3 {
			if got := s.fingerprint(); got != want {
				t.Fatalf("with a broken certificate it shows %s, not %s", got, want)
			}
		}
		os.Remove(filepath.Join(dir, "crt"))
		if got := s.fingerprint(); got != want {
			t.Fatalf("without a certificate it shows %s, not %s", got, want)
		}
		if n := strings.Count(b.log.String(), "cannot be used"); n != 2 {
			t.Errorf("that was told %d times", n)
		}
		want = aPair(t, dir)
		if got := s.fingerprint(); got != want {
			t.Fatalf("after it was mended it shows %s, not %s", got, want)
		}
	})
}

// cutOff reports whether the other end has closed the connection.
func cutOff(conn net.Conn) bool {
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	_, err := io.Copy(io.Discard, conn)
	timeout, ok := err.(net.Error)
	return !ok || !timeout.Timeout()
}

func TestWhoSendsTooSlowlyIsCutOff(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		s, _ := b.onNetwork(server.Limits{})
		plain, err := s.pipes.Dialer("user:stranger")(b.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !cutOff(plain) {
			t.Error("who never begins the handshake stays")
		}
		head := s.connect(nil)
		io.WriteString(head, "GET /1.0 HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		if !cutOff(head) {
			t.Error("who never ends the header stays")
		}
		idle := s.connect(nil)
		io.WriteString(idle, "GET /1.0 HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if !cutOff(idle) {
			t.Error("who asks for nothing more stays")
		}
	})
}

func TestAHeaderThatIsTooLargeIsRefused(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		s, _ := b.onNetwork(server.Limits{})
		conn := s.connect(nil)
		defer conn.Close()
		go io.WriteString(conn, "GET /1.0 HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", 1<<20))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Fatalf("got %v, %v", answer, err)
		}
	})
}

func TestTooManyConnectionsAreHungUpOn(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		s, _ := b.onNetwork(server.Limits{PerAddress: 3})
		var in []*tls.Conn
		for range 3 {
			conn := s.connect(nil)
			if err := conn.Handshake(); err != nil {
				t.Fatal(err)
			}
			in = append(in, conn)
		}
		for range 1000 {
			conn := s.connect(nil)
			if err := conn.Handshake(); err == nil {
				t.Fatal("a fourth was let in")
			}
			conn.Close()
		}
		in[0].Close()
		synctest.Wait()
		conn := s.connect(nil)
		if err := conn.Handshake(); err != nil {
			t.Fatalf("after one has left: %v", err)
		}
		for _, c := range append(in[1:], conn) {
			c.Close()
		}
	})
}

func TestAHalfClosedConnectionEndsItsWait(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		lease := b.acquire("user:alice", pool.AcquireRequest{})
		s, _ := b.onNetwork(server.Limits{})
		conn := s.connect(nil)
		defer conn.Close()
		fmt.Fprintf(conn, "GET /1.0/leases/%s/commands/%s?wait=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
			lease.ID, b.furnish(lease), lease.Token)
		b.settle()
		if strings.Contains(b.log.String(), "wait=true") || strings.Contains(b.log.String(), "status=499") {
			t.Fatalf("it does not wait:\n%s", b.log.String())
		}
		conn.CloseWrite()
		synctest.Wait()
		if !strings.Contains(b.log.String(), "status=499") {
			t.Errorf("it waits although nobody is there:\n%s", b.log.String())
		}
	})
}
