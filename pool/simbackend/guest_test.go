package simbackend_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func TestTheCommandsOfAGuest(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	o := start(t, b, "ci-1")
	for _, c := range []struct {
		stdin, line string
		status      int
		out         string
	}{
		{"", "true", 0, ""},
		{"", "false", 1, ""},
		{"", "exit 42", 42, ""},
		{"", "exit x", 2, "exit: bad number \"x\"\n"},
		{"", "echo a b", 0, "a b\n"},
		{"", "hostname", 0, "ci-1\n"},
		{"", "env", 0, "A=1\nB=2\n"},
		{"text", "cat", 0, "text"},
		{"", "cat /etc/hostname", 0, "ci-1\n"},
		{"", "read /none", 1, "cat: /none: no such file\n"},
		{"", "write /x y", 0, ""},
		{"", "read /x", 0, "y\n"},
		{"more", "tee /x", 0, "more"},
		{"", "cat /x", 0, "more"},
		{"", "write /x", 2, "write: use write PATH TEXT\n"},
		{"", "stty size", 1, "stty: use stty size, in a terminal\n"},
		{"echo a b\nfalse\n", "sh", 1, "a b\n"},
		{"echo a\rtrue\x03echo b\rexit 7\recho c\r", "sh", 7, "a\n^C\nb\n"},
		{"", "reboot", 127, "reboot: not found\n"},
	} {
		var out bytes.Buffer
		status, err := b.Exec(t.Context(), o, pool.Command{
			Args: strings.Fields(c.line), Env: map[string]string{"B": "2", "A": "1"},
			Stdin: strings.NewReader(c.stdin), Stdout: &out, Stderr: &out,
		})
		must(t, err)
		if status != c.status || out.String() != c.out {
			t.Errorf("%s: status %d, %q", c.line, status, out.String())
		}
	}
	if status, out := run(t, b, o, "", "sh", "-c", "echo by a shell"); status != 0 || out != "by a shell\n" {
		t.Errorf("sh -c: status %d, %q", status, out)
	}
}

func TestACommandEndsWithItsCallerAndWritesNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{})
		o := start(t, b, "ci-1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stdin, feed := io.Pipe()
		var out bytes.Buffer
		_, err := b.Exec(ctx, o, pool.Command{Args: []string{"cat"}, Stdin: stdin, Stdout: &out})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("exec returned %v", err)
		}
		io.WriteString(feed, "too late")
		synctest.Wait()
		if out.Len() != 0 {
			t.Errorf("it wrote %q to a caller who had left", out.String())
		}
	})
}

func TestASignalEndsACommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{})
		o := start(t, b, "ci-1")
		signals, resize := make(chan int, 1), make(chan pool.Size)
		close(resize)
		signals <- 15
		status, err := b.Exec(t.Context(), o, pool.Command{
			Args: []string{"sleep", "infinity"}, Signals: signals, Resize: resize,
		})
		if err != nil || status != 143 {
			t.Errorf("status %d, %v", status, err)
		}
	})
}

func TestACommandNeedsARunningInstance(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	exec := func(name pool.InstanceName) error {
		_, err := b.Exec(t.Context(), order(name), pool.Command{Args: []string{"true"}})
		return err
	}
	create(t, b, "ci-1")
	if err := exec("ci-1"); !errors.Is(err, pool.ErrNotRunning) {
		t.Errorf("in a stopped one: %v", err)
	}
	if err := exec("ci-2"); !errors.Is(err, pool.ErrGone) {
		t.Errorf("in one that is not there: %v", err)
	}
}
