package snapd

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

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

func refuse(w http.ResponseWriter, r *refusal) {
	reply(w, r.status, map[string]any{"type": "error", "result": r})
}

func bad(w http.ResponseWriter, format string, args ...any) {
	refuse(w, &refusal{Message: fmt.Sprintf(format, args...), status: http.StatusBadRequest})
}

func notFound(w http.ResponseWriter, name string) {
	refuse(w, &refusal{Message: "snap not installed", Kind: "snap-not-found", Value: name, status: http.StatusNotFound})
}

// forever is until when a snap is held that is held forever.
var forever = time.Unix(0, 1<<63-1).UTC().Format(time.RFC3339)

func (m *Machine) getSnap(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := r.PathValue("name")
	s := m.snaps[name]
	if s == nil {
		notFound(w, name)
		return
	}
	result := map[string]any{"name": name, "type": "app", "status": "active", "version": "1", "revision": "1"}
	if s.channel != "" {
		result["tracking-channel"], result["channel"] = s.channel, s.channel
	} else {
		result["revision"] = "x1"
	}
	if s.held {
		result["hold"] = forever
	}
	if name == "lxd-pool" {
		daemon := map[string]any{"snap": name, "name": "daemon", "daemon": "simple", "daemon-scope": "system"}
		if !s.disabled {
			daemon["enabled"] = true
		}
		if m.daemon.active() {
			daemon["active"] = true
		}
		result["apps"] = []map[string]any{daemon, {"snap": name, "name": "lxd-pool"}}
	}
	answerNow(w, result)
}

// instruction is what is to be done with a snap.
type instruction struct {
	Action, Channel, Time string
	Level                 string `json:"hold-level"`
	Purge                 bool
}

// invalid says what is wrong with it, as snapd does.
func (i instruction) invalid() string {
	hold := i.Action == "hold"
	_, err := time.Parse(time.RFC3339, i.Time)
	switch {
	case hold && i.Time == "":
		return "hold action requires a non-empty time value"
	case hold && i.Time != "forever" && err != nil:
		return fmt.Sprintf(`hold action requires time to be "forever" or in RFC3339 format: %v`, err)
	case hold && i.Level != "general" && i.Level != "auto-refresh":
		return `hold action requires hold-level to be either "auto-refresh" or "general"`
	case !hold && i.Time != "":
		return `time can only be specified for the "hold" action`
	case !hold && i.Level != "":
		return `hold-level can only be specified for the "hold" action`
	}
	return ""
}

func (m *Machine) actOnSnap(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	var i instruction
	if err := json.NewDecoder(r.Body).Decode(&i); err != nil {
		bad(w, "cannot decode request body into snap instruction: %v", err)
		return
	}
	if why := i.invalid(); why != "" {
		bad(w, "%s", why)
		return
	}
	if r := m.mayNot(name, i); r != nil {
		refuse(w, r)
		return
	}
	kind := i.Action + "-snap"
	switch i.Action {
	case "install":
		m.background(w, kind, name, func() error {
			if name == "lxd" {
				m.installLXD(full(i.Channel))
				return nil
			}
			return m.install(full(i.Channel))
		})
	case "refresh":
		m.background(w, kind, name, func() error {
			if name == "lxd" {
				m.update(name, func(s *snap) { s.channel = full(i.Channel) })
				return nil
			}
			return m.refresh(full(i.Channel))
		})
	case "hold", "unhold":
		m.background(w, kind, name, func() error {
			m.update(name, func(s *snap) { s.held = i.Action == "hold" })
			return nil
		})
	case "remove":
		m.background(w, kind, name, func() error {
			if name == "lxd" {
				return m.removeLXD()
			}
			return m.remove()
		})
	default:
		bad(w, "unknown action %s", i.Action)
	}
}

// mayNot says why an action is refused at once.
func (m *Machine) mayNot(name string, i instruction) *refusal {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.snaps[name]
	fetches := i.Action == "install" || i.Action == "refresh"
	if r, ok := m.refuse[name]; ok && fetches {
		delete(m.refuse, name)
		return &r
	}
	if r := m.conflict(name); r != nil {
		return r
	}
	switch {
	case i.Action != "install" && s == nil:
		return notInstalled(name)
	case name != "lxd" && name != "lxd-pool":
		return &refusal{Message: "snap not found", Kind: "snap-not-found", Value: name, status: http.StatusNotFound}
	case i.Action == "install" && s != nil:
		return &refusal{Message: fmt.Sprintf("snap %q is already installed", name), Kind: "snap-already-installed", Value: name, status: http.StatusBadRequest}
	case i.Action == "refresh" && s.channel == "":
		return &refusal{Message: "cannot refresh local snap", Kind: "snap-local", Value: name, status: http.StatusBadRequest}
	case i.Action == "refresh" && (i.Channel == "" || full(i.Channel) == s.channel):
		return &refusal{Message: "snap has no updates available", Kind: "snap-no-update-available", Value: name, status: http.StatusBadRequest}
	}
	return nil
}

