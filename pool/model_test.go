package pool_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

var (
	modelSeeds = flag.Int("model.seeds", 150, "how many seeds the model test runs")
	modelSeed  = flag.Uint64("model.seed", 0, "run the model test with this seed only")
)

// The model: holders that acquire, renew, release, forget and retry, a daemon
// that is killed, a journal and an LXD that fail, an operator who meddles. A
// ledger on the holders' side knows what was answered; it outlives every crash.
func TestPromisesHoldUnderRandomFaults(t *testing.T) {
	if *modelSeed != 0 {
		runModel(t, *modelSeed)
		return
	}
	for seed := range *modelSeeds {
		if !t.Run(fmt.Sprintf("seed=%d", seed+1), func(t *testing.T) { runModel(t, uint64(seed+1)) }) {
			t.Fatalf("run it again with -run TestPromisesHoldUnderRandomFaults -model.seed=%d", seed+1)
		}
	}
}

// believed is what a holder believes about its lease.
type believed struct {
	lease pool.Lease
	until time.Time // it may count on the lease until then
}

type model struct {
	t    *testing.T
	spec pool.Spec
	lxd  *simbackend.Backend

	mu     sync.Mutex
	rnd    *rand.Rand
	store  *memstore.Store
	m      *pool.Manager
	held   map[pool.InstanceName]believed
	fences map[pool.InstanceName]pool.Fence
	calm   bool
	grants int
}

func runModel(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		md := &model{
			t: t, rnd: rnd, spec: randomSpec(rnd), store: memstore.New("m1"),
			held: map[pool.InstanceName]believed{}, fences: map[pool.InstanceName]pool.Fence{},
			lxd: simbackend.New(simbackend.Options{Seed: seed, Images: map[string]string{"img": "f0"}}),
		}
		md.calm = true
		md.open()
		if _, err := md.m.CreatePool(t.Context(), "ci", md.spec); err != nil {
			t.Fatal(err)
		}
		md.calm = false
		md.upset()
		var holders sync.WaitGroup
		for i := range 2 + rnd.IntN(8) {
			holders.Go(func() { md.holder(pool.Identity(fmt.Sprintf("user:%d", i))) })
		}
		md.meddle()
		holders.Wait()
		md.settleAndCheck()
	})
}

func randomSpec(rnd *rand.Rand) pool.Spec {
	s := pool.Spec{
		Image: "img", Size: rnd.IntN(4), Spares: rnd.IntN(3),
		TTL: pool.Duration(30 * time.Second), MaxTTL: pool.Duration(2 * time.Minute), MaxUses: rnd.IntN(4),
	}
	s.Max = max(1, s.Size+s.Spares) + rnd.IntN(4)
	if rnd.IntN(2) == 0 {
		s.Recycle = pool.ResetToSnapshot
	}
	if rnd.IntN(3) == 0 {
		s.Standby = pool.StandbyFrozen
	}
	if rnd.IntN(3) == 0 {
		s.MaxAge = pool.Duration(time.Minute)
	}
	return s
}

func (md *model) chance(share float64) bool {
	md.mu.Lock()
	defer md.mu.Unlock()
	return md.rnd.Float64() < share
}

func (md *model) number(n int) int {
	md.mu.Lock()
	defer md.mu.Unlock()
	return md.rnd.IntN(n)
}

func (md *model) manager() *pool.Manager {
	md.mu.Lock()
	defer md.mu.Unlock()
	return md.m
}

// upset makes LXD and the journal unreliable.
func (md *model) upset() {
	for _, v := range []simbackend.Verb{simbackend.Create, simbackend.Start, simbackend.Reset, simbackend.Delete, simbackend.Wake, simbackend.List, simbackend.Fork, simbackend.Limit} {
		md.lxd.SetFault(v, simbackend.Fault{Fail: md.rnd.Float64() * .15, Lose: md.rnd.Float64() * .1})
	}
	md.lxd.SetFault(simbackend.Create, simbackend.Fault{Fail: .05, Lose: .05, Half: .05})
}

