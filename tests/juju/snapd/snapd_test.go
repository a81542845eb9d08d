package snapd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/juju/juju/lxd-pool-tests/programs"
	"github.com/juju/juju/lxd-pool-tests/snapd"
)

// built is the directory of the programs.
var built string

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "snapd"); err == nil {
		for _, pkg := range []string{"./cmd/lxd-poold", "./hooks"} {
			if _, err = programs.Ours(built, pkg); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(built)
	os.Exit(code)
}

// user asks the snapd of a machine.
type user struct {
	t *testing.T
	*snapd.Machine
}

func machine(t *testing.T, opts snapd.Options) user {
	t.Parallel()
	opts.Programs = built
	return user{t, snapd.New(t, opts)}
}

type answer struct {
	Type   string          `json:"type"`
	Code   int             `json:"status-code"`
	Result json.RawMessage `json:"result"`
	Change string          `json:"change"`
}

func (u user) client(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(u.Root, socket))
	}}}
}

func (u user) ask(ctx context.Context, method, path, body string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://snapd"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		u.t.Fatal(err)
	}
	response, err := u.client("run/snapd.socket").Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	var a answer
	return a, json.NewDecoder(response.Body).Decode(&a)
}

// must asks, and wants an answer that is no error.
func (u user) must(method, path, body string) answer {
	u.t.Helper()
	a, err := u.ask(u.t.Context(), method, path, body)
	if err != nil || a.Type == "error" {
		u.t.Fatalf("%s %s: %s, %v", method, path, a.Result, err)
	}
	return a
}

// refused asks, and wants to be refused in a certain way.
func (u user) refused(method, path, body string, code int, kind string) {
	u.t.Helper()
	a, err := u.ask(u.t.Context(), method, path, body)
	var why struct{ Kind, Message string }
	if err == nil {
		err = json.Unmarshal(a.Result, &why)
	}
	if err != nil || a.Code != code || why.Kind != kind || why.Message == "" {
		u.t.Errorf("%s %s is answered with %+v (%s), %v", method, path, why, a.Result, err)
	}
}

// do has something changed and returns the error of the change.
func (u user) do(method, path, body string) string {
	u.t.Helper()
	a := u.must(method, path, body)
	if a.Type != "async" || a.Code != http.StatusAccepted {
		u.t.Fatalf("%s %s is %+v", method, path, a)
	}
	u.Wait()
	var c struct {
		Ready  bool
		Status string
		Err    string
	}
	if err := json.Unmarshal(u.must("GET", "/v2/changes/"+a.Change, "").Result, &c); err != nil {
		u.t.Fatal(err)
	}
	if !c.Ready || (c.Err == "") != (c.Status == "Done") {
		u.t.Errorf("the change is %+v", c)
	}
	return c.Err
}

func (u user) well(method, path, body string) {
	u.t.Helper()
	if failed := u.do(method, path, body); failed != "" {
		u.t.Fatalf("%s %s: %s", method, path, failed)
	}
}

// install installs the snap and connects it.
func (u user) install() {
	u.t.Helper()
	u.well("POST", "/v2/snaps/lxd-pool", `{"action":"install","channel":"edge"}`)
	u.well("PUT", "/v2/snaps/lxd-pool/conf", `{"image":"busybox","size":1}`)
	u.well("POST", "/v2/interfaces", `{"action":"connect","plugs":[{"snap":"lxd-pool","plug":"lxd"}],"slots":[{"snap":"lxd","slot":"lxd"}]}`)
}

type info struct {
	Channel string `json:"tracking-channel"`
	Hold    string
	Apps    []struct {
		Name            string
		Enabled, Active bool
	}
}

func (u user) info() (i info) {
	u.t.Helper()
	if err := json.Unmarshal(u.must("GET", "/v2/snaps/lxd-pool", "").Result, &i); err != nil {
		u.t.Fatal(err)
	}
	return i
}

// serves says whether the daemon answers. It may have been started just now.
func (u user) serves() bool {
	for late := time.Now().Add(20 * time.Second); time.Now().Before(late); {
		answer, err := u.client("var/snap/lxd-pool/common/api/unix.socket").Get("http://lxd-pool/1.0")
		if err == nil {
			answer.Body.Close()
			return true
		}
		<-time.After(20 * time.Millisecond)
	}
	return false
}

