package simbackend

import (
	"cmp"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Backend is a simulated LXD. Its methods may be called at the same time.
type Backend struct {
	mu      *sync.Mutex // shared with those in far
	world   *world
	away    bool
	outages int
	latency map[Verb]Latency
	faults  map[Verb]Fault
	images  map[string]string
	store   []*stored
	remotes map[pool.RemoteName]pool.Remote
	dice    map[Verb]*rand.Rand

	// far are the LXDs of the remotes, lost the members that are away.
	far  map[pool.RemoteName]*Backend
	lost map[string]bool

	// busy holds what is under way on an instance, inside how many callers wait
	// for the end of such a thing. A caller that left may leave the first behind.
	busy   map[key]chan struct{}
	inside map[key]int

	watchers   map[*watcher]struct{}
	history    history
	overlaps   int
	violations []string

	o Options
}

var (
	_ pool.Backend    = (*Backend)(nil)
	_ pool.Watcher    = (*Backend)(nil)
	_ pool.Guest      = (*Backend)(nil)
	_ pool.Remotes    = (*Backend)(nil)
	_ pool.Files      = (*Backend)(nil)
	_ pool.Mover      = (*Backend)(nil)
	_ pool.Elsewhere  = (*Backend)(nil)
	_ pool.Images     = (*Backend)(nil)
	_ pool.ImageFiles = (*Backend)(nil)
	_ pool.Publisher  = (*Backend)(nil)
	_ pool.Forwarder  = (*Backend)(nil)
)

// New makes an empty world in memory.
func New(o Options) *Backend { return newBackend(o, newWorld()) }

// Open opens the world in the file, or begins an empty one there. The file has
// room for one process at a time; nothing guards that.
func Open(path string, o Options) (*Backend, error) {
	w, err := openWorld(path)
	if err != nil {
		return nil, err
	}
	return newBackend(o, w), nil
}

func newBackend(o Options, w *world) *Backend {
	o.History = cmp.Or(o.History, 4096)
	if o.Latency == nil {
		o.Latency = measured
	}
	if o.Images == nil {
		o.Images = defaultImages()
	}
	if o.Profiles == nil {
		o.Profiles = []string{"default"}
	}
	if o.Projects == nil {
		o.Projects = []string{"default"}
	}
	if o.Members == nil {
		o.Members = []string{"sim", "sim2"}
	}
	b := &Backend{
		mu:       new(sync.Mutex),
		lost:     map[string]bool{},
		world:    w,
		latency:  maps.Clone(o.Latency),
		faults:   cloneOrEmpty(o.Faults),
		images:   maps.Clone(o.Images),
		dice:     map[Verb]*rand.Rand{},
		busy:     map[key]chan struct{}{},
		inside:   map[key]int{},
		watchers: map[*watcher]struct{}{},
		history:  history{limit: o.History},
		o:        o,
	}
	b.seedProjects()
	return b
}

func cloneOrEmpty[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// Close closes the file of the world, if it has one. Nothing else changes.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.world.close()
}

// draw returns the stream of a verb. A stream for each keeps, say, the number
// of listings from changing how long the next start takes.
func (b *Backend) draw(v Verb) *rand.Rand {
	r := b.dice[v]
	if r == nil {
		h := fnv.New64a()
		h.Write([]byte(v))
		r = rand.New(rand.NewPCG(b.o.Seed, h.Sum64()))
		b.dice[v] = r
	}
	return r
}

func (b *Backend) takes(v Verb) time.Duration {
	l := b.latency[v]
	if l.Max <= l.Min {
		return l.Min
	}
	return l.Min + time.Duration(b.draw(v).Int64N(int64(l.Max-l.Min)))
}

// luck is what happens to one call.
type luck int

const (
	fine luck = iota
	fails
	losesReply
	stopsHalfWay
)

func (b *Backend) luck(v Verb) luck {
	f, ok := b.faults[v]
	if !ok {
		return fine
	}
	switch x := b.draw(v).Float64(); {
	case x < f.Fail:
		return fails
	case x < f.Fail+f.Lose:
		return losesReply
	case x < f.Fail+f.Lose+f.Half:
		return stopsHalfWay
	}
	return fine
}
