package snapd

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
)

// installLXD puts the snap of LXD on the machine. With a real LXD its socket is
// that; else it answers what the charm asks an LXD that is set up, or is not yet.
func (m *Machine) installLXD(channel string) {
	m.mu.Lock()
	m.snaps["lxd"] = &snap{channel: channel}
	m.mu.Unlock()
	socket := m.path("var/snap/lxd/common/lxd/unix.socket")
	if !m.opts.Real {
		m.lxd = m.listen(socket, m.lxdRoutes())
		return
	}
	dir := os.Getenv("LXD_DIR")
	if dir == "" {
		dir = "/var/lib/lxd"
	}
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		m.t.Error(err)
	}
	if err := os.Symlink(filepath.Join(dir, "unix.socket"), socket); err != nil {
		m.t.Error(err)
	}
}

func (m *Machine) lxdRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /1.0", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"api_status": "stable", "auth": "trusted", "environment": map[string]any{
			"server": "lxd", "server_clustered": m.opts.Cluster != "", "certificate_fingerprint": m.opts.Cluster,
		}})
	})
	mux.HandleFunc("GET /1.0/storage-pools", func(w http.ResponseWriter, _ *http.Request) {
		pools := []string{}
		if !m.opts.Bare || len(m.Made()) > 0 {
			pools = append(pools, "/1.0/storage-pools/default")
		}
		answer(w, pools)
	})
	mux.HandleFunc("GET /1.0/instances", func(w http.ResponseWriter, _ *http.Request) { answer(w, m.Instances()) })
	for _, pattern := range []string{"POST /1.0/storage-pools", "POST /1.0/networks", "PATCH /1.0/profiles/default"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			var body map[string]any
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				json.NewEncoder(w).Encode(map[string]any{"type": "error", "error": err.Error()})
				return
			}
			text, _ := json.Marshal(body)
			m.mu.Lock()
			m.made = append(m.made, r.URL.Path+" "+string(text))
			m.mu.Unlock()
			answer(w, nil)
		})
	}
	return mux
}

func answer(w http.ResponseWriter, metadata any) {
	json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": metadata})
}

// removeLXD takes the snap of LXD away, and what it made.
func (m *Machine) removeLXD() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.snaps, "lxd")
	m.made = nil
	if m.lxd != nil {
		m.lxd.Close()
	}
	return os.RemoveAll(m.path("var/snap/lxd"))
}
