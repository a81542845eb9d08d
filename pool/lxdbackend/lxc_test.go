package lxdbackend_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	client "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// lxc is an administrator who works on LXD behind our back.
type lxc struct {
	testing.TB
	server client.InstanceServer
}

func admin(t testing.TB) lxc {
	t.Helper()
	server, err := client.ConnectLXDUnix("", nil)
	if err != nil {
		t.Fatal(err)
	}
	return lxc{t, server}
}

// ask sends a request and waits for its operation, if it has one.
func (l lxc) ask(method, path string, body any) {
	l.Helper()
	answer, _, err := l.server.RawQuery(method, path, body, "")
	if err != nil {
		l.Fatal(method, path, err)
	}
	if answer.Type != api.AsyncResponse {
		return
	}
	op, err := answer.MetadataAsOperation()
	if err != nil {
		l.Fatal(err)
	}
	answer, _, err = l.server.RawQuery(http.MethodGet, "/1.0/operations/"+op.ID+"/wait", nil, "")
	if err != nil {
		l.Fatal(method, path, err)
	}
	if op, err = answer.MetadataAsOperation(); err != nil || op.Err != "" {
		l.Fatal(method, path, err, op.Err)
	}
}

func where(name pool.InstanceName, below string) string {
	return "/1.0/instances/" + url.PathEscape(string(name)) + below
}

func (l lxc) get(name pool.InstanceName) *api.Instance {
	l.Helper()
	in, _, err := l.server.GetInstance(string(name))
	if err != nil {
		l.Fatal(err)
	}
	return in
}

func (l lxc) snapshots(name pool.InstanceName) []string {
	l.Helper()
	names, err := l.server.GetInstanceSnapshotNames(string(name))
	if err != nil {
		l.Fatal(err)
	}
	return names
}

// set changes config keys; "" removes one.
func (l lxc) set(name pool.InstanceName, config map[string]string) {
	l.Helper()
	l.ask(http.MethodPatch, where(name, ""), map[string]any{"config": config})
}

func (l lxc) state(name pool.InstanceName, action string) {
	l.Helper()
	l.ask(http.MethodPut, where(name, "/state"), api.InstanceStatePut{Action: action, Force: true, Timeout: -1})
}

func (l lxc) snapshot(name pool.InstanceName, as string) {
	l.Helper()
	l.ask(http.MethodPost, where(name, "/snapshots"), api.InstanceSnapshotsPost{Name: as})
}

// operations are those under way on an instance, by what they do.
func (l lxc) operations(name pool.InstanceName) (list []string) {
	l.Helper()
	all, err := l.server.GetOperations()
	if err != nil {
		l.Fatal(err)
	}
	for _, op := range all {
		for _, path := range op.Resources["instances"] {
			if strings.HasSuffix(path, "/"+string(name)) && !op.StatusCode.IsFinal() {
				list = append(list, op.Description)
			}
		}
	}
	return list
}
