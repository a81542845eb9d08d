package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lxd-poold": main})
}

// patience bounds what a test waits for. Nothing is expected to take that long.
const patience = time.Minute

// process is a daemon under test, in a process of its own, on a simulated LXD.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	dir string
	log logbook
	// told is what it tells systemd, one message at a time.
	told chan string
}

// logbook is what a daemon logs, to be read while it does. Its zero value is ready.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed when there is more; nil: nobody waits
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	return l.text.Write(p)
}

func (l *logbook) String() string {
	text, _ := l.read()
	return text
}

// read returns what there is, and what is closed when there is more.
func (l *logbook) read() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more == nil {
		l.more = make(chan struct{})
	}
	return l.text.String(), l.more
}

// says waits until the daemon has logged something, and returns what the first
// group of the pattern is.
func (p *process) says(pattern string) string {
	p.t.Helper()
	late := time.After(patience)
	for {
		text, more := p.log.read()
		if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
			return found[1]
		}
		select {
		case <-more:
		case <-late:
			p.t.Fatalf("it never said %s, but\n%s", pattern, text)
		}
	}
}

// newProcess prepares a daemon in a directory that may be that of an earlier one.
func newProcess(t *testing.T, dir string, flags ...string) *process {
	p := &process{t: t, dir: dir, told: make(chan string, 1024)}
	p.cmd = exec.Command("lxd-poold", append([]string{
		"--backend", "sim", "--sim-latency", "0", "--state-dir", filepath.Join(dir, "state"), "--socket", p.socket(),
	}, flags...)...)
	p.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+p.listenForNews())
	p.cmd.Stderr = &p.log
	return p
}

// startDaemon starts a daemon and waits until it is ready. It is ended with the test.
func startDaemon(t *testing.T, dir string, flags ...string) *process {
	t.Helper()
	p := newProcess(t, dir, flags...)
	p.start()
	p.await("READY=1")
	return p
}

func (p *process) start() {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
		if p.t.Failed() {
			p.t.Logf("log of the daemon:\n%s", p.log.String())
		}
	})
}

func (p *process) listenForNews() string {
	path := filepath.Join(shortDir(p.t), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			p.told <- string(buffer[:n])
		}
	}()
	return path
}

// shortDir is a directory whose name leaves room for that of a socket.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "poold")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (p *process) socket() string { return filepath.Join(p.dir, "socket") }

func (p *process) client() *client.Client { return &client.Client{Socket: p.socket()} }

// await returns the next message to systemd that has a line that begins so, and
// those before it.
func (p *process) await(line string) (all []string) {
	p.t.Helper()
	late := time.After(patience)
	for {
		select {
		case text := <-p.told:
			all = append(all, text)
			if strings.Contains("\n"+text, "\n"+line) {
				return all
			}
		case <-late:
			p.t.Fatalf("%s never came, but %q\n%s", line, all, p.log.String())
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// status waits for the end and returns the exit status.
func (p *process) status() int {
	p.t.Helper()
	err := p.cmd.Wait()
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	p.t.Fatal(err)
	return -1
}

// refused runs a daemon that is not to start, and returns what it says.
func refused(t *testing.T, status int, p *process) string {
	t.Helper()
	p.start()
	if got := p.status(); got != status {
		t.Errorf("ended with status %d, want %d: %s", got, status, p.log.String())
	}
	text := p.log.String()
	if !strings.HasPrefix(text, "Error: cannot ") || strings.Count(text, "\n") != 1 {
		t.Errorf("said %q, want one line that begins with \"Error: cannot\"", text)
	}
	return text
}

// fill makes a pool and waits until it has as many ready ones as it wants.
func (p *process) fill(name pool.PoolName, spec pool.Spec) {
	p.t.Helper()
	c := p.client()
	defer c.Close()
	if _, err := c.CreatePool(p.t.Context(), name, spec); err != nil {
		p.t.Fatal(err)
	}
	p.until(c, name, func(n pool.Counts) bool { return n.Ready >= spec.Size })
}

// until asks for the counts of a pool until they are as wanted.
func (p *process) until(c *client.Client, name pool.PoolName, wanted func(pool.Counts) bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for {
		status, err := c.Pool(ctx, name)
		if err != nil {
			p.t.Fatal(err)
		}
		if wanted(status.Counts) {
			return
		}
	}
}
