package snapd

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// refusal is an error as snapd tells it.
type refusal struct {
	Message string `json:"message"`
	Kind    string `json:"kind,omitempty"`
}

func (r *refusal) Error() string { return r.Message }

// change is what snapd did in the background, which here is done at once.
type change struct{ err error }

func (m *Machine) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/snaps/{name}", m.getSnap)
	mux.HandleFunc("POST /v2/snaps/{name}", m.actOnSnap)
	mux.HandleFunc("POST /v2/snaps", m.sideload)
	mux.HandleFunc("GET /v2/changes/{id}", m.getChange)
	mux.HandleFunc("GET /v2/connections", m.connections)
	mux.HandleFunc("POST /v2/interfaces", m.connect)
	mux.HandleFunc("GET /v2/snaps/{name}/conf", m.getConf)
	mux.HandleFunc("PUT /v2/snaps/{name}/conf", m.putConf)
	mux.HandleFunc("POST /v2/apps", m.services)
	return mux
}

func reply(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	body["status-code"], body["status"] = status, http.StatusText(status)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func answerNow(w http.ResponseWriter, result any) {
	reply(w, http.StatusOK, map[string]any{"type": "sync", "result": result})
}

func refuse(w http.ResponseWriter, status int, r refusal) {
	reply(w, status, map[string]any{"type": "error", "result": r})
}

// background answers with the change that an action is.
func (m *Machine) background(w http.ResponseWriter, err error) {
	m.changes = append(m.changes, change{err})
	reply(w, http.StatusAccepted, map[string]any{"type": "async", "result": nil, "change": strconv.Itoa(len(m.changes))})
}

func (m *Machine) getChange(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || n < 1 || n > len(m.changes) {
		refuse(w, http.StatusNotFound, refusal{Message: "cannot find change"})
		return
	}
	result := map[string]any{"id": r.PathValue("id"), "ready": true, "status": "Done"}
	if err := m.changes[n-1].err; err != nil {
		result["status"], result["err"] = "Error", err.Error()
	}
	answerNow(w, result)
}

// find answers that there is no such snap.
func (m *Machine) find(w http.ResponseWriter, name string) *snap {
	s := m.snaps[name]
	if s == nil {
		refuse(w, http.StatusNotFound, refusal{Message: "snap not installed", Kind: "snap-not-found"})
	}
	return s
}

func (m *Machine) getSnap(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := r.PathValue("name")
	s := m.find(w, name)
	if s == nil {
		return
	}
	result := map[string]any{"name": name, "status": "active", "version": "1", "tracking-channel": s.channel}
	if name == "lxd-pool" {
		result["apps"] = []map[string]any{
			{"snap": name, "name": "daemon", "daemon": "simple", "enabled": s.enabled, "active": s.daemon != nil},
			{"snap": name, "name": "lxd-pool"},
		}
	}
	answerNow(w, result)
}

func (m *Machine) actOnSnap(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var body struct {
		Action, Channel, Time string
		Level                 string `json:"hold-level"`
		Purge                 bool
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, refusal{Message: "cannot decode request body: " + err.Error()})
		return
	}
	name := r.PathValue("name")
	if kind := m.refuse[name]; kind != "" && (body.Action == "install" || body.Action == "refresh") {
		delete(m.refuse, name)
		refuse(w, http.StatusNotFound, refusal{Message: "snap not found", Kind: kind})
		return
	}
	if body.Action != "install" && m.find(w, name) == nil {
		return
	}
	switch body.Action {
	case "install", "refresh":
		if name == "lxd" {
			m.installLXD(body.Channel)
			m.background(w, nil)
			return
		}
		m.background(w, m.installSnap(body.Channel))
	case "hold", "unhold":
		if body.Action == "hold" && (body.Time != "forever" || body.Level != "general") {
			refuse(w, http.StatusBadRequest, refusal{Message: "hold needs a time and a level"})
			return
		}
		m.snaps[name].held = body.Action == "hold"
		m.background(w, nil)
	case "remove":
		m.background(w, m.remove(name))
	default:
		refuse(w, http.StatusBadRequest, refusal{Message: fmt.Sprintf("unknown action %q", body.Action)})
	}
}

func (m *Machine) sideload(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		refuse(w, http.StatusBadRequest, refusal{Message: "cannot read POST form: " + err.Error()})
		return
	}
	f, _, err := r.FormFile("snap")
	if err != nil || r.FormValue("dangerous") != "true" || r.FormValue("action") != "install" {
		refuse(w, http.StatusBadRequest, refusal{Message: "cannot find \"snap\" file field in provided multipart/form-data payload"})
		return
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil || !strings.HasPrefix(string(text), "snap") {
		refuse(w, http.StatusBadRequest, refusal{Message: "cannot open snap: not a snap or snapdir"})
		return
	}
	m.background(w, m.installSnap(""))
}

func (m *Machine) connections(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	established := []any{}
	name := r.URL.Query().Get("snap")
	if s := m.find(w, name); s == nil {
		return
	} else if s.connected {
		established = append(established, map[string]any{"plug": map[string]string{"snap": name, "plug": "lxd"}, "slot": map[string]string{"snap": "lxd", "slot": "lxd"}, "interface": "lxd", "manual": true})
	}
	answerNow(w, map[string]any{"established": established, "plugs": []any{}, "slots": []any{}})
}

func (m *Machine) connect(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var body struct {
		Action       string
		Plugs, Slots []map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Plugs) != 1 || len(body.Slots) != 1 {
		refuse(w, http.StatusBadRequest, refusal{Message: "many-to-many operations are not implemented"})
		return
	}
	s := m.find(w, body.Plugs[0]["snap"])
	if s == nil || m.find(w, body.Slots[0]["snap"]) == nil {
		return
	}
	hook := map[string]string{"connect": "connect-plug-lxd", "disconnect": "disconnect-plug-lxd"}[body.Action]
	s.connected = body.Action == "connect"
	m.background(w, m.hook(hook))
}

func (m *Machine) getConf(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.find(w, r.PathValue("name")); s != nil {
		answerNow(w, s.conf)
	}
}

func (m *Machine) putConf(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.find(w, r.PathValue("name"))
	if s == nil {
		return
	}
	var patch map[string]any
	if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
		refuse(w, http.StatusBadRequest, refusal{Message: "cannot decode request body into patch values: " + err.Error()})
		return
	}
	m.background(w, m.configure(s, patch))
}

func (m *Machine) services(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var body struct {
		Action          string
		Names           []string
		Enable, Disable bool
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Names) != 1 || body.Names[0] != "lxd-pool.daemon" {
		refuse(w, http.StatusBadRequest, refusal{Message: "cannot perform operation on services without a list of services to operate on"})
		return
	}
	s := m.find(w, "lxd-pool")
	if s == nil {
		return
	}
	m.stop(s)
	if body.Action != "stop" {
		m.start(s)
	}
	s.enabled = (s.enabled || body.Enable) && !body.Disable
	m.background(w, nil)
}
