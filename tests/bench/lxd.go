package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// project is the LXD project of everything that a run makes. It is deleted with
// all that is in it.
const project = "lxd-pool-bench"

// The images, as tests/lib/lxd-images names them.
const (
	busybox = "lxd-pool/busybox"
	debian  = "lxd-pool/debian"
)

// lxd is the real LXD, met without anything of lxd-pool: by HTTP over its
// socket with the connection kept open, and by its own commands.
type lxd struct {
	socket string
	http   *http.Client
	env    []string
}

// findLXD finds LXD where lxd-poold finds it.
func findLXD(dir string) (*lxd, error) {
	for _, place := range []string{os.Getenv("LXD_DIR"), "/var/snap/lxd/common/lxd", "/var/lib/lxd"} {
		socket := filepath.Join(place, "unix.socket")
		c, err := net.Dial("unix", socket)
		if place == "" || err != nil {
			continue
		}
		c.Close()
		var dialer net.Dialer
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		}
		return &lxd{
			socket: socket,
			http:   &http.Client{Transport: &http.Transport{DialContext: dial}},
			env:    append(os.Environ(), "LXD_DIR="+place, "LXD_CONF="+filepath.Join(dir, "lxc")),
		}, nil
	}
	return nil, errors.New("cannot find LXD: bring one up with tests/lib/lxd-up")
}

// reply is LXD's answer, and the end of an operation as well.
type reply struct {
	Error     string          `json:"error"`
	Operation string          `json:"operation"`
	Metadata  json.RawMessage `json:"metadata"`
}

// operation is the end of one.
type operation struct {
	StatusCode int    `json:"status_code"`
	Err        string `json:"err"`
	Metadata   struct {
		Return int `json:"return"`
	} `json:"metadata"`
}

// ask sends one request, waits for the operation if it begins one, and reads
// the answer into answer unless that is nil.
func (l *lxd) ask(ctx context.Context, method, path string, body, answer any) error {
	r, err := l.once(ctx, method, path, body)
	if err != nil || r.Operation == "" {
		if err == nil && answer != nil {
			err = json.Unmarshal(r.Metadata, answer)
		}
		return err
	}
	r, err = l.once(ctx, "GET", r.Operation+"/wait", nil)
	if err != nil {
		return err
	}
	var end operation
	if err := json.Unmarshal(r.Metadata, &end); err != nil {
		return err
	}
	if end.StatusCode != http.StatusOK || end.Metadata.Return != 0 {
		return fmt.Errorf("%s %s: %s (status %d)", method, path, cmp.Or(end.Err, "failed"), end.Metadata.Return)
	}
	return nil
}

func (l *lxd) once(ctx context.Context, method, path string, body any) (*reply, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	at := url.URL{Scheme: "http", Host: "lxd", Path: path, RawQuery: "project=" + project}
	request, err := http.NewRequestWithContext(ctx, method, at.String(), bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	got, err := l.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	var r reply
	if err := json.NewDecoder(got.Body).Decode(&r); err != nil {
		return nil, err
	}
	if got.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s", method, path, r.Error)
	}
	return &r, nil
}

// write changes one key of an instance's config.
func (l *lxd) write(ctx context.Context, name, value string) error {
	return l.ask(ctx, "PATCH", "/1.0/instances/"+name, map[string]any{"config": map[string]string{"user.bench": value}}, nil)
}

// state starts, stops, freezes or unfreezes an instance, and waits for it.
func (l *lxd) state(ctx context.Context, name, action string) error {
	return l.ask(ctx, "PUT", "/1.0/instances/"+name+"/state", map[string]any{"action": action, "force": action == "stop"}, nil)
}

// onNetwork is a script that ends when the instance has its IPv4 route.
const onNetwork = `until grep -q '^eth0' /proc/net/route; do sleep 0.05; done`

// address returns when the address of a running instance is known. One command
// that waits inside costs LXD less than asking again and again.
func (l *lxd) address(ctx context.Context, name string) error {
	at := "/1.0/instances/" + name
	err := l.ask(ctx, "POST", at+"/exec", map[string]any{"command": []string{"sh", "-c", onNetwork}}, nil)
	if err != nil {
		return err
	}
	return l.ask(ctx, "GET", at+"/state", nil, nil)
}

// command is one of LXD's own commands, on this LXD and in the project.
func (l *lxd) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, append([]string{"--project", project}, args...)...)
	cmd.Env = l.env
	return cmd
}

// lxc runs LXD's client.
func (l *lxd) lxc(ctx context.Context, args ...string) error {
	return run(l.command(ctx, "lxc", args...))
}

// benchmark runs LXD's benchmark, which has another name in the snap.
func (l *lxd) benchmark(ctx context.Context, args ...string) error {
	name := "lxd-benchmark"
	if _, err := exec.LookPath(name); err != nil {
		name = "lxd.benchmark"
	}
	return run(l.command(ctx, name, args...))
}

// run runs a command whose output is only of interest when it fails.
func run(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// openProject makes the project anew. It has the images and profiles of the default one.
func (l *lxd) openProject(ctx context.Context) error {
	if err := l.dropProject(ctx); err != nil {
		return err
	}
	return l.ask(ctx, "POST", "/1.0/projects", map[string]any{"name": project,
		"config": map[string]string{"features.images": "false", "features.profiles": "false"}}, nil)
}

// dropProject deletes the project, if there is one, and every instance in it.
func (l *lxd) dropProject(ctx context.Context) error {
	var all []string
	if err := l.ask(ctx, "GET", "/1.0/projects", nil, &all); err != nil {
		return err
	}
	there := false
	for _, path := range all {
		there = there || strings.HasSuffix(path, "/"+project)
	}
	if !there {
		return nil
	}
	var left []string
	if err := l.ask(ctx, "GET", "/1.0/instances", nil, &left); err != nil {
		return err
	}
	for _, path := range left {
		name, _, _ := strings.Cut(filepath.Base(path), "?")
		if err := l.lxc(ctx, "delete", "-f", name); err != nil {
			return err
		}
	}
	return l.ask(ctx, "DELETE", "/1.0/projects/"+project, nil, nil)
}
