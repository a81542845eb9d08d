package pool_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB alice@example"

var someSettings = pool.Settings{
	Files:   []pool.NewFile{{Path: "/etc/app/config", Content: []byte("secret\n")}},
	SSHKeys: []string{key},
	Limits:  pool.Limits{CPU: 1, Memory: 64 << 20},
}

// has fails the test unless the instance of g has someSettings.
func (w *world) has(g pool.Grant) {
	w.t.Helper()
	for _, c := range []struct{ command, want string }{
		{"cat /etc/app/config", "secret\n"},
		{"cat /root/.ssh/authorized_keys", key + "\n"},
		{"limits", "cpu=1 memory=64MiB\n"},
	} {
		if got := w.exec(g, "sh", "-c", c.command); got != c.want {
			w.t.Errorf("%s: %q", c.command, got)
		}
	}
}

func TestAWarmInstanceHasTheHoldersSettingsAndTheNextHolderDoesNot(t *testing.T) {
	for _, standby := range []pool.Standby{pool.StandbyRunning, pool.StandbyFrozen} {
		t.Run(string(standby), func(t *testing.T) {
			inWorld(t, simbackend.Options{}, func(w *world) {
				w.create(pool.Spec{Size: 2, Max: 2, Recycle: pool.ResetToSnapshot, Standby: standby})
				began := time.Now()
				grants := w.acquire(pool.AcquireRequest{Count: 2, Settings: someSettings})
				if took := time.Since(began); took > 200*time.Millisecond {
					t.Errorf("it took %s, as if an instance had been started", took)
				}
				for _, g := range grants {
					w.has(g)
					w.release(g)
				}
				w.settle()
				for _, g := range w.acquire(pool.AcquireRequest{Count: 2}) {
					if got := w.exec(g, "limits"); got != "cpu=0 memory=0B\n" {
						t.Errorf("the next holder has %s", got)
					}
					if status, _ := w.m.Exec(w.ctx, g.Lease.ID, pool.Command{Args: []string{"cat", "/etc/app/config"}}); status == 0 {
						t.Error("the next holder reads the file")
					}
				}
			})
		})
	}
}

func mustJSON(t *testing.T, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSettingsAreInNoJournal(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.store.OnCommit(func(_ pool.PoolName, b *pool.Batch) memstore.Fault {
			for _, l := range b.Leases {
				if l != nil && strings.Contains(string(mustJSON(t, l)), "AAAAC3Nza") {
					t.Errorf("the journal has %+v", l)
				}
			}
			return memstore.NoFault
		})
		w.create(pool.Spec{Size: 1})
		w.acquire(pool.AcquireRequest{Settings: someSettings})
	})
}

func TestSettingsThatCannotBeAppliedAreRefusedAndTheInstanceIsCleaned(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Config: map[string]string{"limits.cpu": "2"}})
		before := w.status().Counts
		_, err := w.tryAcquire(pool.AcquireRequest{Wait: pool.WaitForever, Settings: pool.Settings{Limits: pool.Limits{CPU: 3}}})
		if !errors.Is(err, pool.ErrInvalid) || !strings.Contains(err.Error(), "has 2") {
			t.Fatalf("%v", err)
		}
		w.settle()
		if got := w.status().Counts; got != before {
			t.Errorf("the counts are %+v", got)
		}
	})
}

func TestBadSettingsChangeNothing(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		for _, s := range []pool.Settings{
			{Files: []pool.NewFile{{Path: "relative"}}},
			{Files: []pool.NewFile{{Path: "/dir/"}}},
			{Files: []pool.NewFile{{Path: "/big", Content: make([]byte, 513<<10)}}},
			{Files: make([]pool.NewFile, 101)},
			{SSHKeys: []string{"ssh-ed25519"}},
			{SSHKeys: []string{key + "\n" + key}},
			{SSHKeys: []string{"-----BEGIN OPENSSH PRIVATE KEY----- x"}},
			{Limits: pool.Limits{CPU: -1}},
			{Limits: pool.Limits{Memory: 1}},
			{Forwards: []pool.Forward{{Listen: "10.0.0.1", Port: 22}}},
			{Forwards: []pool.Forward{{Listen: "host:20001", Port: 22}}},
			{Forwards: []pool.Forward{{Listen: ":20001", Port: 22}}},
			{Forwards: []pool.Forward{{Listen: "10.0.0.1:0", Port: 22}}},
			{Forwards: []pool.Forward{{Listen: "10.0.0.1:70000", Port: 22}}},
			{Forwards: []pool.Forward{{Listen: "[fe80::1%eth0]:20001", Port: 22}}},
			{Forwards: []pool.Forward{{Listen: "10.0.0.1:20001", Port: 0}}},
			{Forwards: []pool.Forward{{Listen: "10.0.0.1:20001", Port: 65536}}},
			{Forwards: []pool.Forward{{Listen: "10.0.0.1:20001", Port: 22}, {Listen: "10.0.0.1:20002", Port: 22}}},
			{Forwards: []pool.Forward{{Listen: "10.0.0.1:20001", Port: 22}, {Listen: "10.0.0.1:20001", Port: 23}}},
			{Forwards: make([]pool.Forward, 11)},
		} {
			if _, err := w.tryAcquire(pool.AcquireRequest{Settings: s}); !errors.Is(err, pool.ErrInvalid) {
				t.Errorf("%+v: %v", s, err)
			}
		}
		w.counts(pool.Counts{Ready: 1})
	})
}

func TestSettingsAreAppliedWhenTheRequestIsRepeatedAfterARestart(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		for _, standby := range []string{"running", "frozen"} {
			name := pool.PoolName(standby)
			if _, err := w.m.CreatePool(w.ctx, name, pool.Spec{Image: "img", Size: 1, Standby: pool.Standby(standby)}); err != nil {
				t.Fatal(err)
			}
			w.settle()
			w.lxd.SetLatency(simbackend.Limit, simbackend.Latency{Min: 5 * time.Second, Max: 5 * time.Second})
			r := pool.AcquireRequest{Pool: name, Holder: "user:alice", Request: "r", Settings: someSettings}
			go w.m.Acquire(w.ctx, r)
			time.Sleep(time.Second)
			w.reopen()
			synctest.Wait()
			grants, err := w.m.Acquire(w.ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			w.has(grants[0])
			w.lxd.SetLatency(simbackend.Limit, simbackend.Latency{})
		}
	})
}

func TestWhileLXDIsAwayNobodyIsGivenSettings(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		w.lxd.SetAway(true)
		w.settle()
		time.AfterFunc(time.Minute, func() { w.lxd.SetAway(false) })
		g := w.acquire(pool.AcquireRequest{Wait: pool.WaitForever, Settings: someSettings})[0]
		w.has(g)
		w.settle()
		w.counts(pool.Counts{Ready: 1, Leased: 1})
	})
}
