package main

import (
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

func environmentOf(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := pairs[name]
		return value, ok
	}
}

func TestAFlagWinsOverTheEnvironmentAndThatOverTheDefault(t *testing.T) {
	env := environmentOf(map[string]string{
		"LXD_POOLD_STATE_DIR": "/from/env", "LXD_POOLD_WORKERS": "5", "LXD_POOLD_DRAIN_TIMEOUT": "1m",
	})
	o, err := parse([]string{"--state-dir", "/from/flag", "--log-level", "debug"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if o.stateDir != "/from/flag" || o.workers != 5 || o.drainTimeout != pool.Duration(time.Minute) || o.group != "lxd" {
		t.Errorf("got state %s, workers %d, drain %s, group %s", o.stateDir, o.workers, o.drainTimeout, o.group)
	}
}

func TestEveryFlagHasAVariable(t *testing.T) {
	o := &options{}
	for _, name := range []string{"pools", "backend", "lxd-client-cert", "sim-seed", "socket-mode", "log-format"} {
		f := newFlags(o).Lookup(name)
		want := "LXD_POOLD_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if got := variable(f); got != want {
			t.Errorf("--%s has the variable %s, want %s", name, got, want)
		}
	}
}

func TestWhatCannotBeUnderstoodIsNamed(t *testing.T) {
	for _, test := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{[]string{"--wrong"}, nil, "unknown flag: --wrong"},
		{[]string{"extra"}, nil, `"extra" is not a flag`},
		{[]string{"--backend", "xen"}, nil, `--backend="xen"; use lxd or sim`},
		{[]string{"--metrics", ":9418"}, nil, `cannot use --metrics=":9418": it is shown without a token; use 127.0.0.1:9418`},
		{[]string{"--metrics", "192.0.2.1:9418"}, nil, `it is shown without a token; use 127.0.0.1:9418`},
		{[]string{"--metrics", "pool.example:9418"}, nil, `it is shown without a token; use 127.0.0.1:9418`},
		{[]string{"--metrics", "here"}, nil, `use 127.0.0.1:PORT`},
		{[]string{"--workers", "-1"}, nil, "must not be negative"},
		{[]string{"--sim-latency", "-1"}, nil, "must not be negative"},
		{[]string{"--socket-mode", "rw"}, nil, "write it in octal"},
		{[]string{"--drain-timeout", "soon"}, nil, "as a length of time"},
		{[]string{"--log-level", "loud"}, nil, "use debug, info, warn or error"},
		{nil, map[string]string{"LXD_POOLD_LOG_FORMAT": "xml"}, `LXD_POOLD_LOG_FORMAT="xml": use text, json, journal or auto`},
		{nil, map[string]string{"LXD_POOLD_WORKERS": "many"}, `LXD_POOLD_WORKERS="many"`},
	} {
		_, err := parse(test.args, environmentOf(test.env))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v %v: %v, want one line with %q", test.args, test.env, err, test.want)
		}
	}
}

func TestTheHelpNamesEveryFlag(t *testing.T) {
	o, err := parse([]string{"--help"}, environmentOf(nil))
	if err != nil || !o.help {
		t.Fatal(o, err)
	}
	text := helpText(o)
	for _, name := range []string{"--state-dir", "--consumers", "--pools", "--sim-seed", "LXD_POOLD_STATE_DIR", "SIGHUP"} {
		if !strings.Contains(text, name) {
			t.Errorf("the help does not have %s", name)
		}
	}
	if strings.Contains(text, noise) {
		t.Error("the help has the noise of pflag")
	}
}

func TestAnLXDElsewhereNeedsCertificatesThatThereAre(t *testing.T) {
	for _, test := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--lxd", "https://lxd.example:8443"}, "give a client certificate and key that it trusts"},
		{[]string{"--lxd", "https://lxd.example:8443", "--lxd-client-cert", "/no/such/file"}, "no such file"},
	} {
		p := newProcess(t, shortDir(t), append([]string{"--backend", "lxd"}, test.flags...)...)
		if text := refused(t, 1, p); !strings.Contains(text, test.want) {
			t.Errorf("%v: said %q, want %q", test.flags, text, test.want)
		}
	}
}
