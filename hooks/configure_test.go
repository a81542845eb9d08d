package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// bench is a snap with a snapctl that says what a test wants.
type bench struct {
	*testing.T
	*snap
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("", "snap") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &bench{t, &snap{dir: dir, common: filepath.Join(dir, "common"), ctl: filepath.Join(dir, "snapctl")}}
	script := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$*\" >>%[1]s/calls\ncase $1 in\nget) cat %[1]s/values;;\nis-connected) exit $(cat %[1]s/unconnected);;\nesac\n", dir)
	b.put("snapctl", script)
	if err := os.Chmod(b.ctl, 0o755); err != nil {
		t.Fatal(err)
	}
	b.set("{}")
	b.put("unconnected", "0")
	return b
}

func (b *bench) put(name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// set is what "snap set" has been told so far. snapctl gives the root below "".
func (b *bench) set(values string) { b.Helper(); b.put("values", `{"": `+values+`}`) }

// calls returns what snapctl was called with, and forgets it.
func (b *bench) calls() string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "calls"))
	if err != nil {
		b.Fatal(err)
	}
	b.put("calls", "")
	return string(text)
}

func (b *bench) config() string {
	b.Helper()
	text, err := os.ReadFile(b.configFile())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.Fatal(err)
	}
	return string(text)
}

// serve runs a daemon that answers a reload like this.
func (b *bench) serve(reload func(context.Context) ([]string, error)) {
	b.Helper()
	lxd := simbackend.New(simbackend.Options{})
	m, err := pool.NewManager(b.Context(), pool.Options{Backend: lxd, Store: memstore.New("m1")})
	if err != nil {
		b.Fatal(err)
	}
	s := server.New(m, server.Options{Reload: reload, Identify: func(net.Conn) (server.Caller, error) {
		return server.Caller{Identity: "root", Role: server.Operator}, nil
	}})
	if err := os.MkdirAll(filepath.Dir(b.socket()), 0o755); err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("unix", b.socket())
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	b.Cleanup(func() {
		if err := errors.Join(s.Shutdown(context.Background()), <-done, m.Close(), lxd.Close()); err != nil {
			b.Error(err)
		}
	})
}

