package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// seedVariable is the environment variable that replays a failing seed.
const seedVariable = "STORETEST_SEED"

func randomOperationsMatchAModel(t *testing.T, d Disk) {
	seed := rand.Uint64()
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with %s=%d", seedVariable, seed)
		}
	})
	m := &model{
		dice: rand.New(rand.NewPCG(seed, 0)), disk: d, store: d.Open(t),
		open: map[pool.PoolName]pool.Journal{}, holds: map[pool.PoolName]*pool.Memory{},
	}
	for i := 0; i < 300 && !t.Failed(); i++ {
		m.step(t)
	}
	m.compare(t)
	closed(t, m.store)
}

// model is a store together with what it should hold.
type model struct {
	dice  *rand.Rand
	disk  Disk
	store pool.Store
	open  map[pool.PoolName]pool.Journal
	holds map[pool.PoolName]*pool.Memory
}

func (m *model) step(t *testing.T) {
	name := []pool.PoolName{"a", "b", "c"}[m.dice.IntN(3)]
	switch n := m.dice.IntN(100); {
	case n < 80:
		m.commit(t, name)
	case n < 88:
		m.close(t, name)
	case n < 91:
		m.remove(t, name)
	case n < 94:
		m.compare(t)
	case n < 97:
		m.store, m.open = m.disk.Crash(t, m.store), map[pool.PoolName]pool.Journal{}
	default:
		closed(t, m.store)
		m.store, m.open = m.disk.Open(t), map[pool.PoolName]pool.Journal{}
	}
}

func (m *model) journal(t *testing.T, name pool.PoolName) pool.Journal {
	if m.open[name] == nil {
		m.open[name] = opened(t, m.store, name)
	}
	if m.holds[name] == nil {
		m.holds[name] = pool.NewMemory()
	}
	return m.open[name]
}

func (m *model) commit(t *testing.T, name pool.PoolName) {
	j, b := m.journal(t, name), m.batch(name)
	commit(t, j, b)
	b.Apply(m.holds[name])
}

func (m *model) close(t *testing.T, name pool.PoolName) {
	if j := m.open[name]; j != nil {
		closed(t, j)
		delete(m.open, name)
	}
}

func (m *model) remove(t *testing.T, name pool.PoolName) {
	m.close(t, name)
	if err := m.store.Remove(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	delete(m.holds, name)
}

func (m *model) compare(t *testing.T) {
	names, err := m.store.Pools(t.Context())
	if want := slices.Sorted(maps.Keys(m.holds)); err != nil || !slices.Equal(names, want) {
		t.Errorf("the pools are %q, %v, and should be %q", names, err, want)
	}
	for name, want := range m.holds {
		expect(t, load(t, m.journal(t, name)), want)
	}
}

// batch draws what to put and what to remove, sometimes a lot.
func (m *model) batch(name pool.PoolName) *pool.Batch {
	b := &pool.Batch{Instances: map[pool.InstanceName]*pool.Instance{}, Leases: map[pool.LeaseID]*pool.Lease{}}
	if m.dice.IntN(4) == 0 {
		b.Record = &pool.Record{Spec: pool.Spec{Image: "busybox"}, Created: day, Serial: m.dice.Uint64(), Alive: day}
	}
	size := 1 + m.dice.IntN(4)
	if m.dice.IntN(20) == 0 {
		size = 300
	}
	for range size {
		one := numbered(name, m.dice.IntN(400))
		for id, l := range one.Leases {
			l.Fence, l.Purpose = pool.Fence(m.dice.Uint64()), fmt.Sprint(m.dice.Uint64())
			b.Leases[id] = l
			if m.dice.IntN(3) == 0 {
				b.Leases[id] = nil
			}
		}
		for n, in := range one.Instances {
			in.Since = day.Add(time.Duration(m.dice.Int64N(1e15)))
			b.Instances[n] = in
			if m.dice.IntN(3) == 0 {
				b.Instances[n] = nil
			}
		}
	}
	return b
}

// numbered is a batch that leases the i-th instance of a pool.
func numbered(name pool.PoolName, i int) *pool.Batch {
	return leased(pool.InstanceName(fmt.Sprintf("%s-%d", name, i)), pool.LeaseID(fmt.Sprintf("%s.%d", name, i)))
}
