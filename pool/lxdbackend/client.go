package lxdbackend

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	client "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared"
	"github.com/canonical/lxd/shared/api"
	"github.com/coder/websocket"
)

// connection is lxd over the public client, of which it takes how to connect
// and how to read an answer. It connects when there is something to say, and
// again after LXD was away.
type connection struct {
	server *client.ProtocolLXD
	http   *http.Client
	base   string // of every URL, without a slash at the end
}

const userAgent = "lxd-pool"

// newIdentity makes a certificate and its key, by which other LXDs know us.
func newIdentity() (cert, key string, err error) {
	c, k, err := shared.GenerateMemCert(true, shared.CertOptions{})
	return string(c), string(k), err
}

func connect(o Options) (*connection, error) {
	args := &client.ConnectionArgs{
		UserAgent: userAgent, SkipGetServer: true,
		TLSClientCert: o.ClientCert, TLSClientKey: o.ClientKey, TLSServerCert: o.ServerCert,
	}
	base := "http://unix.socket"
	open := func() (client.InstanceServer, error) { return client.ConnectLXDUnix("unix.socket", args) }
	if o.URL != "" {
		base = o.URL
		open = func() (client.InstanceServer, error) { return client.ConnectLXD(o.URL, args) }
	}
	server, err := open()
	if err != nil {
		return nil, err
	}
	hc, err := server.GetHTTPClient()
	if err != nil {
		return nil, err
	}
	tune(hc.Transport.(*http.Transport), o)
	return &connection{server: server.(*client.ProtocolLXD), http: hc, base: strings.TrimRight(base, "/")}, nil
}

// tune makes the client's transport keep connections, which it does not by
// itself, and dial the socket within the caller's context.
func tune(t *http.Transport, o Options) {
	t.DisableKeepAlives = false
	t.MaxIdleConnsPerHost = 16
	t.IdleConnTimeout = 30 * time.Second
	if o.URL != "" {
		return
	}
	var dialer net.Dialer
	t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, "unix", o.socket())
		if err != nil && o.Remedy != nil {
			err = &unreached{err, o.Remedy(err)}
		}
		return conn, err
	}
}

func (c *connection) Query(ctx context.Context, method, path string, body any) (*api.Response, error) {
	answer, _, err := c.Tagged(ctx, method, path, body, "")
	return answer, err
}

func (c *connection) Tagged(ctx context.Context, method, path string, body any, mark string) (*api.Response, string, error) {
	// WithContext changes the client it is called on; UseProject makes a copy.
	bound := c.server.UseProject("").(*client.ProtocolLXD).WithContext(ctx)
	answer, now, err := bound.RawQuery(method, path, body, mark)
	if err != nil {
		return nil, "", classify(err)
	}
	return answer, now, nil
}

func (c *connection) Fetch(ctx context.Context, path string) (io.ReadCloser, error) {
	resp, err := c.Download(ctx, path)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

func (c *connection) Download(ctx context.Context, path string) (*http.Response, error) {
	resp, err := c.get(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, classify(refusal(resp))
	}
	return resp, nil
}

func (c *connection) Upload(ctx context.Context, path string, header http.Header, body io.Reader) (*api.Response, error) {
	req, err := client.NewRequestWithContext(ctx, http.MethodPost, c.base+path, body, "")
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		req.Header[key] = values
	}
	resp, err := c.server.DoHTTP(req)
	if err != nil {
		return nil, classify(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, classify(refusal(resp))
	}
	answer := new(api.Response)
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(answer); err != nil {
		return nil, &awayError{err}
	}
	return answer, nil
}

func (c *connection) Dial(ctx context.Context, path string) (*websocket.Conn, error) {
	ws, resp, err := websocket.Dial(ctx, c.base+path, &websocket.DialOptions{
		HTTPClient: c.http, HTTPHeader: http.Header{"User-Agent": {userAgent}},
		OnPingReceived: func(context.Context, []byte) bool { return answersPings(path) },
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return nil, classify(refusal(resp))
		}
		return nil, classify(err)
	}
	ws.SetReadLimit(-1)
	return ws, nil
}

// answersPings tells where LXD expects an answer to a ping: on its events. On
// the streams of a command it does not, and there an answer does harm: when LXD
// has closed the stream already, it cannot be written, which would end the
// stream before what LXD has sent was read.
func answersPings(path string) bool { return strings.HasPrefix(path, "/1.0/events") }

func (c *connection) SFTP(ctx context.Context, path string) (io.ReadWriteCloser, error) {
	resp, err := c.get(ctx, path, http.Header{"Connection": {"Upgrade"}, "Upgrade": {"sftp"}})
	if err != nil {
		return nil, err
	}
	stream, ok := resp.Body.(io.ReadWriteCloser)
	if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
		defer resp.Body.Close()
		return nil, classify(refusal(resp))
	}
	return stream, nil
}

// refusal is why LXD did not send a file or switch to a stream, in its own words
// if it says.
func refusal(resp *http.Response) error {
	var answer api.Response
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&answer); err != nil || answer.Error == "" {
		return api.StatusErrorf(resp.StatusCode, "%s", resp.Status)
	}
	return api.StatusErrorf(resp.StatusCode, "%s", answer.Error)
}

func (c *connection) get(ctx context.Context, path string, header http.Header) (*http.Response, error) {
	req, err := client.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil, "")
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		req.Header[key] = values
	}
	resp, err := c.server.DoHTTP(req)
	if err != nil {
		return nil, classify(err)
	}
	return resp, nil
}

func (c *connection) Close() { c.http.CloseIdleConnections() }

// classify tells an answer of LXD from a failure to get one. A cluster that
// cannot reach the member in question has none either, and says so in words only.
func classify(err error) error {
	var status api.StatusError
	if errors.As(err, &status) && status.Status() != http.StatusServiceUnavailable &&
		!strings.Contains(err.Error(), "Missing event connection with target cluster member") {
		return err
	}
	return &awayError{err}
}