func (m *Machine) sideload(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		bad(w, "cannot read POST form: %v", err)
		return
	}
	f, _, err := r.FormFile("snap")
	if err != nil {
		bad(w, `cannot find "snap" file field in provided multipart/form-data payload`)
		return
	}
	defer f.Close()
	if r.FormValue("dangerous") != "true" {
		bad(w, "cannot find signatures with metadata for snap/component %q", "lxd-pool.snap")
		return
	}
	text, err := io.ReadAll(f)
	if err != nil || !strings.HasPrefix(string(text), "snap") && !strings.HasPrefix(string(text), "hsqs") {
		bad(w, "cannot open snap: not a snap or snapdir")
		return
	}
	m.background(w, "install-snap", "lxd-pool", func() error {
		if m.has("lxd-pool") {
			return m.refresh("")
		}
		return m.install("")
	})
}

func (m *Machine) connections(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := r.URL.Query().Get("snap")
	s := m.snaps[name]
	if s == nil {
		notFound(w, name)
		return
	}
	established := []any{}
	if s.connected {
		established = append(established, map[string]any{
			"plug": map[string]string{"snap": name, "plug": "lxd"}, "slot": map[string]string{"snap": "lxd", "slot": "lxd"},
			"interface": "lxd", "manual": true,
		})
	}
	answerNow(w, map[string]any{"established": established, "plugs": []any{}, "slots": []any{}})
}

func (m *Machine) connect(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Action       string
		Plugs, Slots []map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		bad(w, "cannot decode request body into an interface action: %v", err)
		return
	}
	if len(body.Plugs) != 1 || len(body.Slots) != 1 {
		bad(w, "at least one plug and slot is required")
		return
	}
	if body.Action != "connect" && body.Action != "disconnect" {
		bad(w, "unsupported interface action: %q", body.Action)
		return
	}
	for _, name := range []string{body.Plugs[0]["snap"], body.Slots[0]["snap"]} {
		if !m.has(name) {
			bad(w, "snap %q is not installed", name)
			return
		}
	}
	name, on := body.Plugs[0]["snap"], body.Action == "connect"
	if name != "lxd-pool" || body.Plugs[0]["plug"] != "lxd" || body.Slots[0]["slot"] != "lxd" {
		bad(w, "snap %q has no plug named %q", name, body.Plugs[0]["plug"])
		return
	}
	m.background(w, body.Action+"-snap", name, func() error { return m.plug(on) })
}

// plug connects or disconnects the snap and LXD. The hook runs when it is
// connected, that is after the one and before the other.
func (m *Machine) plug(on bool) error {
	was := false
	m.update("lxd-pool", func(s *snap) { was, s.connected = s.connected, s.connected || on })
	switch {
	case was == on:
		return nil
	case on:
		err := m.hook("connect-plug-lxd")
		if err != nil {
			m.update("lxd-pool", func(s *snap) { s.connected = false })
		}
		return err
	}
	err := m.hook("disconnect-plug-lxd")
	m.update("lxd-pool", func(s *snap) { s.connected = false })
	return err
}

// getConf gives all that is set; nothing, if the snap is not there.
func (m *Machine) getConf(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	conf := map[string]any{}
	if s := m.snaps[r.PathValue("name")]; s != nil {
		conf = s.conf
	}
	answerNow(w, conf)
}

func (m *Machine) putConf(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	var patch map[string]any
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	if err := d.Decode(&patch); err != nil {
		bad(w, "cannot decode request body into patch values: %v", err)
		return
	}
	if !m.has(name) {
		notFound(w, name)
		return
	}
	m.background(w, "configure-snap", name, func() error { return m.configure(patch) })
}

func (m *Machine) services(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Action          string
		Names           []string
		Enable, Disable bool
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		bad(w, "cannot decode request body into service operation: %v", err)
		return
	}
	switch {
	case len(body.Names) == 0:
		bad(w, "cannot perform operation on services without a list of services to operate on")
		return
	case !m.has("lxd-pool"):
		notFound(w, "lxd-pool")
		return
	case len(body.Names) > 1 || body.Names[0] != "lxd-pool.daemon" && body.Names[0] != "lxd-pool":
		refuse(w, &refusal{Message: fmt.Sprintf("snap has no service %q", body.Names), Kind: "app-not-found", status: http.StatusNotFound})
		return
	case body.Action != "start" && body.Action != "stop" && body.Action != "restart":
		bad(w, "unknown service action %q", body.Action)
		return
	}
	m.background(w, "service-control", "lxd-pool", func() error {
		if body.Action != "start" {
			m.daemon.stop()
		}
		if body.Action != "stop" {
			m.daemon.start()
		}
		m.update("lxd-pool", func(s *snap) {
			s.disabled = s.disabled && !body.Enable || body.Disable
		})
		return nil
	})
}
