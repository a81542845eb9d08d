package pool

import (
	"context"
	"net/url"
	"regexp"
	"strings"
)

// Remotes is a power that a [Backend] may have: to know other servers, for
// images and for instances that move. What it knows outlives it.
//
// Errors: [ErrNotFound] for an unknown name, [ErrExists] for one that is taken,
// [ErrInvalid] for what can never be, [ErrUnavailable] when the other server
// does not answer, [ErrRejected] when it is not the one that was meant, or does
// not trust us. After an error nothing has changed.
type Remotes interface {
	// Remotes returns every remote by name, those of [DefaultRemotes] too.
	Remotes(ctx context.Context) ([]Remote, error)
	// AddRemote makes a remote known, after it was talked to and, unless it is
	// public, trusts us.
	AddRemote(ctx context.Context, r NewRemote) (*Remote, error)
	RemoveRemote(ctx context.Context, name RemoteName) error
	RenameRemote(ctx context.Context, name, to RemoteName) (*Remote, error)
	// SetRemoteURL tells where a remote is now. It must show the certificate
	// that it showed before.
	SetRemoteURL(ctx context.Context, name RemoteName, url string) (*Remote, error)
}

// RemoteName names another server, as in REMOTE:IMAGE.
type RemoteName string

// Local is the remote that every LXD has: itself.
const Local RemoteName = "local"

