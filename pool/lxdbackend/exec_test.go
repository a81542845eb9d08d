package lxdbackend_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

// running is an instance to run commands in.
func (r *room) running(image string) pool.Order {
	r.Helper()
	o := r.order(image)
	r.create(o)
	r.start(o)
	return o
}

// alive returns the command lines in an instance that match a pattern; the dead
// that nobody has buried yet have none.
func (r *room) alive(o pool.Order, pattern string) string {
	r.Helper()
	return r.run(o, "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f | grep '"+pattern+"'; done 2>/dev/null; true")
}

func TestACommandHasItsStreamsApartAndItsStatus(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	var out, errs bytes.Buffer
	status, err := r.b.Exec(t.Context(), o, pool.Command{
		Args: []string{"sh", "-c", `read line; echo "got $line and $GREETING in $(pwd)"; echo trouble >&2; exit 7`},
		Env:  map[string]string{"GREETING": "hello"}, Cwd: "/tmp",
		Stdin: strings.NewReader("a line\nanother\n"), Stdout: &out, Stderr: &errs,
	})
	if err != nil || status != 7 {
		t.Fatalf("status %d, %v", status, err)
	}
	if out.String() != "got a line and hello in /tmp\n" || errs.String() != "trouble\n" {
		t.Errorf("output %q, errors %q", &out, &errs)
	}
}

func TestACommandWithoutInputReadsNothing(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	if got := r.run(o, "cat; echo end"); got != "end" {
		t.Errorf("got %q", got)
	}
}

func TestACommandThatIsNotThereEndsAsInAShell(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	for _, c := range []struct {
		name   string
		status int
		says   string
	}{
		{"no-such-command", 127, "no-such-command: command not found\n"},
		{"/etc", 126, "/etc: command not executable\n"},
	} {
		var errs bytes.Buffer
		status, err := r.b.Exec(t.Context(), o, pool.Command{Args: []string{c.name}, Stderr: &errs})
		if err != nil || status != c.status || errs.String() != c.says {
			t.Errorf("%s: status %d, %v, %q", c.name, status, err, &errs)
		}
	}
}

func TestACommandThatCannotRunHereIsAnError(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	if _, err := r.b.Exec(t.Context(), o, pool.Command{}); !errors.Is(err, pool.ErrInvalid) {
		t.Errorf("no arguments: %v", err)
	}
	if _, err := r.b.Exec(t.Context(), o, pool.Command{Args: []string{"id"}, User: "nobody-here"}); !errors.Is(err, pool.ErrInvalid) {
		t.Errorf("unknown user: %v", err)
	}
	admin(t).state(o.Instance, "stop")
	if _, err := r.b.Exec(t.Context(), o, pool.Command{Args: []string{"true"}}); !errors.Is(err, pool.ErrNotRunning) {
		t.Errorf("stopped instance: %v", err)
	}
}

func TestACommandRunsAsTheUserInHisHome(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	r.run(o, `echo 'alice:x:1001:1002::/home/alice:/bin/sh' >>/etc/passwd; mkdir -p /home/alice; chown 1001:1002 /home/alice`)
	for user, want := range map[string]string{
		"alice": "1001 1002 alice /home/alice /home/alice",
		"1001":  "1001 1002 alice /home/alice /home/alice",
		"4711":  "4711 4711 4711 / /",
		"":      "0 0 root /root /root",
		"root":  "0 0 root /root /root",
	} {
		var out strings.Builder
		_, err := r.b.Exec(t.Context(), o, pool.Command{
			Args: []string{"sh", "-c", `echo $(id -u) $(id -g) $USER $HOME $(pwd)`}, User: user, Stdout: &out,
		})
		if got := strings.TrimSpace(out.String()); err != nil || got != want {
			t.Errorf("%q: %q, %v", user, got, err)
		}
	}
}

func TestATerminalHasASizeThatCanChange(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(debian)
	resize := make(chan pool.Size, 1)
	in, answer := io.Pipe()
	shown := newScreen()
	done := make(chan error, 1)
	go func() {
		status, err := r.b.Exec(t.Context(), o, pool.Command{
			Args: []string{"bash", "-c", `tty; stty size; trap 'stty size; exit 3' WINCH; echo waiting; while :; do read -t 1; done`},
			Env:  map[string]string{"TERM": "xterm"}, Terminal: true, Size: pool.Size{Width: 91, Height: 27},
			Stdin: in, Stdout: shown, Resize: resize,
		})
		if status != 3 && err == nil {
			err = errors.New("it ended with another status than that of the trap")
		}
		done <- err
	}()
	shown.await(t, "waiting")
	resize <- pool.Size{Width: 120, Height: 40}
	if err := <-done; err != nil {
		t.Error(err, shown)
	}
	answer.Close()
	for _, want := range []string{"/dev/pts/", "27 91", "40 120"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q is missing in %q", want, shown)
		}
	}
}

func TestTypingIntoATerminalReachesTheCommand(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	keyboard, typed := io.Pipe()
	shown := newScreen()
	go func() {
		io.WriteString(typed, "echo $((6*7))\n")
		shown.await(t, "42") // LXD may lose what is shown right before the end
		io.WriteString(typed, "(exit 5)\n")
		typed.Close() // which a terminal takes for Ctrl-D
	}()
	status, err := r.b.Exec(t.Context(), o, pool.Command{Args: []string{"sh"}, Terminal: true, Stdin: keyboard, Stdout: shown})
	if err != nil || status != 5 {
		t.Errorf("status %d, %v, %q", status, err, shown)
	}
}

