package pooltest

import (
	"errors"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

var commandCases = []testCase{
	{"ADetachedCommandGoesOnAloneAndItsOutputIsKept", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{Env: map[string]string{"A": "from the lease"}})[0].Lease.ID
		d := b.detach(id, pool.Command{Args: []string{"env"}, Env: map[string]string{"B": "of the command"}, User: "root", Cwd: "/tmp"})
		if d.State != pool.CommandRunning || d.ID == "" || len(d.Args) != 1 || d.User != "root" || d.Cwd != "/tmp" || d.Started.IsZero() {
			b.Fatalf("detached, it is %+v", d)
		}
		failing := b.detach(id, pool.Command{Args: []string{"nosuch"}})
		for command, want := range map[pool.CommandID]pool.Detached{
			d.ID:       {Status: 0, Stdout: pool.OutputSize{Bytes: 34}},
			failing.ID: {Status: 127, Stderr: pool.OutputSize{Bytes: 18}},
		} {
			ended, err := b.alice.WaitCommand(b.Context(), id, command)
			b.must(err)
			if ended.State != pool.CommandExited || ended.Status != want.Status || ended.Ended.IsZero() ||
				ended.Stdout != want.Stdout || ended.Stderr != want.Stderr {
				b.Errorf("it ended as %+v", ended)
			}
		}
		if out, errs, _ := b.output(pool.OutputRequest{Lease: id, Command: d.ID}); out != "A=from the lease\nB=of the command\n" || errs != "" {
			b.Errorf("the output is %q and %q", out, errs)
		}
		if out, errs, _ := b.output(pool.OutputRequest{Lease: id, Command: failing.ID, Follow: true}); out != "" || errs != "nosuch: not found\n" {
			b.Errorf("the output is %q and %q", out, errs)
		}
		if out, errs, _ := b.output(pool.OutputRequest{Lease: id, Command: failing.ID, Stream: pool.Stdout}); out+errs != "" {
			b.Errorf("its standard output is %q and %q", out, errs)
		}
		list, err := b.root.Commands(b.Context(), id)
		b.must(err)
		if len(list) != 2 || list[0].ID != d.ID || list[1].ID != failing.ID || strings.Contains(fmt.Sprintf("%+v %+v", *list[0], *list[1]), "of the command") {
			b.Errorf("the list is %+v", list)
		}
	}},
	{"OfALongOutputTheBeginningAndTheEndAreKept", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		var long strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&long, "line %d\n", i)
		}
		_, err := b.alice.Exec(b.Context(), id, pool.Command{Args: []string{"tee", "/long"}, Stdin: strings.NewReader(long.String())})
		b.must(err)
		d := b.detach(id, pool.Command{Args: []string{"cat", "/long"}})
		d, err = b.alice.WaitCommand(b.Context(), id, d.ID)
		b.must(err)
		out, _, dropped := b.output(pool.OutputRequest{Lease: id, Command: d.ID})
		kept := int64(256 << 10)
		if d.Stdout.Bytes != int64(long.Len()) || d.Stdout.Dropped != d.Stdout.Bytes-kept || dropped != d.Stdout.Dropped {
			b.Errorf("of %d bytes it says %+v, and %d", long.Len(), d.Stdout, dropped)
		}
		if int64(len(out)) != kept || out[:64<<10] != long.String()[:64<<10] || out[64<<10:] != long.String()[long.Len()-192<<10:] {
			b.Errorf("%d bytes are kept, or not those of the beginning and the end", len(out))
		}
	}},
	{"OutputCanBeFollowedToTheEndOfTheCommand", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		d := b.detach(id, pool.Command{Args: []string{"sleep", "60"}})
		start := time.Now()
		if out, errs, _ := b.output(pool.OutputRequest{Lease: id, Command: d.ID, Follow: true}); out+errs != "" {
			b.Errorf("it wrote %q and %q", out, errs)
		}
		if took := time.Since(start); took < 50*time.Second || took > 2*time.Minute {
			b.Errorf("it was followed for %s", took)
		}
	}},
	{"ADetachedCommandTakesSignals", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		d := b.detach(id, pool.Command{Args: []string{"sleep", "infinity"}})
		synctest.Wait()
		if err := b.alice.SignalCommand(b.Context(), id, d.ID, 0); !errors.Is(err, pool.ErrInvalid) {
			b.Errorf("signal 0: %v", err)
		}
		b.must(b.alice.SignalCommand(b.Context(), id, d.ID, 15))
		ended, err := b.alice.WaitCommand(b.Context(), id, d.ID)
		b.must(err)
		if ended.State != pool.CommandKilled || ended.Status != 128+15 {
			b.Errorf("it ended as %+v", ended)
		}
		if err := b.alice.SignalCommand(b.Context(), id, d.ID, 15); !errors.Is(err, pool.ErrInvalid) {
			b.Errorf("a signal after its end: %v", err)
		}
		other := b.detach(id, pool.Command{Args: []string{"exit", "143"}})
		if ended, err = b.alice.WaitCommand(b.Context(), id, other.ID); err != nil || ended.State != pool.CommandExited {
			b.Errorf("one that only looks killed ended as %+v, %v", ended, err)
		}
	}},
	{"ADeletedCommandIsKilledAndForgotten", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		d := b.detach(id, pool.Command{Args: []string{"sleep", "infinity"}})
		waited := make(chan error, 1)
		go func() {
			_, err := b.alice.WaitCommand(b.Context(), id, d.ID)
			waited <- err
		}()
		synctest.Wait()
		b.must(b.alice.DeleteCommand(b.Context(), id, d.ID))
		if err := <-waited; !errors.Is(err, pool.ErrNotFound) {
			b.Errorf("who waited for it got %v", err)
		}
		for verb, err := range b.onCommand(id, d.ID) {
			if !errors.Is(err, pool.ErrNotFound) {
				b.Errorf("%s: %v", verb, err)
			}
		}
	}},
	{"ALeaseHasRoomForSomeCommands", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		first := b.detach(id, pool.Command{Args: []string{"true"}})
		for range pool.MaxCommands - 1 {
			b.detach(id, pool.Command{Args: []string{"true"}})
		}
		if d, err := b.alice.Detach(b.Context(), id, pool.Command{Args: []string{"true"}}); !errors.Is(err, pool.ErrInUse) {
			b.Fatalf("one more: %+v, %v", d, err)
		}
		b.must(b.alice.DeleteCommand(b.Context(), id, first.ID))
		b.detach(id, pool.Command{Args: []string{"true"}})
		for what, c := range map[string]pool.Command{
			"nothing": {}, "a shell": {Login: true}, "a terminal": {Args: []string{"true"}, Terminal: true},
		} {
			if _, err := b.alice.Detach(b.Context(), id, c); !errors.Is(err, pool.ErrInvalid) {
				b.Errorf("detaching %s: %v", what, err)
			}
		}
	}},
	{"ADetachedCommandEndsWithItsLease", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		d := b.detach(id, pool.Command{Args: []string{"sleep", "infinity"}})
		followed := make(chan error, 1)
		go func() {
			var last error
			for _, err := range b.alice.Output(b.Context(), pool.OutputRequest{Lease: id, Command: d.ID, Follow: true}) {
				last = err
			}
			followed <- last
		}()
		synctest.Wait()
		_, err := b.alice.Release(b.Context(), id)
		b.must(err)
		if err := <-followed; !errors.Is(err, pool.ErrLeaseEnded) {
			b.Errorf("who followed it got %v", err)
		}
		for verb, err := range b.onCommand(id, d.ID) {
			if !errors.Is(err, pool.ErrLeaseEnded) {
				b.Errorf("%s: %v", verb, err)
			}
		}
		b.settle()
		if got := b.counts(); got.Ready != 1 {
			b.Errorf("the instance is not ready again: %+v", got)
		}
	}},
	{"ARestartIsHonestAboutDetachedCommands", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		done := b.detach(id, pool.Command{Args: []string{"exit", "3"}})
		_, err := b.alice.WaitCommand(b.Context(), id, done.ID)
		b.must(err)
		said := b.detach(id, pool.Command{Args: []string{"echo", "hello"}})
		_, err = b.alice.WaitCommand(b.Context(), id, said.ID)
		b.must(err)
		running := b.detach(id, pool.Command{Args: []string{"sleep", "infinity"}})
		b.Restart()
		list, err := b.alice.Commands(b.Context(), id)
		b.must(err)
		if len(list) != 3 || list[0].State != pool.CommandExited || list[0].Status != 3 ||
			list[1].Stdout != (pool.OutputSize{Bytes: 6, Dropped: 6}) || list[2].ID != running.ID || list[2].State != pool.CommandLost || list[2].Why == "" {
			b.Fatalf("after a restart: %+v", list)
		}
		if d, err := b.alice.WaitCommand(b.Context(), id, running.ID); err != nil || d.State != pool.CommandLost {
			b.Errorf("waiting for one that is lost: %+v, %v", d, err)
		}
		for _, err := range b.alice.Output(b.Context(), pool.OutputRequest{Lease: id, Command: said.ID}) {
			if !errors.Is(err, pool.ErrNotFound) || !strings.Contains(err.Error(), "restarted") {
				b.Errorf("output that is lost: %v", err)
			}
		}
		b.must(b.alice.DeleteCommand(b.Context(), id, running.ID))
	}},
}

