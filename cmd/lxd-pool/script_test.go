package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lxd-pool/lxd-pool/pool/client"
)

// daemonPath is the real daemon, built once for all tests.
var daemonPath string

func TestMain(m *testing.M) {
	testscript.Main(daemonFor{m}, map[string]func(){"lxd-pool": main})
}

// daemonFor builds the daemon before the tests run.
type daemonFor struct{ *testing.M }

func (m daemonFor) Run() int {
	dir, err := os.MkdirTemp("", "lxd-poold")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	programs, _, _ := strings.Cut(os.Getenv("PATH"), ":")
	if err := os.Chmod(filepath.Dir(programs), 0o755); err != nil { // for other users
		panic(err)
	}
	daemonPath = filepath.Join(dir, "lxd-poold")
	build := exec.Command("go", "build", "-o", daemonPath, "../lxd-poold")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("cannot build the daemon: %v\n%s", err, out))
	}
	return m.M.Run()
}

// Every script is the manual of one verb: what it says is what is tested. They
// run against the real daemon, on a simulated LXD that takes no time.
func TestScripts(t *testing.T) {
	testscript.Run(t, scripts("testdata/script"))
}

// scripts are those in a folder, and what they can use.
func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon":      startDaemon,
			"stop-daemon": stopDaemon,
			"fails":       fails,
			"fails-with":  failsWith,
			"capture":     capture,
			"until":       until,
			"as":          as,

			"network-address": networkAddress,
		},
	}
}

// setUp gives a script a socket that other users can get to.
func setUp(env *testscript.Env) error {
	env.Setenv("LXD_POOL_SOCKET", filepath.Join(env.WorkDir, "socket"))
	env.Setenv("TZ", "UTC")
	return os.Chmod(filepath.Dir(env.WorkDir), 0o755)
}

// condition knows "root": scripts that act as several users need it.
func condition(name string) (bool, error) {
	if name != "root" {
		return false, fmt.Errorf("there is no condition %q", name)
	}
	if os.Geteuid() != 0 && os.Getenv("CI") != "" {
		return false, errors.New("the tests have to run as root")
	}
	return os.Geteuid() == 0, nil
}

// startDaemon starts a daemon for the script, and waits until it is ready:
//
//	daemon [FLAG]...
func startDaemon(ts *testscript.TestScript, neg bool, args []string) {
	d, err := launch(ts.Getenv("LXD_POOL_SOCKET"), ts.MkAbs("state"), args...)
	if err != nil || neg {
		ts.Fatalf("cannot start the daemon: %v", err)
	}
	daemons.Store(ts, d)
	ts.Defer(func() { stopDaemon(ts, false, nil) })
	if slices.Contains(args, "lxd") {
		ts.Defer(func() { deletePools(ts) })
	}
}

// deletePools leaves nothing in a real LXD, also after a script that failed.
func deletePools(ts *testscript.TestScript) {
	c := client.Client{Socket: ts.Getenv("LXD_POOL_SOCKET")}
	ctx, cancel := context.WithTimeout(context.Background(), untilWithin)
	defer cancel()
	pools, err := c.Pools(ctx)
	for _, p := range pools {
		err = errors.Join(err, c.DeletePool(ctx, p.Name, true))
	}
	if err != nil {
		ts.Logf("cannot delete the pools of the script: %v", err)
	}
}

// daemons holds the daemon of each script.
var daemons sync.Map

// stopDaemon ends the daemon of the script, in good order.
func stopDaemon(ts *testscript.TestScript, _ bool, _ []string) {
	d, ok := daemons.LoadAndDelete(ts)
	if !ok {
		return
	}
	if err := d.(*process).stop(); err != nil {
		ts.Logf("%s", d.(*process).log.String())
		ts.Fatalf("the daemon ended badly: %v", err)
	}
}

// process is a daemon that runs.
type process struct {
	*exec.Cmd
	log record
}

// record is what a process printed so far.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed when there is more
}

func (r *record) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
	return r.text.Write(text)
}

func (r *record) String() string {
	text, _ := r.now()
	return text
}