func TestASnapIsInstalledConfiguredConnectedHeldAndRemoved(t *testing.T) {
	u := machine(t, snapd.Options{})
	u.refused("GET", "/v2/snaps/lxd-pool", "", 404, "snap-not-found")
	u.refused("POST", "/v2/snaps/lxd-pool", `{"action":"remove"}`, 400, "snap-not-installed")
	u.install()
	if i := u.info(); i.Channel != "latest/edge" || !i.Apps[0].Active || !i.Apps[0].Enabled {
		t.Errorf("it is %+v", i)
	}
	if !u.serves() {
		t.Error("the daemon does not answer")
	}
	u.refused("POST", "/v2/snaps/lxd-pool", `{"action":"install"}`, 400, "snap-already-installed")
	u.refused("POST", "/v2/snaps/lxd-pool", `{"action":"refresh","channel":"edge"}`, 400, "snap-no-update-available")
	u.refused("POST", "/v2/snaps/lxd-pool", `{"action":"hold","time":"forever"}`, 400, "")
	u.well("POST", "/v2/snaps/lxd-pool", `{"action":"hold","time":"forever","hold-level":"general"}`)
	u.well("POST", "/v2/snaps/lxd-pool", `{"action":"refresh","channel":"2/candidate"}`)
	if i := u.info(); i.Channel != "2/candidate" || i.Hold == "" {
		t.Errorf("it is %+v", i)
	}
	u.well("POST", "/v2/apps", `{"action":"stop","names":["lxd-pool.daemon"],"disable":true}`)
	if i := u.info(); i.Apps[0].Active || i.Apps[0].Enabled {
		t.Errorf("it is %+v", i)
	}
	u.well("POST", "/v2/apps", `{"action":"start","names":["lxd-pool.daemon"],"enable":true}`)
	if !u.serves() {
		t.Error("the daemon does not answer")
	}
	u.well("POST", "/v2/snaps/lxd-pool", `{"action":"remove","purge":true}`)
	if left := u.Instances(); len(left) > 0 {
		t.Errorf("the removed snap leaves %v", left)
	}
	if _, err := os.Stat(filepath.Join(u.Root, "var/snap/lxd-pool")); err == nil {
		t.Error("its data is still there")
	}
}

func TestAValueThatCannotBeIsRefusedInTheWordsOfSnapdAndChangesNothing(t *testing.T) {
	u := machine(t, snapd.Options{})
	u.install()
	const want = "cannot perform the following tasks:\n" +
		`- Run configure hook of "lxd-pool" snap (run hook "configure": cannot use size="abc": it must be a whole number)`
	if got := u.do("PUT", "/v2/snaps/lxd-pool/conf", `{"size":"abc","max":9}`); got != want {
		t.Errorf("it is refused with %q", got)
	}
	if got := u.do("PUT", "/v2/snaps/lxd-pool/conf", `{"a_b":1}`); !strings.Contains(got, `invalid option name: "a_b"`) {
		t.Errorf("it is refused with %q", got)
	}
	if got := fmt.Sprint(u.Conf()); got != "map[image:busybox size:1]" {
		t.Errorf("it is set to %s", got)
	}
	u.well("PUT", "/v2/snaps/lxd-pool/conf", `{"size":null,"config":{"limits":{"cpu":"2"}}}`)
	if got := fmt.Sprint(u.Conf()); got != "map[config:map[limits:map[cpu:2]] image:busybox]" {
		t.Errorf("it is set to %s", got)
	}
}

func TestADaemonThatCrashesIsStartedAgain(t *testing.T) {
	u := machine(t, snapd.Options{})
	u.install()
	if !u.serves() {
		t.Fatal("the daemon does not answer")
	}
	u.Kill()
	if !u.info().Apps[0].Active || !u.serves() {
		t.Error("it is not there again")
	}
}

func TestAChangeGoesOnWithoutTheOneWhoAskedAndKeepsOthersOut(t *testing.T) {
	u := machine(t, snapd.Options{})
	ctx, leave := context.WithCancel(t.Context())
	asked := make(chan error)
	go func() {
		_, err := u.ask(ctx, "POST", "/v2/snaps/lxd-pool", `{"action":"install"}`)
		asked <- err
	}()
	leave()
	<-asked
	if u.Wait(); len(u.Changes()) == 0 { // it left before snapd had heard it
		u.well("POST", "/v2/snaps/lxd-pool", `{"action":"install"}`)
	}
	if !slices.Contains(u.Snaps(), "lxd-pool") || !u.serves() {
		t.Error("the snap is not installed")
	}
	free := u.Occupy("lxd-pool")
	u.refused("PUT", "/v2/snaps/lxd-pool/conf", `{"size":2}`, 409, "snap-change-conflict")
	u.refused("POST", "/v2/snaps/lxd-pool", `{"action":"remove"}`, 409, "snap-change-conflict")
	free()
	u.well("PUT", "/v2/snaps/lxd-pool/conf", `{"size":2}`)
}

func TestAnInstallThatFailsLeavesNothing(t *testing.T) {
	u := machine(t, snapd.Options{})
	u.Refuse("lxd-pool", "snap-channel-not-available")
	u.refused("POST", "/v2/snaps/lxd-pool", `{"action":"install","channel":"9/stable"}`, 404, "snap-channel-not-available")
	u.Spoil("lxd-pool", `Download snap "lxd-pool" (1) from channel "stable" (unexpected EOF)`)
	if got := u.do("POST", "/v2/snaps/lxd-pool", `{"action":"install"}`); !strings.Contains(got, "unexpected EOF") {
		t.Errorf("it failed with %q", got)
	}
	if snaps := u.Snaps(); !slices.Equal(snaps, []string{"lxd"}) {
		t.Errorf("there are %v", snaps)
	}
	u.install()
}

func TestSnapsRunWhileSnapdDoesNot(t *testing.T) {
	u := machine(t, snapd.Options{})
	u.install()
	u.Down()
	if _, err := u.ask(t.Context(), "GET", "/v2/snaps/lxd-pool", ""); err == nil {
		t.Error("snapd answers")
	}
	if !u.serves() {
		t.Error("the daemon does not answer")
	}
	u.Up()
	u.well("PUT", "/v2/snaps/lxd-pool/conf", `{"size":2}`)
}