// detach runs a command beside.
func (b *bench) detach(id pool.LeaseID, c pool.Command) *pool.Detached {
	b.Helper()
	d, err := b.alice.Detach(b.Context(), id, c)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// output collects what a command has written, and how much of it is not kept.
func (b *bench) output(q pool.OutputRequest) (out, errs string, dropped int64) {
	b.Helper()
	for c, err := range b.alice.Output(b.Context(), q) {
		if err != nil {
			b.Fatal(err)
		}
		dropped += c.Dropped
		switch c.Stream {
		case pool.Stdout:
			out += string(c.Data)
		case pool.Stderr:
			errs += string(c.Data)
		}
	}
	return out, errs, dropped
}

// onCommand tries every verb on a command.
func (b *bench) onCommand(id pool.LeaseID, command pool.CommandID) map[string]error {
	errs := map[string]error{}
	_, errs["show"] = b.alice.Command(b.Context(), id, command)
	_, errs["wait"] = b.alice.WaitCommand(b.Context(), id, command)
	errs["signal"] = b.alice.SignalCommand(b.Context(), id, command, 15)
	errs["delete"] = b.alice.DeleteCommand(b.Context(), id, command)
	for _, err := range b.alice.Output(b.Context(), pool.OutputRequest{Lease: id, Command: command}) {
		errs["output"] = err
	}
	return errs
}