func (r *record) now() (text string, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.more == nil {
		r.more = make(chan struct{})
	}
	return r.text.String(), r.more
}

// find waits for what matches, and returns what its group is; "" when it does not come.
func (r *record) find(pattern string) string {
	late := time.After(untilWithin)
	for {
		text, more := r.now()
		if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
			return found[1]
		}
		select {
		case <-more:
		case <-late:
			return ""
		}
	}
}

// launch starts a daemon and waits until it says that it is ready.
func launch(socket, state string, flags ...string) (*process, error) {
	notify := socket + ".notify"
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer os.Remove(notify)
	args := append([]string{"--backend", "sim", "--sim-latency", "0", "--socket", socket, "--state-dir", state}, flags...)
	d := &process{Cmd: exec.Command(daemonPath, args...)}
	d.Env = append(os.Environ(), "NOTIFY_SOCKET="+notify)
	d.Stderr = &d.log
	if err := d.Start(); err != nil {
		return nil, err
	}
	text := make([]byte, 1024)
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		n, err := conn.Read(text)
		if err != nil {
			d.Process.Kill()
			d.Wait()
			return nil, fmt.Errorf("%w\n%s", err, d.log.String())
		}
		if strings.Contains(string(text[:n]), "READY=1") {
			return d, nil
		}
	}
}

func (d *process) stop() error {
	return errors.Join(d.Process.Signal(syscall.SIGTERM), d.Wait())
}

// networkAddress keeps where the daemon of the script listens on the network:
//
//	network-address NAME
func networkAddress(ts *testscript.TestScript, _ bool, args []string) {
	d, _ := daemons.Load(ts)
	address := d.(*process).log.find(`address=(\S+)\s`)
	if address == "" {
		ts.Fatalf("the daemon does not say where it listens")
	}
	ts.Setenv(args[0], address)
}

// fails runs a command that is to end with a status and one line about why,
// which can be looked at with stderr:
//
//	fails STATUS PROGRAM [ARG]...
func fails(ts *testscript.TestScript, neg bool, args []string) {
	failsWith(ts, neg, args)
	text := ts.ReadFile("stderr")
	if strings.Count(text, "\n") != 1 || !regexp.MustCompile(`^Error: cannot .+\n$`).MatchString(text) {
		ts.Fatalf("said %q, want one line that begins with \"Error: cannot\"", text)
	}
}

// failsWith runs a command that is to end with a status:
//
//	fails-with STATUS PROGRAM [ARG]...
func failsWith(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg || len(args) < 2 {
		ts.Fatalf("usage: fails-with STATUS PROGRAM [ARG]...")
	}
	err = ts.Exec(args[1], args[2:]...)
	got, ok := errors.AsType[*exec.ExitError](err)
	if !ok || got.ExitCode() != want {
		ts.Fatalf("ended with %v, want status %d", err, want)
	}
}

// as runs a program as another user, in one group:
//
//	as UID GID PROGRAM [ARG]...
func as(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: as UID GID PROGRAM [ARG]...")
	}
	err := ts.Exec("setpriv", append([]string{"--reuid", args[0], "--regid", args[1], "--clear-groups"}, args[2:]...)...)
	if (err != nil) != neg {
		ts.Fatalf("ended with %v", err)
	}
}

// capture keeps what a command prints in a variable of the environment:
//
//	capture NAME PROGRAM [ARG]...
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: capture NAME PROGRAM [ARG]...")
	}
	ts.Check(ts.Exec(args[1], args[2:]...))
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// untilWithin is how long a script waits for what comes by itself.
const untilWithin = time.Minute

// until runs a command again and again until what it prints matches:
//
//	until PATTERN PROGRAM [ARG]...
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN PROGRAM [ARG]...")
	}
	pattern := regexp.MustCompile("(?m)" + args[0])
	ctx, cancel := context.WithTimeout(context.Background(), untilWithin)
	defer cancel()
	for ctx.Err() == nil {
		ts.Exec(args[1], args[2:]...)
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("never printed what matches %q", args[0])
}