func TestWhatWasSetIsWrittenForTheDaemonAndForRootOnly(t *testing.T) {
	b := newBench(t)
	b.set(`{"size": 3, "ttl": "30m", "profiles": ["default", "gpu"], "consumers": "ci", "metrics": "127.0.0.1:9418", "config": {"limits": {"cpu": 2}},
		"pools": {"web": {"size": "2", "standby": "frozen"}}, "lxd": {"address": "/srv/lxd"}}`)
	if err := configure(t.Context(), b.snap); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"size": 3`, `"ttl": "30m`, `"gpu"`, `"consumers": "ci"`, `"metrics": "127.0.0.1:9418"`, `"limits.cpu": "2"`, `"web"`, `"standby": "frozen"`, `"address": "/srv/lxd"`} {
		if !strings.Contains(b.config(), want) {
			t.Errorf("%s is not in %s", want, b.config())
		}
	}
	info, err := os.Stat(b.configFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

func TestAnInstallMakesTheDefaultPool(t *testing.T) {
	b := newBench(t)
	b.put("values", "{}") // nothing was ever set
	if err := install(t.Context(), b.snap); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"default"`, `"image": "ubuntu:24.04"`, `"size": 1`} {
		if !strings.Contains(b.config(), want) {
			t.Errorf("%s is not in %s", want, b.config())
		}
	}
}

// Each line is what "snap set" shows its user.
func TestABadValueIsOneLineThatNamesIt(t *testing.T) {
	for values, want := range map[string]string{
		`{"size": "abc"}`:                     `cannot use size="abc": it must be a whole number`,
		`{"size": -1}`:                        `cannot use size=-1: it must not be negative`,
		`{"size": 1.5}`:                       `cannot use size="1.5": it must be a whole number`,
		`{"size": true}`:                      `cannot use size="true": it must be a whole number`,
		`{"size": {"a": 1}}`:                  `cannot use size={"a":1}: it has no keys below it; give one value`,
		`{"size": 9, "max": 3}`:               `cannot use pool default: cannot keep 9 ready and 0 spare instances in a pool of at most 3; raise max or lower size`,
		`{"type": "vm"}`:                      `cannot use type="vm"; use container or virtual-machine`,
		`{"ttl": "soon"}`:                     `cannot use ttl="soon": it is not a length of time; write it like "90s", "30m", "8h" or "2d"`,
		`{"sise": 3}`:                         `cannot set sise=3: there is no such key; the keys are image, size, `,
		`{"lxd": {"port": 3}}`:                `cannot set lxd={"port":3}: there is no such key; the keys are `,
		`{"config": 3}`:                       `cannot use config=3: it has keys of its own; set config.limits.memory=2GiB, for example`,
		`{"listen": 8443}`:                    `cannot use listen="8443": it is not [HOST]:PORT; write it like :8443 or 192.0.2.1:8443`,
		`{"tls-key": "/root/x.key"}`:          `cannot use tls-cert="" with tls-key="/root/x.key": a certificate and its key belong together; set both tls-cert and tls-key, or neither`,
		`{"metrics": 9418}`:                   `cannot use metrics="9418": it is not HOST:PORT; write it like 127.0.0.1:9418`,
		`{"metrics": "0.0.0.0:9418"}`:         `cannot use metrics="0.0.0.0:9418": it is shown without a token; use 127.0.0.1:9418`,
		`{"log-level": "loud"}`:               `cannot use log-level="loud"; use debug, info, warn or error`,
		`{"lxd": {"address": "http://x"}}`:    `cannot use lxd.address="http://x"; use https://HOST:PORT`,
		`{"pools": 3}`:                        `cannot use pools=3: it is not a pool with keys; set the keys of a pool, such as pools.ci.size=3`,
		`{"pools": {"ci": 3}}`:                `cannot use pools.ci=3: a pool has keys; set its keys, such as pools.ci.size=3`,
		`{"pools": {"ci": {"sise": 3}}}`:      `cannot set pools.ci.sise=3: there is no such key; the keys are pools.ci.image`,
		`{"pools": {"ci": {"size": "x"}}}`:    `cannot use pools.ci.size="x": it must be a whole number`,
		`{"pools": {"ci": {"type": "x"}}}`:    `cannot use pools.ci.type="x"; use container or virtual-machine`,
		`{"pools": {"9": {"size": 1}}}`:       `cannot use "9" as the name of a pool`,
		`{"pools": {"default": {"size": 1}}}`: `cannot use pools.default.size: the pool default has its keys at the top`,
	} {
		b := newBench(t)
		b.put("values", `{"": `+values+`}`)
		err := configure(t.Context(), b.snap)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line that begins with %q", values, err, want)
		}
		if b.config() != "" {
			t.Errorf("%s: it was written: %s", values, b.config())
		}
	}
}

// snapd may have no answer for the root, only for keys that are named.
func TestTheKeysAreReadWithoutTheRootToo(t *testing.T) {
	b := newBench(t)
	b.put("values", `{"size": 5}`)
	if err := configure(t.Context(), b.snap); err != nil || !strings.Contains(b.config(), `"size": 5`) {
		t.Errorf("%v, %s", err, b.config())
	}
	for _, name := range []string{"size", "pools", "lxd", "config", "log-level"} {
		if calls := b.calls() + " "; !strings.Contains(calls, " "+name+" ") {
			t.Errorf("%s was not asked for: %s", name, calls)
		} else {
			b.put("calls", calls)
		}
	}
}

func TestWhatTheDaemonRefusesIsPutBack(t *testing.T) {
	b := newBench(t)
	if err := configure(t.Context(), b.snap); err != nil {
		t.Fatal(err)
	}
	before := b.config()
	seen := ""
	b.serve(func(context.Context) ([]string, error) {
		seen = b.config()
		return nil, pool.Errorf(pool.ErrRejected, "use another", `cannot use image "nope": there is no such image`)
	})
	b.set(`{"image": "nope"}`)
	err := configure(t.Context(), b.snap)
	if err == nil || err.Error() != `cannot use image "nope": there is no such image; use another` {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(seen, "nope") {
		t.Errorf("the daemon read %s", seen)
	}
	if b.config() != before {
		t.Errorf("it is %s now, and was %s", b.config(), before)
	}
}

func TestTheDaemonIsRestartedOnlyForWhatItCannotTakeOver(t *testing.T) {
	b := newBench(t)
	var later []string
	b.serve(func(context.Context) ([]string, error) { return later, nil })
	for _, test := range []struct {
		later []string
		want  bool
	}{{nil, false}, {[]string{"lxd"}, true}} {
		later = test.later
		if err := configure(t.Context(), b.snap); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.calls(), "restart lxd-pool.daemon"); got != test.want {
			t.Errorf("with %v to restart for, it was restarted: %v", later, got)
		}
	}
}