func TestASignalReachesTheCommand(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	signals := make(chan int, 1)
	shown := newScreen()
	go func() {
		shown.await(t, "ready")
		signals <- 15
		close(signals)
	}()
	status, err := r.b.Exec(t.Context(), o, pool.Command{
		Args:   []string{"sh", "-c", `trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.1; done`},
		Stdout: shown, Signals: signals,
	})
	if err != nil || status != 9 || !strings.Contains(shown.String(), "caught") {
		t.Errorf("status %d, %v, %q", status, err, shown)
	}
}

func TestACommandWhoseChildrenKeepItsOutputOpenLastsAsLongAsWithLXCAndCanBeEnded(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	signals := make(chan int)
	shown := newScreen()
	go func() {
		shown.await(t, "ready")
		signals <- 15
	}()
	// It exits once nobody can be mistaken about its having exited: its child
	// sees that it has another parent.
	script := `(while read -r _ _ _ parent _ </proc/self/stat; [ "$parent" != 1 ]; do sleep 0.05; done; echo ready; exec sleep 4443) & exit 6`
	status, err := r.b.Exec(t.Context(), o, pool.Command{Args: []string{"sh", "-c", script}, Stdout: shown, Signals: signals})
	if err != nil || status != 6 {
		t.Errorf("status %d, %v", status, err)
	}
	if left := r.alive(o, "[s]leep 4443"); left != "" {
		t.Errorf("this lives on: %s", left)
	}
}

func TestACommandWhoseChildrenDoNotKeepItsOutputOpenEndsWithoutThem(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	for name, c := range map[string]pool.Command{
		"redirected":  {Args: []string{"sh", "-c", "sleep 4442 >/dev/null 2>&1 & exit 6"}},
		"in terminal": {Args: []string{"sh", "-c", "(trap '' HUP; sleep 4442) & exit 6"}, Terminal: true},
	} {
		status, err := r.b.Exec(t.Context(), o, c)
		if err != nil || status != 6 {
			t.Errorf("%s: status %d, %v", name, status, err)
		}
	}
	if left := r.alive(o, "[s]leep 4442"); left == "" {
		t.Error("what they left in the background was killed")
	}
}

func TestALoginShellIsThatOfTheUser(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	r.run(o, `mkdir -p /home/alice /home/bob; chown 1001:1002 /home/alice; printf '#!/bin/sh\nexec /bin/sh "$@"\n' >/bin/mysh; chmod 755 /bin/mysh
echo 'alice:x:1001:1002::/home/alice:/bin/mysh' >>/etc/passwd
echo 'bob:x:1003:1003::/home/bob:/no/such/shell' >>/etc/passwd
echo 'export PROFILE=was-read' >>/etc/profile`)
	for user, want := range map[string]string{
		"alice": "1001 alice alice /home/alice /home/alice /bin/mysh was-read given",
		"bob":   "1003 bob bob /home/bob /home/bob /bin/sh was-read given",
		"":      "0 root root /root /root /bin/sh was-read given",
	} {
		var out strings.Builder
		status, err := r.b.Exec(t.Context(), o, pool.Command{
			Login: true, User: user, Env: map[string]string{"GIVEN": "given"}, Stdout: &out,
			Stdin: strings.NewReader("echo $(id -u) $USER $LOGNAME $HOME $(pwd) $SHELL $PROFILE $GIVEN\nexit 3\n"),
		})
		if got := strings.TrimSpace(out.String()); err != nil || status != 3 || got != want {
			t.Errorf("%q: status %d, %v, %q", user, status, err, got)
		}
	}
}

func TestACommandWhoseCallerLeavesIsKilledWithItsChildren(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	ctx, leave := context.WithCancel(t.Context())
	shown := newScreen()
	go func() {
		shown.await(t, "ready")
		leave()
	}()
	_, err := r.b.Exec(ctx, o, pool.Command{
		Args: []string{"sh", "-c", `(sleep 4444 & (setsid sleep 4445 &)); echo ready; sleep 4446`}, Stdout: shown,
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := r.alive(o, "[s]leep 444"); left != "" {
		t.Errorf("these live on: %s", left)
	}
}

func TestACommandWhoseOutputNobodyTakesIsKilled(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	full := errors.New("disk full")
	_, err := r.b.Exec(t.Context(), o, pool.Command{Args: []string{"sh", "-c", "yes; sleep 4447"}, Stdout: failing{full}})
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if left := r.alive(o, "[s]leep 4447\\|[y]es"); left != "" {
		t.Errorf("these live on: %s", left)
	}
}

// It is alone while it measures: the memory is that of the process.
func TestStreamsPassThroughWithoutGrowing(t *testing.T) {
	r := enter(t)
	o := r.running(busybox)
	const size = 256 << 20
	var out counter
	status, err := r.b.Exec(t.Context(), o, pool.Command{
		Args: []string{"cat"}, Stdin: io.LimitReader(zeros{}, size), Stdout: &out,
	})
	if err != nil || status != 0 || out.n != size {
		t.Fatalf("status %d, %v, %d bytes", status, err, out.n)
	}
	if out.peak > 64<<20 {
		t.Errorf("it took %d MiB of memory", out.peak>>20)
	}
}

// counter counts what is written to it, and the memory in use meanwhile.
type counter struct {
	n    int64
	peak uint64
}

func (c *counter) Write(p []byte) (int, error) {
	if c.n += int64(len(p)); c.n%(16<<20) < int64(len(p)) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		c.peak = max(c.peak, m.HeapInuse)
	}
	return len(p), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
