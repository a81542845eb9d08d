package pool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Keeper is what keeps the spec of a pool: "" for those who operate the daemon,
// with commands and the API, else a configuration. A pool has one keeper, so
// that two never undo each other's changes.
type Keeper string

// The keepers that are configurations.
const (
	// KeeperSnap is the configuration of the snap, set with "snap set".
	KeeperSnap Keeper = "snap"
	// KeeperFile is the file that the daemon is configured by.
	KeeperFile Keeper = "file"
)

// SnapPool is the pool whose keys stand at the top of the snap's configuration.
// It is there as long as the snap is.
const SnapPool PoolName = "default"

// keeping is one pool on its way to be what its keeper says.
type keeping struct {
	name PoolName
	spec Spec
	// origin is what its image is, "" when it was not or could not be looked up.
	origin Origin
	// was is nil for a pool that is to be made.
	was *PoolStatus
}

// KeepPools makes the pools that keeper keeps what specs says: those that are
// missing are made, others changed, and those that specs no longer has give no
// new leases and are deleted when their last lease has ended. A pool that
// somebody else keeps is never touched: its name is refused with
// [ErrPoolExists]. Everything is checked before anything is changed. LXD may be
// away: what only it can tell is then left for later, and told as a problem of
// the pool. LXD is looked for at once.
func (m *Manager) KeepPools(ctx context.Context, keeper Keeper, specs map[PoolName]Spec) error {
	m.keeping.Lock()
	defer m.keeping.Unlock()
	defer m.look()
	var list []keeping
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		k, err := m.checkKeeping(ctx, keeper, name, specs[name])
		if err != nil {
			return err
		}
		list = append(list, k)
	}
	for _, k := range list {
		if err := m.keep(ctx, keeper, k); err != nil {
			return err
		}
	}
	all, err := m.Pools(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if _, kept := specs[p.Name]; p.Keeper != keeper || kept || p.Doomed || p.Unkept {
			continue
		}
		if err := m.alter(ctx, p.Name, (*turn).letGo); err != nil && !errors.Is(err, ErrNoPool) {
			return err
		}
	}
	return nil
}

func (m *Manager) checkKeeping(ctx context.Context, keeper Keeper, name PoolName, spec Spec) (keeping, error) {
	k := keeping{name: name, spec: spec}
	if err := name.Validate(); err != nil {
		return k, err
	}
	full := spec.WithDefaults()
	if err := full.Validate(); err != nil {
		return k, err
	}
	was, err := m.Pool(ctx, name)
	switch {
	case errors.Is(err, ErrNoPool):
	case err != nil:
		return k, err
	case was.Doomed:
		return k, doomed(name)
	case was.Keeper != keeper:
		return k, Errorf(ErrPoolExists, fmt.Sprintf(`choose another name, or run "lxd-pool delete %s" first`, name),
			"cannot make pool %s: there is one of that name, kept by %s", name, was.Keeper.words())
	default:
		k.was = was
		old := was.Spec.WithDefaults()
		if !needsVetting(&old, &full) {
			return k, nil
		}
	}
	k.origin, err = m.env.backend.Vet(ctx, Order{Manager: m.env.manager, Pool: name, Spec: &full})
	if errors.Is(err, ErrUnavailable) {
		err = nil
	}
	return k, err
}

// keep makes or changes one pool that was checked.
func (m *Manager) keep(ctx context.Context, keeper Keeper, k keeping) error {
	if k.was == nil {
		_, err := m.create(ctx, k.name, k.spec, keeper, func() (Origin, error) { return k.origin, nil })
		return err
	}
	if sameSpec(&k.was.Spec, &k.spec) && !k.was.Unkept {
		return nil
	}
	return m.alter(ctx, k.name, func(t *turn) error {
		if err := t.alive(); err != nil {
			return err
		}
		t.rec().Unkept = false
		if sameSpec(&t.x.Record.Spec, &k.spec) {
			return nil
		}
		_, err := t.respec(t.x.Record.Spec, k.spec, k.origin)
		return err
	})
}

