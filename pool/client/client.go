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
	// Address is that of a daemon on the network. "": LXD_POOL_ADDRESS, unless
	// Socket is given. It is refused for now.
	Address string
	// Token opens the lease that it belongs to, whoever asks. "": LXD_POOL_TOKEN.
	Token pool.Token
	// Dial connects to the daemon in place of Socket and Address, for tests.
	Dial func(ctx context.Context) (net.Conn, error)

	once  sync.Once
	http  *http.Client
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
		c.http = &http.Client{
			Transport: &http.Transport{DialContext: c.dialer(), IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 16,
				ExpectContinueTimeout: continueTime},
			// A daemon never sends its clients elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
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
		return func(context.Context, string, string) (net.Conn, error) { return nil, errNoNetwork }
	}
	path := cmp.Or(c.Socket, os.Getenv("LXD_POOL_SOCKET"), api.FindSocket())
	c.where = path
	var d net.Dialer
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) }
}

var errNoNetwork = pool.Errorf(pool.ErrUnsupported, "unset LXD_POOL_ADDRESS and use the socket",
	"cannot use an address: this version only speaks over a unix socket")