func (md *model) open() {
	store := md.store
	store.OnCommit(func(pool.PoolName, *pool.Batch) memstore.Fault {
		md.mu.Lock()
		defer md.mu.Unlock()
		if md.calm || md.rnd.Float64() > .04 {
			return memstore.NoFault
		}
		return memstore.FailBefore + memstore.Fault(md.rnd.IntN(4))
	})
	for {
		m, err := pool.NewManager(md.t.Context(), pool.Options{Backend: md.lxd, Store: store})
		if err == nil {
			md.mu.Lock()
			defer md.mu.Unlock()
			md.m = m
			return
		}
		md.t.Log(err)
		time.Sleep(time.Second)
	}
}

// crash ends the daemon as kill -9 does, and begins another.
func (md *model) crash() {
	md.mu.Lock()
	old := md.m
	md.store = md.store.Reopen()
	md.mu.Unlock()
	old.Close()
	md.open()
}

// meddle is the operator and the world around, for some minutes.
func (md *model) meddle() {
	for range 40 {
		time.Sleep(time.Duration(md.number(8000)) * time.Millisecond)
		switch md.number(12) {
		case 0, 1:
			md.crash()
		case 2:
			md.lxd.SetAway(true)
			time.Sleep(time.Duration(md.number(20)) * time.Second)
			md.lxd.SetAway(false)
		case 3:
			md.tamper()
		case 4:
			md.lxd.AddTagged(pool.InstanceName(fmt.Sprintf("ci-leak-%d", md.number(1<<30))), "m1", "ci")
		case 5:
			md.lxd.SetImage("img", fmt.Sprintf("f%d", md.number(3)))
		case 6:
			_ = md.manager().ResetPool(md.t.Context(), "ci")
		case 7:
			_ = md.manager().DisablePool(md.t.Context(), "ci")
			time.Sleep(time.Second)
			md.enable()
		}
	}
	md.enable()
}

func (md *model) enable() {
	for md.manager().EnablePool(md.t.Context(), "ci") != nil {
		time.Sleep(time.Second)
	}
}

// tamper stops, removes or sickens an instance that nobody holds.
func (md *model) tamper() {
	all := md.lxd.Instances()
	if len(all) == 0 {
		return
	}
	in := all[md.number(len(all))]
	md.mu.Lock()
	_, held := md.held[in.Name]
	md.mu.Unlock()
	switch {
	case held || in.Template != "":
	case md.chance(.3):
		md.lxd.Stop(in.Name)
	case md.chance(.5):
		md.lxd.Remove(in.Name)
	default:
		md.lxd.Sicken(in.Name)
	}
}

// holder acquires and gives back, and checks what it gets against the ledger.
func (md *model) holder(me pool.Identity) {
	for i := range 12 {
		time.Sleep(time.Duration(md.number(10_000)) * time.Millisecond)
		r := pool.AcquireRequest{
			Pool: "ci", Holder: me, Request: pool.RequestID(fmt.Sprint(i)), Count: 1 + md.number(md.spec.Max)/2,
			Wait: pool.Duration(md.number(60)) * pool.Duration(time.Second), Priority: md.number(2),
		}
		if md.chance(.2) {
			r.Settings.Limits.CPU = 1
		}
		for _, g := range md.acquire(r) {
			md.use(g)
		}
	}
}

