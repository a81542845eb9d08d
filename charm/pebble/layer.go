package pebble

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

const (
	// layerName is the label of our layer, service the name of what it runs.
	layerName = "lxd-pool"
	service   = "lxd-poold"
	// check is the name of the check that the daemon answers.
	check = "lxd-poold"
)

// killDelay is how long the daemon may take to end. It drains for 20 seconds,
// and Kubernetes gives a pod 30.
const killDelay = "25s"

// layer is what Pebble runs, and how it looks after it. credentials tell those
// for LXD from others: the daemon reads them when it starts, so that with others
// it is another service to Pebble, which restarts it.
func layer(credentials string) ([]byte, error) {
	env := environment()
	env["LXD_POOL_CREDENTIALS"] = credentials
	return json.Marshal(map[string]any{ // which is YAML
		"summary": "lxd-pool",
		"services": map[string]any{service: map[string]any{
			"override":         "replace",
			"summary":          "Keeps LXD instances ready and leases them",
			"command":          daemonProgram,
			"startup":          "enabled",
			"environment":      env,
			"on-success":       "restart",
			"on-failure":       "restart",
			"on-check-failure": map[string]string{check: "restart"},
			"backoff-delay":    "500ms",
			"backoff-factor":   2,
			"backoff-limit":    "30s",
			"kill-delay":       killDelay,
		}},
		// The daemon has to answer. Whether its LXD does is no reason to restart it.
		"checks": map[string]any{check: map[string]any{
			"override":  "replace",
			"level":     "ready",
			"startup":   "enabled",
			"period":    "30s",
			"timeout":   "10s",
			"threshold": 3,
			"exec": map[string]any{
				"command":     checkProgram + " version",
				"environment": map[string]string{"LXD_POOL_SOCKET": sharedDir + "/" + daemonSocket},
			},
		}},
	})
}

// environment is what tells the daemon where everything is. Of Pebble's own, that
// of the image, it has the rest.
func environment() map[string]string {
	return map[string]string{
		"LXD_POOLD_CONFIG":    configFile,
		"LXD_POOLD_SOCKET":    sharedDir + "/" + daemonSocket,
		"LXD_POOLD_STATE_DIR": stateDir,
	}
}

// digest tells texts from others, and nothing of what is in them.
func digest(texts ...[]byte) string {
	h := sha256.New()
	for _, text := range texts {
		sum := sha256.Sum256(text)
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
