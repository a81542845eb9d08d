package lxdbackend_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/lxdbackend"
)

// pair is a backend of an LXD that knows another as "other".
type pair struct {
	*room
	other *room
	lxc   lxc // of the other
	url   string
}

func twoLXDs(t *testing.T) *pair {
	t.Helper()
	o, lxc := second(t)
	b, err := lxdbackend.Open(t.Context(), lxdbackend.Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	r := alone(t)
	r.b, r.pool = b, "movers"
	_, err = b.AddRemote(t.Context(), pool.NewRemote{Name: "other", URL: o.url, Token: lxc.token()})
	r.must(err)
	there, err := b.At("other")
	r.must(err)
	far := *r
	far.b = there.(*lxdbackend.Backend)
	t.Cleanup(func() {
		for _, err := range sweep(far.b, r.manager) {
			t.Error(err)
		}
	})
	return &pair{r, &far, lxc, o.url}
}

const tree = `mkdir /data; chown 1000:1000 /data; echo hello >/data/file; chmod 600 /data/file; ln -s /nowhere /data/link; mknod /data/pipe p`

const leaves = `cat /data/file; stat -c '%U %u %g %a %F' /data /data/file /data/pipe; readlink /data/link`

func TestAnInstanceMovesToAnotherLXDAndBackWithFilesAndSnapshots(t *testing.T) {
	t.Parallel()
	p := twoLXDs(t)
	o := p.order(busybox, "recycle=reset")
	p.create(o)
	before := p.start(o)
	p.run(o, tree)
	wrote := p.run(o, leaves)
	_, err := p.b.CreateSnapshot(t.Context(), o, "mine")
	p.must(err)

	m := pool.Moving{To: pool.Place{Remote: "other"}}
	m.Status, err = p.b.VetMove(t.Context(), o, m)
	p.must(err)
	var stages []string
	ctx := pool.WithProgress(t.Context(), func(at pool.Progress) { stages = append(stages, at.Stage) })
	place, err := p.b.Move(ctx, o, m)
	p.must(err)
	if got := strings.Join(stages, " "); !strings.Contains(got, "stopping") || !strings.Contains(got, "copying") || !strings.Contains(got, "starting") {
		t.Errorf("it told: %s", got)
	}
	p.is(o, pool.Stopped)
	p.other.is(o, pool.Running)
	if len(place.Addresses) != 1 || place.Addresses[0] == before.Addresses[0] {
		t.Errorf("it was at %v and is at %v", before.Addresses, place.Addresses)
	}
	if got := p.other.run(o, leaves); got != wrote {
		t.Errorf("it took along\n%s\nof\n%s", got, wrote)
	}
	if list, err := p.other.b.Snapshots(t.Context(), o); err != nil || len(list) != 1 || list[0].Name != "mine" {
		t.Errorf("its snapshots are %+v, %v", list, err)
	}
	p.must(p.b.Delete(t.Context(), o))

	back := pool.Moving{From: pool.Place{Remote: "other"}, Status: pool.Running}
	_, err = p.b.VetMove(t.Context(), o, back)
	p.must(err)
	_, err = p.b.Move(t.Context(), o, back)
	p.must(err)
	p.must(p.other.b.Delete(t.Context(), o))
	if got := p.run(o, leaves); got != wrote {
		t.Errorf("it brought back\n%s\nof\n%s", got, wrote)
	}
}

func TestAStoppedInstanceMovesAndStaysStopped(t *testing.T) {
	t.Parallel()
	p := twoLXDs(t)
	o := p.order(busybox)
	p.create(o)
	_, err := p.b.Move(t.Context(), o, pool.Moving{To: pool.Place{Remote: "other"}, Status: pool.Stopped})
	p.must(err)
	p.other.is(o, pool.Stopped)
	if _, err := p.b.VetMove(t.Context(), o, pool.Moving{To: pool.Place{Remote: "other"}}); !errors.Is(err, pool.ErrExists) {
		t.Errorf("with one of the name there: %v", err)
	}
}

func TestAMigrationThatIsGivenUpLeavesNothingThereAndTheInstanceAsItWas(t *testing.T) {
	t.Parallel()
	p := twoLXDs(t)
	o := p.order(busybox)
	p.create(o)
	p.start(o)
	p.run(o, "dd if=/dev/urandom of=/big bs=1M count=40")
	m := pool.Moving{To: pool.Place{Remote: "other"}, Status: pool.Running}
	ctx, cancel := context.WithCancel(t.Context())
	ctx = pool.WithProgress(ctx, func(at pool.Progress) {
		if at.Done > 5<<20 {
			cancel()
		}
	})
	if _, err := p.b.Move(ctx, o, m); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	place, err := p.b.Settle(t.Context(), o, m)
	p.must(err)
	if len(place.Addresses) != 1 {
		t.Errorf("it is at %v", place)
	}
	p.is(o, pool.Running)
	p.must(p.other.b.Delete(t.Context(), o))
	p.other.is(o, "")
	_, err = p.b.Move(t.Context(), o, m)
	p.must(err)
	p.other.is(o, pool.Running)
}

// It is not parallel: it takes the trust in everybody away.
func TestAMoveToAnotherLXDThatCannotBeIsRefused(t *testing.T) {
	p := twoLXDs(t)
	o := p.order(busybox)
	p.create(o)
	vet := func(m pool.Moving, kind error, said string) {
		t.Helper()
		if _, err := p.b.VetMove(t.Context(), o, m); !errors.Is(err, kind) || !strings.Contains(err.Error(), said) {
			t.Errorf("%+v: %v", m.To, err)
		}
	}
	vet(pool.Moving{To: pool.Place{Remote: "nobody"}}, pool.ErrNotFound, "nobody")
	vet(pool.Moving{To: pool.Place{Remote: "ubuntu"}}, pool.ErrNotFound, "image server")
	vet(pool.Moving{To: pool.Place{Location: "m2"}}, pool.ErrRejected, "not clustered")
	vet(pool.Moving{To: pool.Place{Remote: "other", Location: "m2"}}, pool.ErrRejected, "not clustered")
	prints, err := p.lxc.server.GetCertificateFingerprints()
	p.must(err)
	for _, print := range prints {
		p.must(p.lxc.server.DeleteCertificate(print))
	}
	vet(pool.Moving{To: pool.Place{Remote: "other"}}, pool.ErrRejected, "does not trust us")
	p.must(p.b.RemoveRemote(t.Context(), "other"))
	_, err = p.b.AddRemote(t.Context(), pool.NewRemote{Name: "other", URL: p.url, Token: p.lxc.token()})
	p.must(err)
}
