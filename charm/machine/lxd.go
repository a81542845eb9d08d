package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/lxd-pool/lxd-pool/charm"
)

// lxd is the API of the LXD on this machine, for what is done before and after
// lxd-pool is there.
type lxd struct{ socket string }

func (l lxd) call(ctx context.Context, method, path string, body, result any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://lxd"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := client(l.socket).Do(r)
	if err != nil {
		return fmt.Errorf("cannot reach LXD: %w", err)
	}
	defer response.Body.Close()
	var a struct {
		Type      string          `json:"type"`
		Metadata  json.RawMessage `json:"metadata"`
		Operation string          `json:"operation"`
		Error     string          `json:"error"`
	}
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return fmt.Errorf("cannot understand LXD: %w", err)
	}
	switch {
	case a.Error != "":
		return errors.New(a.Error)
	case a.Type == "async": // newer ones make pools and networks in the background
		return l.wait(ctx, a.Operation)
	case result == nil:
		return nil
	}
	return json.Unmarshal(a.Metadata, result)
}

func (l lxd) wait(ctx context.Context, operation string) error {
	var o struct {
		Err string `json:"err"`
	}
	if err := l.call(ctx, http.MethodGet, operation+"/wait", nil, &o); err != nil {
		return err
	}
	if o.Err != "" {
		return errors.New(o.Err)
	}
	return nil
}

// cluster tells the cluster that this LXD is in from others, "" for none. All
// members of one show the same certificate.
func (l lxd) cluster(ctx context.Context) (string, error) {
	var server struct {
		Environment struct {
			Clustered   bool   `json:"server_clustered"`
			Fingerprint string `json:"certificate_fingerprint"`
		} `json:"environment"`
	}
	err := l.call(ctx, http.MethodGet, "/1.0", nil, &server)
	if err != nil {
		return "", &charm.Pending{Why: err.Error()}
	}
	if !server.Environment.Clustered {
		return "", nil
	}
	return server.Environment.Fingerprint, nil
}

// installLXD installs and sets LXD up where there is none, and leaves one that is
// there as it is.
func (w *Workload) installLXD(ctx context.Context, g *given, s charm.LXDSetup) error {
	there, err := w.snapd().snap(ctx, lxdName)
	if err != nil {
		return err
	}
	if there == nil {
		if s.Channel == "" {
			return &charm.Blocked{Why: "there is no LXD on this machine", Next: "install it, or have it installed: set the option lxd-channel, such as 5.21/stable"}
		}
		g.LXD = true
		if err := g.write(); err != nil {
			return err
		}
		if err := w.inStore(w.snapd().act(ctx, lxdName, map[string]any{"action": "install", "channel": s.Channel}), lxdName, s.Channel, "lxd-channel"); err != nil {
			return err
		}
	}
	return w.setUpLXD(ctx, g, s)
}

// The names of what is made in an LXD that is set up.
const (
	storageName = "default"
	bridgeName  = "lxdbr0"
)

// setUpLXD gives an LXD that has no storage a pool, a bridge and a default
// profile. What it began it also finishes.
func (w *Workload) setUpLXD(ctx context.Context, g *given, s charm.LXDSetup) error {
	if g.Done {
		return nil
	}
	var pools []string
	if err := w.lxd().call(ctx, http.MethodGet, "/1.0/storage-pools", nil, &pools); err != nil {
		return &charm.Pending{Why: err.Error()}
	}
	if len(pools) > 0 && !g.Set {
		return nil
	}
	if !g.Set {
		g.Set = true
		if err := g.write(); err != nil {
			return err
		}
	}
	if err := w.makeStorage(ctx, s); err != nil {
		return &charm.Blocked{Why: "cannot make the storage pool of LXD: " + oneLine(err), Next: "change the options lxd-storage-driver, lxd-storage-size or lxd-storage-source"}
	}
	if err := w.makeBridge(ctx, s); err != nil {
		return &charm.Blocked{Why: "cannot make the bridge of LXD: " + oneLine(err), Next: "change the option lxd-bridge-address"}
	}
	err := w.lxd().call(ctx, http.MethodPatch, "/1.0/profiles/default", map[string]any{"devices": map[string]any{
		"root": map[string]string{"type": "disk", "path": "/", "pool": storageName},
		"eth0": map[string]string{"type": "nic", "name": "eth0", "network": bridgeName},
	}}, nil)
	if err != nil {
		return fmt.Errorf("cannot set up the default profile of LXD: %w", err)
	}
	g.Done = true
	return g.write()
}

func (w *Workload) makeStorage(ctx context.Context, s charm.LXDSetup) error {
	config := map[string]string{}
	if s.StorageSize != "" && s.StorageDriver != "dir" {
		config["size"] = s.StorageSize
	}
	if s.StorageSource != "" {
		config["source"] = s.StorageSource
	}
	return unlessThere(w.lxd().call(ctx, http.MethodPost, "/1.0/storage-pools", map[string]any{"name": storageName, "driver": s.StorageDriver, "config": config}, nil))
}

func (w *Workload) makeBridge(ctx context.Context, s charm.LXDSetup) error {
	config := map[string]string{"ipv4.address": s.BridgeAddress, "ipv6.address": "none"}
	if s.BridgeAddress == "" {
		config["ipv4.address"] = "auto"
	}
	if config["ipv4.address"] != "none" {
		config["ipv4.nat"] = "true"
	}
	return unlessThere(w.lxd().call(ctx, http.MethodPost, "/1.0/networks", map[string]any{"name": bridgeName, "type": "bridge", "config": config}, nil))
}

func unlessThere(err error) error {
	if err != nil && strings.Contains(err.Error(), "already exists") {
		return nil
	}
	return err
}

// removeLXD removes an LXD that this charm installed, unless others use it: then
// it stays, with what is in it.
func (w *Workload) removeLXD(ctx context.Context) error {
	there, err := w.snapd().snap(ctx, lxdName)
	if err != nil || there == nil {
		return err
	}
	var instances []string
	if err := w.lxd().call(ctx, http.MethodGet, "/1.0/instances?all-projects=true", nil, &instances); err != nil || len(instances) > 0 {
		return nil
	}
	return w.snapd().act(ctx, lxdName, map[string]any{"action": "remove", "purge": true})
}