// Remote is another server.
type Remote struct {
	Name     RemoteName `json:"name"`
	URL      string     `json:"url"`
	Protocol Protocol   `json:"protocol"`
	// Public: it is asked for public images only, and knows nobody.
	Public bool `json:"public"`
	// Static ones come with lxd-pool and stay as they are.
	Static bool `json:"static"`
	// Fingerprint is that of the certificate that it must show, SHA-256 in
	// hexadecimal. "": one that this host trusts.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Protocol is what a remote speaks.
type Protocol string

// The protocols.
const (
	// Simplestreams is that of image servers.
	Simplestreams Protocol = "simplestreams"
	// LXDProtocol is LXD's own API.
	LXDProtocol Protocol = "lxd"
)

// NewRemote is a remote to be added. What proves who we are is never shown
// again: it is kept by the backend, or not at all.
type NewRemote struct {
	Name RemoteName `json:"name"`
	// URL may be "" with a Token, which knows where to go.
	URL string `json:"url,omitempty"`
	// Protocol "" is LXD's.
	Protocol Protocol `json:"protocol,omitempty"`
	Public   bool     `json:"public,omitempty"`
	// Fingerprint is what its certificate must have; spaces and colons in it do
	// not count.
	Fingerprint string `json:"fingerprint,omitempty"`
	// AcceptCertificate pins whatever certificate it shows now, when this host
	// does not trust it anyway.
	AcceptCertificate bool `json:"accept-certificate,omitempty"`
	// Token ("lxc config trust add" there) or Password makes an LXD trust us.
	// Either is used up here and not kept.
	Token    string `json:"token,omitempty"`
	Password string `json:"password,omitempty"`
	// ClientCert and ClientKey (PEM) are what we show to it. "": what we show to
	// every LXD.
	ClientCert string `json:"client-cert,omitempty"`
	ClientKey  string `json:"client-key,omitempty"`
}

// DefaultRemotes are the image servers that every LXD user knows.
func DefaultRemotes() []Remote {
	return []Remote{
		{Name: "images", URL: "https://images.lxd.canonical.com/", Protocol: Simplestreams, Public: true, Static: true},
		{Name: "ubuntu", URL: "https://cloud-images.ubuntu.com/releases/", Protocol: Simplestreams, Public: true, Static: true},
		{Name: "ubuntu-daily", URL: "https://cloud-images.ubuntu.com/daily/", Protocol: Simplestreams, Public: true, Static: true},
	}
}

var remoteNamePattern = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$`)

// Validate reports, as an [ErrInvalid], why n cannot name a remote.
func (n RemoteName) Validate() error {
	switch {
	case n == Local:
		return Invalidf("choose another name", "cannot use %q as the name of a remote: it means LXD's own store", string(n))
	case !remoteNamePattern.MatchString(string(n)):
		return Invalidf("use 1 to 63 letters, digits, dots, hyphens and underscores", "cannot use %q as the name of a remote", string(n))
	}
	return nil
}

// Validate reports, as an [ErrInvalid], the first thing in r that cannot be.
func (r *NewRemote) Validate() error {
	if err := r.Name.Validate(); err != nil {
		return err
	}
	what := "cannot add remote " + string(r.Name)
	credentials := r.Token != "" || r.Password != "" || r.ClientCert != "" || r.ClientKey != ""
	switch {
	case r.URL == "" && r.Token == "":
		return Invalidf("say where it is, such as https://lxd.example:8443", "%s: it has no URL", what)
	case r.Protocol != "" && r.Protocol != LXDProtocol && r.Protocol != Simplestreams:
		return badChoice("protocol", r.Protocol, LXDProtocol, Simplestreams)
	case credentials && (r.Protocol == Simplestreams || r.Public):
		return Invalidf("leave them out", "%s: an image server that is public knows no tokens, passwords and client certificates", what)
	case r.Token != "" && r.Password != "":
		return Invalidf("give one of them", "%s: a token and a password are two ways to the same", what)
	case (r.ClientCert == "") != (r.ClientKey == ""):
		return Invalidf("give both or none", "%s: a client certificate needs its key, and a key its certificate", what)
	case r.URL == "":
		return nil
	}
	return ValidateRemoteURL(r.URL)
}

// ValidateRemoteURL reports, as an [ErrInvalid], why a remote cannot be there.
func ValidateRemoteURL(text string) error {
	where, err := url.Parse(text)
	if err != nil || where.Scheme != "https" || where.Host == "" || where.User != nil {
		return Invalidf("write it like https://lxd.example:8443", "cannot use %q as the URL of a remote", text)
	}
	return nil
}

// SplitImage splits REMOTE:IMAGE. Without a remote, and for the remote "local",
// the image is in LXD's own store and the remote "".
func SplitImage(text string) (RemoteName, string) {
	remote, image, ok := strings.Cut(text, ":")
	switch {
	case !ok:
		return "", text
	case remote == string(Local):
		return "", image
	}
	return RemoteName(remote), image
}

// Remotes returns every remote by name.
func (m *Manager) Remotes(ctx context.Context) ([]Remote, error) {
	power, err := powerOf[Remotes](m, "list remotes")
	if err != nil {
		return nil, err
	}
	return power.Remotes(ctx)
}

// Remote returns one remote.
func (m *Manager) Remote(ctx context.Context, name RemoteName) (*Remote, error) {
	all, err := m.Remotes(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.Name == name {
			return &r, nil
		}
	}
	return nil, NoRemote(name)
}

// AddRemote makes another server known, for good. It is talked to first; on
// error nothing was made, here or there.
func (m *Manager) AddRemote(ctx context.Context, r NewRemote) (*Remote, error) {
	power, err := powerOf[Remotes](m, "add a remote")
	if err != nil {
		return nil, err
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return power.AddRemote(ctx, r)
}

// RemoveRemote forgets a remote. One that the image of a pool comes from is
// kept, with [ErrInUse].
func (m *Manager) RemoveRemote(ctx context.Context, name RemoteName) error {
	power, err := powerOf[Remotes](m, "remove a remote")
	if err != nil {
		return err
	}
	if err := m.unusedRemote(ctx, "remove", name); err != nil {
		return err
	}
	return power.RemoveRemote(ctx, name)
}

// RenameRemote gives a remote another name. One that the image of a pool comes
// from keeps its name, with [ErrInUse].
func (m *Manager) RenameRemote(ctx context.Context, name, to RemoteName) (*Remote, error) {
	power, err := powerOf[Remotes](m, "rename a remote")
	if err != nil {
		return nil, err
	}
	if err := to.Validate(); err != nil {
		return nil, err
	}
	if err := m.unusedRemote(ctx, "rename", name); err != nil {
		return nil, err
	}
	return power.RenameRemote(ctx, name, to)
}

// SetRemoteURL tells where a remote is now.
func (m *Manager) SetRemoteURL(ctx context.Context, name RemoteName, url string) (*Remote, error) {
	power, err := powerOf[Remotes](m, "change a remote")
	if err != nil {
		return nil, err
	}
	if err := ValidateRemoteURL(url); err != nil {
		return nil, err
	}
	return power.SetRemoteURL(ctx, name, url)
}

// unusedRemote refuses to touch a remote that a pool needs.
func (m *Manager) unusedRemote(ctx context.Context, verb string, name RemoteName) error {
	pools, err := m.Pools(ctx)
	if err != nil {
		return err
	}
	for _, p := range pools {
		if remote, _ := SplitImage(p.Spec.Image); remote == name {
			return Errorf(ErrInUse, "give the pool another image, or delete it",
				"cannot %s remote %s: pool %s is made from %s", verb, name, p.Name, p.Spec.Image)
		}
		all, err := m.Instances(ctx, p.Name)
		if err != nil {
			return err
		}
		for _, in := range all {
			if in.mayBeOn(name) {
				return Errorf(ErrInUse, "move it away, or release it", "cannot %s remote %s: instance %s was moved there", verb, name, in.Name)
			}
		}
	}
	return nil
}

// NoRemote is the [ErrNotFound] for a name, for backends.
func NoRemote(name RemoteName) error {
	return Errorf(ErrNotFound, `see "lxd-pool remote list"`, "cannot find remote %q", string(name))
}

// RemoteExists is the [ErrExists] for a name, for backends.
func RemoteExists(name RemoteName) error {
	return Errorf(ErrExists, `choose another name, or remove it with "lxd-pool remote remove `+string(name)+`"`,
		"cannot use the name %q: there is a remote of that name", string(name))
}

// StaticRemote is the [ErrInvalid] for a change to one of [DefaultRemotes], for backends.
func StaticRemote(name RemoteName) error {
	return Invalidf("add one of another name", "cannot change remote %q: it comes with lxd-pool", string(name))
}
