package simbackend

import (
	"cmp"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// key is what LXD knows an instance by.
type key struct {
	project string
	name    pool.InstanceName
}

func keyOf(o pool.Order) key { return key{projectOf(o), o.Instance} }

func projectOf(o pool.Order) string {
	if o.Spec == nil {
		return "default"
	}
	return cmp.Or(o.Spec.Project, "default")
}

// instance is one instance or template. A value in the world is not changed;
// a change puts a changed copy.
type instance struct {
	Project string            `json:"project"`
	Name    pool.InstanceName `json:"name"`
	// Manager and Pool are its tags, "" when it has none.
	Manager pool.ManagerID `json:"manager,omitempty"`
	Pool    pool.PoolName  `json:"pool,omitempty"`
	// Template is set in templates, Origin in members.
	Template pool.Origin `json:"template,omitempty"`
	Origin   pool.Origin `json:"origin,omitempty"`
	Status   pool.Status `json:"status"`
	Created  time.Time   `json:"created"`
	Location string      `json:"location,omitempty"`
	// Made: its making came to its end. Used: it was started since it was clean.
	Made bool `json:"made,omitempty"`
	Used bool `json:"used,omitempty"`
	// Snapshot: there is one to reset it to.
	Snapshot bool `json:"snapshot,omitempty"`
	// Sick: its probe fails. Wedged: it can never be deleted.
	Sick   bool   `json:"sick,omitempty"`
	Wedged bool   `json:"wedged,omitempty"`
	Number uint32 `json:"number"`
	// Files is what is inside, nil until somebody asks: then it is as it was made.
	Files *tree `json:"files,omitempty"`
	// Snapshots are the holder's, oldest first.
	Snapshots []snapshot `json:"snapshots,omitempty"`
	// Limits are those of its holder.
	Limits pool.Limits `json:"limits,omitzero"`
	// Forwards are the ports of the host that lead to it.
	Forwards []pool.Forward `json:"forwards,omitempty"`
	// LastUsed is when it was last started.
	LastUsed time.Time `json:"last_used,omitzero"`
}

// snapshot is the files of an instance at some time.
type snapshot struct {
	pool.Snapshot
	Files *tree `json:"files,omitempty"`
}

func (in *instance) key() key { return key{in.Project, in.Name} }

func (in *instance) active() bool { return in.Status == pool.Running || in.Status == pool.Frozen }

// world is everything that exists, and the file that it is kept in.
type world struct {
	instances map[key]*instance
	// used are the names that ever were; none may come again.
	used map[key]struct{}
	// members counts what is not a template; peak is its highest, by pool.
	members map[pool.PoolName]int
	peak    map[pool.PoolName]int
	total   int
	number  uint32
	file    *file

	profiles map[profileKey]*pool.Profile
	projects map[string]*pool.Project
}

func newWorld() *world {
	return &world{
		instances: map[key]*instance{},
		used:      map[key]struct{}{},
		members:   map[pool.PoolName]int{},
		peak:      map[pool.PoolName]int{},
		profiles:  map[profileKey]*pool.Profile{},
		projects:  map[string]*pool.Project{},
	}
}

// put makes in the truth about its instance. On error nothing has changed.
func (w *world) put(in *instance) error {
	if err := w.file.write(line{Put: in}); err != nil {
		return err
	}
	w.apply(in)
	return nil
}

func (w *world) apply(in *instance) {
	k := in.key()
	if w.instances[k] == nil {
		w.count(in, 1)
	}
	w.instances[k] = in
	w.used[k] = struct{}{}
	w.number = max(w.number, in.Number)
}

// drop ends an instance. On error nothing has changed.
func (w *world) drop(k key) error {
	if err := w.file.write(line{Drop: &lineKey{k.project, k.name}}); err != nil {
		return err
	}
	w.forget(k)
	return nil
}

func (w *world) forget(k key) {
	w.used[k] = struct{}{}
	if in := w.instances[k]; in != nil {
		w.count(in, -1)
		delete(w.instances, k)
	}
}

func (w *world) count(in *instance, by int) {
	if in.Template != "" {
		return
	}
	w.total += by
	w.members[in.Pool] += by
	w.peak[in.Pool] = max(w.peak[in.Pool], w.members[in.Pool])
}

func (w *world) close() error { return w.file.close() }
