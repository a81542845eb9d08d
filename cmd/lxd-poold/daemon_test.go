package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

var small = pool.Spec{Image: "busybox", Size: 1, Max: 1}

func TestASecondDaemonOnTheSameStateIsRefusedAtOnce(t *testing.T) {
	dir := shortDir(t)
	first := startDaemon(t, dir)
	first.fill("ci", small)
	text := refused(t, 1, newProcess(t, dir, "--socket", filepath.Join(dir, "other")))
	if want := "another daemon has it open; stop that daemon, or use another state directory"; !strings.Contains(text, want) {
		t.Errorf("said %q, want %q", text, want)
	}
	if _, err := first.client().Pool(t.Context(), "ci"); err != nil {
		t.Errorf("the first one no longer serves: %v", err)
	}
}

func TestASocketThatADaemonListensOnIsRefused(t *testing.T) {
	dir := shortDir(t)
	first := startDaemon(t, dir)
	text := refused(t, 1, newProcess(t, dir, "--state-dir", filepath.Join(dir, "other")))
	if want := "another daemon listens there; stop that daemon, or name another socket with --socket"; !strings.Contains(text, want) {
		t.Errorf("said %q, want %q", text, want)
	}
	if _, err := first.client().Version(t.Context()); err != nil {
		t.Errorf("the first one no longer serves: %v", err)
	}
}

func TestASocketThatADeadDaemonLeftIsReplaced(t *testing.T) {
	dir := shortDir(t)
	first := startDaemon(t, dir)
	first.signal(syscall.SIGKILL)
	first.status()
	if _, err := os.Stat(first.socket()); err != nil {
		t.Fatalf("the killed daemon left no socket, so this tests nothing: %v", err)
	}
	second := startDaemon(t, dir)
	if _, err := second.client().Version(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotASocketIsLeftAlone(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "socket")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text := refused(t, 1, newProcess(t, dir)); !strings.Contains(text, "it is there and is not a socket") {
		t.Errorf("said %q", text)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("the file is now %q, %v", text, err)
	}
}

func TestASocketPathThatIsTooLongIsRefused(t *testing.T) {
	dir := shortDir(t)
	long := filepath.Join(dir, strings.Repeat("x", 120))
	if text := refused(t, 1, newProcess(t, dir, "--socket", long)); !strings.Contains(text, "the path has more than 107 bytes") {
		t.Errorf("said %q", text)
	}
}

func TestTheSocketIsOpenToThoseWhoMayConnect(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags []string
		mode  fs.FileMode
	}{
		{"its group", nil, 0o660},
		{"everybody, with consumers", []string{"--consumers", "bin"}, 0o666},
		{"whom the operator says", []string{"--socket-mode", "0600", "--consumers", "bin"}, 0o600},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startDaemon(t, shortDir(t), test.flags...)
			info, err := os.Stat(p.socket())
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != test.mode {
				t.Errorf("the socket has mode %v, want %v", info.Mode().Perm(), test.mode)
			}
		})
	}
}

func TestTheDirectoryMadeForTheSocketLetsThoseInWhoMayConnect(t *testing.T) {
	dir := shortDir(t)
	way := filepath.Join(dir, "run", "lxd-pool")
	startDaemon(t, dir, "--socket", filepath.Join(way, "socket"))
	for _, dir := range []string{way, filepath.Dir(way)} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o755 {
			t.Errorf("%s has mode %v, want %v", dir, info.Mode().Perm(), fs.FileMode(0o755))
		}
	}
}

func TestTheSocketBelongsToTheGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("only root can give a socket to a group; run the tests as root")
		}
		t.Skip("only root can give a socket to a group")
	}
	p := startDaemon(t, shortDir(t), "--group", "daemon")
	info, err := os.Stat(p.socket())
	if err != nil {
		t.Fatal(err)
	}
	if gid := info.Sys().(*syscall.Stat_t).Gid; gid != 1 {
		t.Errorf("the socket belongs to group %d, want 1 (daemon)", gid)
	}
}

func TestAGroupThatThereIsNotIsRefusedWhenItIsNamed(t *testing.T) {
	text := refused(t, 1, newProcess(t, shortDir(t), "--group", "no-such-group"))
	if !strings.Contains(text, "no-such-group") || !strings.Contains(text, "with --group") {
		t.Errorf("said %q", text)
	}
}

