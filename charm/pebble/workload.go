package pebble

import (
	"cmp"
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

// Workload is a daemon that Pebble runs. The zero value is that of the unit that
// the charm runs for. Its fields must not be changed after the first call.
type Workload struct {
	// Socket is Pebble's, as the charm sees it. "": /charm/containers/lxd-pool/pebble.socket.
	Socket string
	// Shared is the directory of that socket, as the container sees it.
	// "": /charm/container.
	Shared string
	// Dir is where the container has what lasts. "": /var/lib/lxd-pool.
	Dir string
	// Programs is where it has our programs. "": /usr/bin.
	Programs string
	// Environment is given to the daemon besides what the charm says.
	Environment map[string]string
	// Patience is how long a daemon that was started may take to answer. 0: 30s.
	Patience time.Duration
}

var _ charm.Workload = (*Workload)(nil)

// daemonSocket is the name of the daemon's socket, beside that of Pebble.
const daemonSocket = "lxd-pool.socket"

func (w *Workload) socket() string {
	return cmp.Or(w.Socket, "/charm/containers/"+Container+"/pebble.socket")
}

// inside is the path that the container has for what is beside Pebble's socket.
func (w *Workload) inside(name string) string {
	return path.Join(cmp.Or(w.Shared, "/charm/container"), name)
}

func (w *Workload) dir() string             { return cmp.Or(w.Dir, "/var/lib/lxd-pool") }
func (w *Workload) stateDir() string        { return path.Join(w.dir(), "state") }
func (w *Workload) files() string           { return path.Join(w.dir(), "charm") }
func (w *Workload) file(name string) string { return path.Join(w.files(), name) }
func (w *Workload) configFile() string      { return w.file("daemon.yaml") }
func (w *Workload) program(name string) string {
	return path.Join(cmp.Or(w.Programs, "/usr/bin"), name)
}
func (w *Workload) patience() time.Duration { return cmp.Or(w.Patience, 30*time.Second) }

// Install checks that Pebble answers and that the image has what is needed:
// there is nothing else to install.
func (w *Workload) Install(ctx context.Context, _ charm.Setup) error {
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for _, name := range []string{daemonProgram, checkProgram} {
		_, err := c.ListFiles(&pebble.ListFilesOptions{Path: w.program(name), Itself: true})
		if isNotFound(err) {
			return &charm.Blocked{
				Why:  "the image of the container " + Container + " has no " + w.program(name),
				Next: "attach one that has it: juju attach-resource APPLICATION lxd-pool-image=IMAGE",
			}
		}
		if err != nil {
			return c.failed(err, "look for %s in the container", w.program(name))
		}
	}
	return nil
}

// Put writes a file that only root of the container can read. It is there as a
// whole or not at all.
func (w *Workload) Put(ctx context.Context, name string, content []byte) (string, error) {
	if path.Base(path.Join("/", name)) != name || w.file(name) == w.configFile() {
		return "", pool.Invalidf("", "cannot put %q into the container: it is no name of a file", name)
	}
	c, err := w.connect(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	return w.file(name), c.write(w.file(name), content)
}

// Get reads what Put has written.
func (w *Workload) Get(ctx context.Context, name string) ([]byte, error) {
	c, err := w.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.read(w.file(name))
}

// Cluster returns the address of the LXD that the daemon is configured for: all
// units of an application have the same. "": it was not configured yet.
func (w *Workload) Cluster(ctx context.Context) (string, error) {
	c, err := w.connect(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	text, err := c.read(w.configFile())
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
	return &client.Client{Socket: path.Join(path.Dir(w.socket()), daemonSocket)}
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