// acquire asks until it gets an answer that says something about the lease.
func (md *model) acquire(r pool.AcquireRequest) []pool.Grant {
	for again := false; ; again = true {
		ctx, cancel := md.t.Context(), context.CancelFunc(func() {})
		if md.chance(.1) {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(md.number(5000))*time.Millisecond)
		}
		grants, err := md.manager().Acquire(ctx, r)
		cancel()
		switch {
		case err == nil:
			if len(grants) != r.Count && !again {
				md.t.Errorf("%d leases for a count of %d", len(grants), r.Count)
			}
			md.enter(grants, false)
			return grants
		case errors.Is(err, pool.ErrClosed), errors.Is(err, pool.ErrUnavailable):
			time.Sleep(500 * time.Millisecond)
		case errors.Is(err, pool.ErrExhausted), errors.Is(err, pool.ErrDisabled), errors.Is(err, context.DeadlineExceeded):
			return nil
		case errors.Is(err, pool.ErrLeaseEnded):
			return nil // granted in an answer that was lost, and over by now
		case errors.Is(err, pool.ErrFailed) && r.Settings.Limits.CPU > 0:
			return nil
		default:
			md.t.Errorf("acquire: %v", err)
			return nil
		}
	}
}

// enter writes an answer into the ledger, unless somebody else can still count
// on the instance.
func (md *model) enter(grants []pool.Grant, forked bool) {
	md.mu.Lock()
	defer md.mu.Unlock()
	now := time.Now()
	for _, g := range grants {
		in := g.Lease.Instance
		if other, ok := md.held[in]; ok && other.lease.ID != g.Lease.ID && now.Before(other.until) {
			md.t.Errorf("P1: %s was given to %s while %s has it until %s", in, g.Lease.ID, other.lease.ID, other.until)
		}
		if g.Lease.Fence <= md.fences[in] {
			md.t.Errorf("P1: fence %d after %d on %s", g.Lease.Fence, md.fences[in], in)
		}
		if g.Lease.Pending {
			md.t.Errorf("%s was answered before its settings were applied", g.Lease.ID)
		}
		if !g.Lease.Opens(g.Token) {
			md.t.Errorf("the token of %s does not open it", g.Lease.ID)
		}
		md.fences[in] = g.Lease.Fence
		if !forked && g.Instance != nil && g.Instance.ForkOf != "" {
			md.t.Errorf("P3: %s was given to %s, and is a copy of what %s had", in, g.Lease.ID, g.Instance.ForkOf)
		}
		// A repeated request may have been granted some time ago.
		md.held[in] = believed{*g.Lease, g.Lease.Expires}
		md.grants++
	}
}

