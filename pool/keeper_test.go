package pool_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func (w *world) keep(specs map[pool.PoolName]pool.Spec) {
	w.t.Helper()
	if err := w.m.KeepPools(w.ctx, pool.KeeperSnap, specs); err != nil {
		w.t.Fatal(err)
	}
}

type specs = map[pool.PoolName]pool.Spec

func TestAConfigurationMakesAndChangesItsPools(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.keep(specs{"ci": {Image: "img", Size: 1}})
		w.settle()
		w.counts(pool.Counts{Ready: 1})
		w.keep(specs{"ci": {Image: "img", Size: 3}})
		w.settle()
		w.counts(pool.Counts{Ready: 3})
		if s := w.status(); s.Keeper != pool.KeeperSnap {
			t.Errorf("it is kept by %q", s.Keeper)
		}
	})
}

func TestAPoolThatVanishesFromItsConfigurationGoesAfterItsLastLease(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.keep(specs{"ci": {Image: "img", Size: 2}})
		w.settle()
		lease := w.acquire(pool.AcquireRequest{})[0]
		w.keep(nil)
		if _, err := w.tryAcquire(pool.AcquireRequest{}); !errors.Is(err, pool.ErrDoomed) {
			t.Fatalf("an acquire from a pool that goes: %v", err)
		}
		w.settle()
		w.counts(pool.Counts{Leased: 1})
		if _, err := w.m.Renew(w.ctx, lease.Lease.ID, pool.Duration(time.Hour)); err != nil {
			t.Errorf("its lease cannot be renewed: %v", err)
		}
		if err := w.m.DeletePool(w.ctx, "ci", false, "root"); !errors.Is(err, pool.ErrLeased) {
			t.Errorf("to delete it is refused for another reason than its lease: %v", err)
		}
		w.reopen()
		w.settle()
		w.counts(pool.Counts{Leased: 1})
		w.release(lease)
		w.settle()
		if _, err := w.m.Pool(w.ctx, "ci"); !errors.Is(err, pool.ErrNoPool) {
			t.Errorf("the pool is there after its last lease: %v", err)
		}
		if left, err := w.lxd.List(w.ctx, "m1"); err != nil || len(left) > 0 {
			t.Errorf("left in LXD: %v, %v", left, err)
		}
	})
}

func TestAPoolThatComesBackBeforeItWentIsAsEver(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.keep(specs{"ci": {Image: "img", Size: 1}})
		w.settle()
		w.acquire(pool.AcquireRequest{})
		w.keep(nil)
		w.keep(specs{"ci": {Image: "img", Size: 2}})
		w.settle()
		w.counts(pool.Counts{Ready: 2, Leased: 1})
	})
}

func TestACommandCannotChangeAPoolThatIsKept(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.keep(specs{"ci": {Image: "img", Size: 1}, pool.SnapPool: {Image: "img", Probe: "true"}})
		for _, test := range []struct {
			do   func() error
			want string
		}{
			{func() error { return w.edit("ci", "size", "4") }, "type: sudo snap set lxd-pool pools.ci.size=4"},
			{func() error { return w.edit("ci", "config.limits.cpu", "2") }, "type: sudo snap set lxd-pool pools.ci.config.limits.cpu=2"},
			{func() error { return w.edit("default", "setup", "echo 'a b'") }, `type: sudo snap set lxd-pool 'setup=echo '\''a b'\'''`},
			{func() error { return w.edit("default", "probe", "") }, "type: sudo snap set lxd-pool 'probe!'"},
			{func() error { return w.m.DeletePool(w.ctx, "ci", true, "root") }, "type: sudo snap unset lxd-pool pools.ci"},
			{func() error { return w.m.DeletePool(w.ctx, "default", false, "root") }, "type: sudo snap set lxd-pool size=0"},
		} {
			err := test.do()
			if !errors.Is(err, pool.ErrKept) || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("got %v, want an error that ends with %q", err, test.want)
			}
		}
		w.settle()
		w.counts(pool.Counts{Ready: 1})
	})
}

func (w *world) edit(name pool.PoolName, key, value string) error {
	_, err := w.m.EditPool(w.ctx, name, func(s *pool.Spec) error { return s.Set(key, value) })
	return err
}

func TestAConfigurationNeverTouchesAPoolOfAnother(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 4})
		err := w.m.KeepPools(w.ctx, pool.KeeperSnap, specs{"a": {Image: "img", Size: 1}, "ci": {Image: "img", Size: 2}})
		if !errors.Is(err, pool.ErrPoolExists) || !strings.Contains(err.Error(), "kept by commands") {
			t.Errorf("a name that commands have: %v", err)
		}
		if _, err := w.m.Pool(w.ctx, "a"); !errors.Is(err, pool.ErrNoPool) {
			t.Errorf("a configuration that was refused has made a pool: %v", err)
		}
		w.keep(nil)
		w.settle()
		w.counts(pool.Counts{Ready: 1})
	})
}

func TestAConfigurationIsRefusedAsAWhole(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.keep(specs{"ci": {Image: "img", Size: 1}})
		w.settle()
		for _, bad := range []pool.Spec{{Image: "img", Size: -1}, {Image: "no-such-image"}} {
			if err := w.m.KeepPools(w.ctx, pool.KeeperSnap, specs{"ci": {Image: "img", Size: 3}, "web": bad}); err == nil {
				t.Errorf("%+v was taken", bad)
			}
		}
		w.settle()
		w.counts(pool.Counts{Ready: 1})
	})
}

func TestAConfigurationIsTakenOverWhileLXDIsAway(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.lxd.SetAway(true)
		w.keep(specs{"ci": {Image: "img", Size: 2}})
		time.Sleep(time.Minute)
		if s := w.status(); s.Counts.Ready != 0 || len(s.Problems) == 0 {
			t.Fatalf("while LXD is away: %+v", s)
		}
		w.lxd.SetAway(false)
		time.Sleep(time.Minute)
		w.counts(pool.Counts{Ready: 2})
	})
}