// letGo begins the end of a pool that its keeper has no longer.
func (t *turn) letGo() error {
	if err := t.alive(); err != nil {
		return err
	}
	t.rec().Unkept = true
	t.event(Event{Type: PoolChanged, Message: "gives no leases and is deleted after the last: " + t.x.Record.Keeper.words() + " no longer has it"})
	return nil
}

// unkept refuses requests to a pool that was let go.
func (t *turn) unkept() error {
	return Errorf(ErrDoomed, fmt.Sprintf("use another pool, or set it again %s", t.x.Record.Keeper.where()),
		"cannot use pool %s: %s no longer has it, and it goes when its leases have ended", t.name, t.x.Record.Keeper.words())
}

// words names a keeper in a sentence.
func (k Keeper) words() string {
	switch k {
	case "":
		return "commands"
	case KeeperSnap:
		return `"snap set"`
	}
	return "the daemon's configuration"
}

// where says how the keeper is told something.
func (k Keeper) where() string {
	if k == KeeperSnap {
		return `with "snap set lxd-pool"`
	}
	return "in the file that lxd-poold --config names"
}

// refuseEdit refuses a change of the spec of a pool that a configuration keeps,
// and says what to do in place of it.
func (k Keeper) refuseEdit(name PoolName, from, to *Spec) error {
	if k == "" {
		return nil
	}
	next := "change it in the file that lxd-poold --config names, and reload the daemon"
	if changes := snapChanges(name, from, to); k == KeeperSnap && len(changes) > 0 {
		next = "type: sudo snap set lxd-pool " + strings.Join(changes, " ")
	} else if k == KeeperSnap {
		next = `change it with "sudo snap set lxd-pool"`
	}
	return Errorf(ErrKept, next, "cannot change pool %s: it is kept by %s", name, k.words())
}

// refuseDelete is refuseEdit for its end.
func (k Keeper) refuseDelete(name PoolName) error {
	var next string
	switch {
	case k == "":
		return nil
	case k == KeeperSnap && name == SnapPool:
		next = "it stays as long as the snap; to keep nothing ready in it, type: sudo snap set lxd-pool size=0"
	case k == KeeperSnap:
		next = fmt.Sprintf("type: sudo snap unset lxd-pool pools.%s", name)
	default:
		next = "take it out of the file that lxd-poold --config names, and reload the daemon"
	}
	return Errorf(ErrKept, next, "cannot delete pool %s: it is kept by %s", name, k.words())
}

// snapChanges are the arguments of "snap set" that turn one spec of a pool into
// another.
func snapChanges(name PoolName, from, to *Spec) []string {
	prefix := ""
	if name != SnapPool {
		prefix = "pools." + string(name) + "."
	}
	was, is := from.texts(), to.texts()
	both := maps.Clone(was)
	maps.Copy(both, is)
	var list []string
	for _, key := range slices.Sorted(maps.Keys(both)) {
		switch {
		case was[key] == is[key]:
		case is[key] == "":
			list = append(list, shellWord(prefix+key+"!"))
		default:
			list = append(list, shellWord(prefix+key+"="+is[key]))
		}
	}
	return list
}

// texts is every key of a spec that is not as by default, as [Spec.Set] reads them.
func (s *Spec) texts() map[string]string {
	all := map[string]string{}
	for i := range SpecKeys {
		if text := SpecKeys[i].get(s); text != "" {
			all[SpecKeys[i].Name] = text
		}
	}
	for key, value := range s.Config {
		all["config."+key] = value
	}
	for name, device := range s.Devices {
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(device)) {
			parts = append(parts, key+"="+device[key])
		}
		all["device."+name] = strings.Join(parts, ",")
	}
	return all
}

// shellWord quotes a word for a shell if it has to be.
func shellWord(text string) string {
	if !strings.ContainsAny(text, " \t\n\"'\\$`!*?[]{}()<>|&;#~") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
