package lxdbackend

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	client "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// lookUpLimit bounds one question to an image server: it answers with a list of
// all its images.
const lookUpLimit = 30 * time.Second

// remoteImage finds the fingerprint of an image on an image server, for the
// architecture of LXD. text is what somebody wrote.
func (b *Backend) remoteImage(ctx context.Context, remote known, text string, kind pool.Type, name string) (string, error) {
	key := remote.URL + "\n" + string(kind) + "\n" + name
	if fingerprint := b.aliases.find(key, b.options.AliasesKept); fingerprint != "" {
		return fingerprint, nil
	}
	known, err := b.know(ctx)
	if err != nil {
		return "", err
	}
	found, err := ask(ctx, remote, kind, name)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", silence(remote.URL, err)
	}
	for _, architecture := range known.architectures {
		if fingerprint := found[architecture]; fingerprint != "" {
			b.aliases.keep(key, fingerprint)
			return fingerprint, nil
		}
	}
	return "", pool.Errorf(pool.ErrRejected, `see "lxd-pool image list `+strings.SplitN(text, ":", 2)[0]+`:"`,
		"cannot use image %q: the image server has no such %s for this host's architecture", text, kind)
}

// noServerError says that another server gave no answer. To who asks for an
// image that means "try again", to who makes an instance that it failed.
type noServerError struct {
	url   string
	cause error
}

func (e *noServerError) Error() string {
	return fmt.Sprintf("the server %s does not answer: %v", e.url, e.cause)
}

// serverImages lists what an image server has, for every architecture.
func serverImages(ctx context.Context, remote known) ([]api.Image, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	server, err := connectImages(ctx, remote)
	if err != nil {
		return nil, err
	}
	all, err := server.GetImages()
	if err != nil {
		return nil, silence(remote.URL, err)
	}
	return all, nil
}

// silence says why another server gave no answer. One that does not show the
// certificate that it must is not believed to be that server.
func silence(where string, err error) error {
	if wrong := (*tls.CertificateVerificationError)(nil); errors.As(err, &wrong) {
		return pool.Errorf(pool.ErrRejected, "if its owner says that it has a new one, remove the remote and add it again",
			"cannot trust the server %s: it does not show the certificate that it should: %w", where, wrong.Err)
	}
	return &noServerError{where, plainly(err)}
}

// kindOfSilence is the kind of an error for who asks another server.
func kindOfSilence(err, otherwise error) error {
	if silent := (*noServerError)(nil); errors.As(err, &silent) {
		return pool.ErrUnavailable
	}
	return otherwise
}

// ask returns the fingerprints by architecture that an image server has under a
// name, none if it has none.
func ask(ctx context.Context, remote known, kind pool.Type, name string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	server, err := connectImages(ctx, remote)
	if err != nil {
		return nil, err
	}
	images, err := server.GetImages()
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	if aliases, err := server.GetImageAliasArchitectures(string(kind), name); err == nil {
		for architecture, alias := range aliases {
			found[architecture] = alias.Target
		}
		return found, nil
	}
	for _, candidate := range images {
		if len(name) >= 12 && strings.HasPrefix(candidate.Fingerprint, name) && candidate.Type == string(kind) {
			found[candidate.Architecture] = candidate.Fingerprint
		}
	}
	return found, nil
}

// connectImages returns a client for an image server whose requests end with ctx.
func connectImages(ctx context.Context, remote known) (client.ImageServer, error) {
	return client.ConnectSimpleStreams(remote.URL, &client.ConnectionArgs{
		UserAgent: userAgent, TLSServerCert: remote.ServerCert,
		TransportWrapper: func(t *http.Transport) client.HTTPTransporter { return bound{t, ctx} },
	})
}

// greetImages finds out whether an image server is one, by its index alone.
func greetImages(ctx context.Context, remote known) error {
	server, err := connectImages(ctx, remote)
	if err != nil {
		return err
	}
	hc, err := server.(*client.ProtocolSimpleStreams).GetHTTPClient()
	if err != nil {
		return err
	}
	resp, err := hc.Get(remote.URL + "/streams/v1/index.json")
	if err != nil {
		return silence(remote.URL, err)
	}
	defer resp.Body.Close()
	var index struct {
		Format string `json:"format"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxIndex)).Decode(&index)
	if resp.StatusCode != http.StatusOK || err != nil || !strings.HasPrefix(index.Format, "index:") {
		return pool.Errorf(pool.ErrRejected, "check the URL, and the --protocol", "cannot use %s: it is not an image server that speaks simplestreams", remote.URL)
	}
	return nil
}

// maxIndex is the most that an image server's index may have.
const maxIndex = 16 << 20

// bound is a transport whose requests all end with a context: the client for
// image servers knows none.
type bound struct {
	inner *http.Transport
	ctx   context.Context
}

func (t bound) Transport() *http.Transport { return t.inner }

func (t bound) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.inner.RoundTrip(req.WithContext(t.ctx))
}

// aliasCache remembers what image servers answered, since an answer costs
// megabytes. The zero value is ready to use.
type aliasCache struct {
	mu      sync.Mutex
	answers map[string]answer
}

type answer struct {
	fingerprint string
	at          time.Time
}

func (c *aliasCache) find(key string, atMost time.Duration) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.answers[key]; time.Since(a.at) < atMost {
		return a.fingerprint
	}
	return ""
}

func (c *aliasCache) keep(key, fingerprint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil {
		c.answers = map[string]answer{}
	}
	c.answers[key] = answer{fingerprint, time.Now()}
}