// use holds a lease for a while and ends it in one of several ways.
func (md *model) use(g pool.Grant) {
	id := g.Lease.ID
	time.Sleep(time.Duration(md.number(20)) * time.Second)
	md.mustStillHave(id, g.Lease.Instance)
	if md.chance(.2) {
		md.fork(id)
	}
	switch md.number(5) {
	case 0: // forgotten: it expires
		return
	case 1:
		if renewed, err := md.manager().Renew(md.t.Context(), id, 0); err == nil {
			md.mu.Lock()
			md.held[g.Lease.Instance] = believed{*renewed.Lease, renewed.Lease.Expires}
			md.mu.Unlock()
			time.Sleep(time.Duration(md.number(25)) * time.Second)
			md.mustStillHave(id, g.Lease.Instance)
		}
	}
	md.mu.Lock()
	delete(md.held, g.Lease.Instance)
	md.mu.Unlock()
	for {
		_, err := md.manager().Release(md.t.Context(), id, g.Lease.Holder)
		if err == nil || errors.Is(err, pool.ErrLeaseEnded) {
			return
		}
		if !errors.Is(err, pool.ErrClosed) && !errors.Is(err, pool.ErrUnavailable) {
			md.t.Errorf("release: %v", err)
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// fork copies a leased instance, and lets the copies go after a while.
func (md *model) fork(id pool.LeaseID) {
	ctx, cancel := context.WithTimeout(md.t.Context(), time.Duration(md.number(8000))*time.Millisecond)
	defer cancel()
	n := 1 + md.number(2)
	grants, err := md.manager().Fork(ctx, pool.ForkRequest{Lease: id, Count: n})
	if err != nil {
		return
	}
	if len(grants) != n {
		md.t.Errorf("%d copies for a count of %d", len(grants), n)
	}
	md.enter(grants, true)
	time.Sleep(time.Duration(md.number(10)) * time.Second)
	for _, g := range grants {
		md.mustStillHave(g.Lease.ID, g.Lease.Instance)
		md.mu.Lock()
		delete(md.held, g.Lease.Instance)
		md.mu.Unlock()
		_, _ = md.manager().Release(md.t.Context(), g.Lease.ID, g.Lease.Holder)
	}
}

// mustStillHave checks that a lease whose time is not over is there.
func (md *model) mustStillHave(id pool.LeaseID, in pool.InstanceName) {
	md.mu.Lock()
	b := md.held[in]
	md.mu.Unlock()
	g, err := md.manager().Lease(md.t.Context(), id)
	switch {
	case err != nil && !errors.Is(err, pool.ErrClosed):
		md.t.Errorf("P2: answered lease %s is lost: %v", id, err)
	case err == nil && g.Lease.Ended != nil && b.lease.ID == id && g.Lease.Ended.At.Before(b.until) && g.Lease.Ended.Cause != pool.Vanished:
		md.t.Errorf("P5: lease %s ended early, at %s instead of %s: %+v", id, g.Lease.Ended.At, b.until, g.Lease.Ended)
	}
}

// settleAndCheck heals the world and looks at what is left of it.
func (md *model) settleAndCheck() {
	md.mu.Lock()
	md.calm = true
	md.mu.Unlock()
	for _, v := range []simbackend.Verb{simbackend.Create, simbackend.Start, simbackend.Reset, simbackend.Delete, simbackend.Wake, simbackend.List, simbackend.Fork, simbackend.Limit} {
		md.lxd.SetFault(v, simbackend.Fault{})
	}
	time.Sleep(15 * time.Minute)
	synctest.Wait()
	s, err := md.m.Pool(md.t.Context(), "ci")
	if err != nil {
		md.t.Fatal(err)
	}
	if want := (pool.Counts{Ready: md.spec.Size, Spare: md.spec.Spares}); s.Counts != want && md.spec.MaxAge == 0 {
		md.t.Errorf("the counts are\n%+v, not\n%+v; problems: %+v", s.Counts, want, s.Problems)
	}
	if s.Counts.Leased > 0 || s.Counts.Waiting > 0 {
		md.t.Errorf("somebody still has or wants something: %+v", s.Counts)
	}
	md.checkLXD()
	if peak := md.lxd.Peak("ci"); peak > md.spec.Max+leaksAllowed {
		md.t.Errorf("there were %d instances at once, with a max of %d", peak, md.spec.Max)
	}
	for _, v := range md.lxd.Violations() {
		md.t.Error("contract of the backend: ", v)
	}
	if err := md.m.Close(); err != nil {
		md.t.Error(err)
	}
}

// leaksAllowed is how many instances meddle may have smuggled in.
const leaksAllowed = 40

// checkLXD compares what is in LXD with what the books say.
func (md *model) checkLXD() {
	books, err := md.m.Instances(md.t.Context(), "ci")
	if err != nil {
		md.t.Fatal(err)
	}
	known := map[pool.InstanceName]bool{}
	for _, in := range books {
		known[in.Name] = true
	}
	templates := 0
	for _, in := range md.lxd.Instances() {
		switch {
		case in.Wedged:
		case in.Template != "":
			templates++
		case !known[in.Name]:
			md.t.Errorf("P4: %s leaked", in.Name)
		default:
			delete(known, in.Name)
		}
	}
	if len(known) > 0 && md.spec.MaxAge == 0 {
		md.t.Errorf("in the books but not in LXD: %v", known)
	}
	if templates > 2 {
		md.t.Errorf("P4: %d templates are left", templates)
	}
}
