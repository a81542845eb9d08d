package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/juju/charm/v12"
	"github.com/juju/juju/core/life"
	"github.com/juju/juju/core/status"
	"github.com/juju/names/v5"
)

// App is an application: a charm, its configuration, and its units.
type App struct {
	Name string

	charmDir string
	charm    *charm.CharmDir
	revision int // of the charm; Upgrade raises it
	modified int // grows with the charm's revision and with its resources
	config   charm.Settings
	env      func(unit string) []string
	life     life.Value
	leader   string
	next     int // number of the next unit
	status   Status
	settings map[string]string // leader settings, which nobody should use any more
	settled  int               // their version
	resource map[string]string // name to file
	version  string
}

// Status is what status-set leaves.
type Status struct {
	Status  string
	Message string
}

func (s Status) String() string {
	if s.Message == "" {
		return s.Status
	}
	return s.Status + ": " + s.Message
}

// Deploy makes an application of the charm that is unpacked in charmDir,
// without a unit. Values of config are taken as "juju deploy --config" takes
// them. env gives what is added to the environment of each hook of a unit.
func (m *Model) Deploy(name, charmDir string, config map[string]any, env func(unit string) []string) *App {
	m.t.Helper()
	if !names.IsValidApplication(name) {
		m.fatal("deploy %q: it is no name of an application", name)
	}
	ch, err := readCharm(charmDir)
	if err != nil {
		m.fatal("deploy %s: %v", name, err)
	}
	settings, err := ch.Config().ValidateSettings(config)
	if err != nil {
		m.fatal("deploy %s: %v", name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.apps[name] != nil {
		m.fatal("deploy %s: there is one already", name)
	}
	app := &App{
		Name: name, charmDir: charmDir, charm: ch, config: settings, env: env,
		life: life.Alive, status: Status{Status: status.Unset.String()},
		settings: map[string]string{}, settled: 1, resource: map[string]string{},
	}
	m.apps[name] = app
	for _, peer := range slices.Sorted(maps.Keys(ch.Meta().Peers)) {
		m.addRelation(endpoint{app: name, Relation: ch.Meta().Peers[peer]})
	}
	m.changed()
	return app
}

// readCharm reads an unpacked charm as Juju does, and refuses what Juju's
// client and controller would refuse.
func readCharm(dir string) (*charm.CharmDir, error) {
	ch, err := charm.ReadCharmDir(dir)
	if err != nil {
		return nil, err
	}
	if err := charm.CheckMeta(ch); err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(dir, "dispatch"))
	if err != nil {
		return nil, fmt.Errorf("it has no hooks nor dispatch file: %w", err)
	}
	if info.Mode()&0o111 == 0 {
		return nil, fmt.Errorf("its dispatch file is not executable")
	}
	return ch, nil
}

// SetConfig changes the configuration of an application; a value that is nil
// goes back to its default.
func (m *Model) SetConfig(app string, config map[string]any) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.app(app)
	settings, err := a.charm.Config().ValidateSettings(config)
	if err != nil {
		m.fatal("configure %s: %v", app, err)
	}
	for key, value := range settings {
		if value == nil {
			delete(a.config, key)
		} else {
			a.config[key] = value
		}
	}
	m.changed()
}

// settingsOf is what config-get shows. The caller holds mu.
func (a *App) settingsOf() charm.Settings {
	all := a.charm.Config().DefaultSettings()
	maps.Copy(all, a.config)
	return all
}

// configHash changes when the configuration does.
func (a *App) configHash() string {
	sum := sha256.New()
	settings := a.settingsOf()
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(sum, "%q=%v\n", key, settings[key])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// url is the charm's, as a local charm has one.
func (a *App) url() string {
	return fmt.Sprintf("local:noble/%s-%d", a.charm.Meta().Name, a.revision)
}

// Upgrade has all units of an application take the charm from its directory
// again, or from another one.
func (m *Model) Upgrade(app string, charmDir ...string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.app(app)
	dir := a.charmDir
	if len(charmDir) > 0 {
		dir = charmDir[0]
	}
	ch, err := readCharm(dir)
	if err != nil {
		m.fatal("upgrade %s: %v", app, err)
	}
	a.charmDir, a.charm = dir, ch
	a.revision++
	a.modified++
	m.changed()
}

// AttachResource gives an application the file of a resource. Units see it the
// next time they ask.
func (m *Model) AttachResource(app, name, path string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.app(app)
	if _, ok := a.charm.Meta().Resources[name]; !ok {
		m.fatal("attach to %s: its charm has no resource %q", app, name)
	}
	a.resource[name] = path
	a.modified++ // as in Juju: upgrade-charm runs
	m.changed()
}

// RemoveApp has all of an application leave: its relations, then its units.
func (m *Model) RemoveApp(app string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.app(app)
	a.life = life.Dying
	for _, r := range m.relationsOf(app) {
		m.dying(r)
	}
	for _, u := range m.unitsOf(app) {
		m.removing(u)
	}
	m.dropApp(a)
	m.changed()
}

// dropApp forgets an application that is dying and has nothing left. The
// caller holds mu.
func (m *Model) dropApp(a *App) {
	if a.life != life.Dying || len(m.unitsOf(a.Name)) > 0 {
		return
	}
	for _, r := range m.relationsOf(a.Name) {
		m.forget(r)
	}
	m.dropSecretsOf(names.NewApplicationTag(a.Name))
	delete(m.apps, a.Name)
	m.changed()
}

// AppStatus is what the leader set for the application.
func (m *Model) AppStatus(app string) Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.app(app).status
}

// Version is the version of the workload that a unit has set.
func (m *Model) Version(app string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.app(app).version
}

// app finds one by its name. The caller holds mu.
func (m *Model) app(name string) *App {
	m.t.Helper()
	a := m.apps[name]
	if a == nil {
		m.fatal("find the application %s: there is none", name)
	}
	return a
}

// Has reports whether there is an application of that name.
func (m *Model) Has(app string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.apps[app] != nil
}