func TestTheStateIsClosedToOthers(t *testing.T) {
	dir := shortDir(t)
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o755); err != nil {
		t.Fatal(err)
	}
	p := startDaemon(t, dir)
	p.fill("ci", small)
	err := filepath.WalkDir(state, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, open to others", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestASocketThatSystemdPassesIsServedAndLeftThere(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "passed")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	file, err := l.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess(t, dir)
	// systemd names the process in LISTEN_PID; only the process itself knows.
	p.cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec lxd-poold "$@"`}, p.cmd.Args...)
	p.cmd.Path = "/bin/sh"
	p.cmd.ExtraFiles = []*os.File{file}
	p.start()
	file.Close()
	l.Close()
	p.await("READY=1")
	c := client.Client{Socket: path}
	if _, err := c.Version(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(p.socket()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it made a socket of its own as well: %v", err)
	}
	p.signal(syscall.SIGTERM)
	if status := p.status(); status != 0 {
		t.Errorf("ended with status %d", status)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("it removed a socket that is not its own: %v", err)
	}
}

func TestSIGTERMTellsThoseWhoWaitToAskAgain(t *testing.T) {
	dir := shortDir(t)
	p := startDaemon(t, dir)
	p.fill("ci", small)
	c := p.client()
	lease, err := c.Acquire(t.Context(), pool.AcquireRequest{Pool: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan *http.Response, 1)
	go func() { answers <- post(t, p.socket(), "/1.0/pools/ci/leases", `{"wait":-1}`) }()
	p.until(c, "ci", func(n pool.Counts) bool { return n.Waiting > 0 })
	p.signal(syscall.SIGTERM)
	answer := <-answers
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), `"code":"closed"`) {
		t.Errorf("the waiter got %s: %s", answer.Status, text)
	}
	if status := p.status(); status != 0 {
		t.Errorf("ended with status %d", status)
	}
	p.await("STOPPING=1")
	if _, err := os.Stat(p.socket()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}

	again := startDaemon(t, dir)
	still, err := again.client().Lease(t.Context(), lease[0].ID)
	if err != nil || still.Ended != nil || still.Instance != lease[0].Instance {
		t.Errorf("after a restart the lease is %+v, %v", still, err)
	}
}

func post(t *testing.T, socket, path, body string) *http.Response {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	web := http.Client{Transport: &http.Transport{DialContext: dial}}
	answer, err := web.Post("http://daemon"+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return &http.Response{Body: http.NoBody}
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// command is one that runs in an instance until its standard input is closed.
type command struct {
	stdin *io.PipeWriter
	ended chan error
}

// startCommand returns when the command has begun: it has answered.
func startCommand(t *testing.T, p *process) *command {
	t.Helper()
	c := p.client()
	leases, err := c.Acquire(t.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
	if err != nil {
		t.Fatal(err)
	}
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	cmd := &command{stdin: in, ended: make(chan error, 1)}
	go func() {
		status, err := c.Exec(t.Context(), leases[0].ID, pool.Command{Args: []string{"cat"}, Stdin: stdin, Stdout: stdout})
		if err == nil && status != 0 {
			err = errors.New("the command failed")
		}
		cmd.ended <- err
	}()
	in.Write([]byte("begun"))
	if _, err := io.ReadFull(out, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestACommandUnderWayComesToItsEnd(t *testing.T) {
	p := startDaemon(t, shortDir(t), "--drain-timeout", "10m")
	p.fill("ci", small)
	cmd := startCommand(t, p)
	p.signal(syscall.SIGTERM)
	p.await("STOPPING=1")
	cmd.stdin.Close()
	if err := <-cmd.ended; err != nil {
		t.Errorf("the command was cut off: %v", err)
	}
	if status := p.status(); status != 0 {
		t.Errorf("ended with status %d", status)
	}
}

func TestASecondSignalDoesNotWait(t *testing.T) {
	p := startDaemon(t, shortDir(t), "--drain-timeout", "10m")
	p.fill("ci", small)
	cmd := startCommand(t, p)
	p.signal(syscall.SIGTERM)
	p.await("STOPPING=1")
	p.signal(syscall.SIGTERM)
	if err := <-cmd.ended; err == nil {
		t.Error("the command ended well though its daemon did not wait for it")
	}
	if status := p.status(); status != 0 {
		t.Errorf("ended with status %d", status)
	}
}

func TestTheWatchdogIsFedWhileTheSocketAnswers(t *testing.T) {
	p := newProcess(t, shortDir(t))
	p.cmd.Env = append(p.cmd.Env, "WATCHDOG_USEC=300000")
	p.start()
	for range 3 {
		p.await("WATCHDOG=1")
	}
}
