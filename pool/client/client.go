package client

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Client talks to one daemon. Its fields are read at the first call and must
// not be changed after it. All methods may be called at the same time.
type Client struct {
	// Socket is the path of the daemon's unix socket. "": LXD_POOL_SOCKET, then
	// the default ([api.FindSocket]).
	Socket string
	// Address is that of a daemon on the network, as https://HOST:PORT. "":
	// LXD_POOL_ADDRESS, unless Socket is given.
	Address string
	// CA is a PEM file of the authorities that may sign the certificate of a
	// daemon on the network. "": Authorities, then LXD_POOL_CA, then those that this
	// host trusts.
	CA string
	// Authorities are such authorities in PEM themselves, in place of a file.
	Authorities []byte
	// Fingerprint is the SHA-256 that this certificate must have, in hexadecimal;
	// then nothing else is asked of it. "": LXD_POOL_FINGERPRINT, unless CA is given.
	Fingerprint string
	// Token opens the lease that it belongs to, or is a named token that says who
	// asks. "": LXD_POOL_TOKEN.
	Token pool.Token
	// Dial connects to the daemon in place of Socket and Address, for tests.
	Dial func(ctx context.Context) (net.Conn, error)

	once  sync.Once
	http  *http.Client
	base  string // what stands before the path of a URL
	where string
}

// continueTime is how long the daemon may take to say that it wants a body of
// any size, before that is sent anyway.
const continueTime = 10 * time.Second

// Close closes connections that are kept open for the next call. The client
// can be used again.
func (c *Client) Close() {
	c.init()
	c.http.CloseIdleConnections()
}

func (c *Client) init() {
	c.once.Do(func() {
		if c.Socket == "" && c.Dial == nil {
			c.Address = cmp.Or(c.Address, os.Getenv("LXD_POOL_ADDRESS"))
		}
		c.Token = cmp.Or(c.Token, pool.Token(os.Getenv("LXD_POOL_TOKEN")))
		c.base = host
		transport := &http.Transport{IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 16, ExpectContinueTimeout: continueTime}
		c.http = &http.Client{
			Transport: transport,
			// A daemon never sends its clients elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		transport.DialContext = c.dialer()
		if c.Dial == nil && c.Address != "" {
			c.secure(transport)
		}
	})
}

func (c *Client) dialer() func(context.Context, string, string) (net.Conn, error) {
	switch {
	case c.Dial != nil:
		c.where = "the given connection"
		return func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Dial(ctx) }
	case c.Address != "":
		c.where = c.Address
		return (&net.Dialer{Timeout: dialTime}).DialContext
	}
	path := cmp.Or(c.Socket, os.Getenv("LXD_POOL_SOCKET"), api.FindSocket())
	c.where = path
	var d net.Dialer
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) }
}
