package pebble

import (
	"context"
	"encoding/json"
	"path"
	"time"

	pebble "github.com/canonical/pebble/client"

	"github.com/lxd-pool/lxd-pool/charm"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// Container is the name of the container, in the metadata of the charm.
const Container = "lxd-pool"

// Workload is a daemon that Pebble runs. Its fields must not be changed after
// the first call.
type Workload struct {
	// Root stands for "/" of the charm's own container, for tests.
	Root string
	// Patience is how long a daemon that was started may take to answer. 0: 30s.
	Patience time.Duration
	// remote is the address of its LXD, as Install was told.
	remote string
}

var _ charm.Workload = (*Workload)(nil)

// What there is in the container.
const (
	daemonProgram = "/usr/bin/lxd-poold"
	checkProgram  = "/usr/bin/lxd-pool"
	stateDir      = "/var/lib/lxd-pool/state"
	filesDir      = "/var/lib/lxd-pool/charm"
	configFile    = filesDir + "/daemon.yaml"
	sharedDir     = "/charm/container"
)

// The sockets in the directory that the charm shares with the container.
const (
	pebbleSocket = "pebble.socket"
	daemonSocket = "lxd-pool.socket"
)

// shared is the path that the charm has for a file in that directory.
func (w *Workload) shared(name string) string {
	return path.Join("/", w.Root, "charm/containers", Container, name)
}

// Install checks that there is an LXD, that Pebble answers, and that the image
// has what is needed: there is nothing else to install.
func (w *Workload) Install(ctx context.Context, s charm.Setup) error {
	if w.remote = s.LXD.Remote; w.remote == "" {
		return &charm.Blocked{Why: "there is no LXD in a container", Next: "set lxd-address and lxd-credentials to those of one elsewhere"}
	}
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for _, name := range []string{daemonProgram, checkProgram} {
		_, err := c.ListFiles(&pebble.ListFilesOptions{Path: name, Itself: true})
		if isNotFound(err) {
			return &charm.Blocked{
				Why:  "the image of the container " + Container + " has no " + name,
				Next: "attach one that has it: juju attach-resource APPLICATION lxd-pool-image=IMAGE",
			}
		}
		if err != nil {
			return c.failed(err, "look for %s in the container", name)
		}
	}
	return nil
}

// Put writes a file that only root of the container can read. It is there as a
// whole or not at all.
func (w *Workload) Put(ctx context.Context, name string, content []byte) (string, error) {
	if path.Base(path.Join("/", name)) != name || path.Join(filesDir, name) == configFile {
		return "", pool.Invalidf("", "cannot put %q into the container: it is no name of a file", name)
	}
	c, err := w.connect(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	at := path.Join(filesDir, name)
	return at, c.write(at, content)
}

// Get reads what Put has written.
func (w *Workload) Get(ctx context.Context, name string) ([]byte, error) {
	c, err := w.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.read(path.Join(filesDir, name))
}

// Cluster returns the address of the LXD that the daemon is for: all units of an
// application have the same, and only one may manage it.
func (w *Workload) Cluster(ctx context.Context) (string, error) {
	if w.remote != "" {
		return w.remote, nil
	}
	c, err := w.connect(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	text, err := c.read(configFile)
	if err != nil || text == nil {
		return "", err
	}
	was, err := parse(text)
	if err != nil {
		return "", err
	}
	return was.LXD.Address, nil
}

// Daemon returns a client of the daemon, by the socket that it shares with the
// charm.
func (w *Workload) Daemon() *client.Client {
	return &client.Client{Socket: w.shared(daemonSocket)}
}

// format is a configuration as the daemon reads it. JSON is YAML.
func format(c *api.Configuration) ([]byte, error) {
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}

func parse(text []byte) (*api.Configuration, error) {
	var c api.Configuration
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, pool.Errorf(pool.ErrInternal, "", "cannot understand how the daemon was configured: %w", err)
	}
	return &c, nil
}
