package world

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
	"github.com/juju/juju/lxd-pool-tests/snapd"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// api is what a unit of lxd-pool says of its daemon.
type api struct {
	URL string `json:"url"`
	CA  string `json:"ca"`
}

func (w *world) api(app, unit string) api {
	w.t.Helper()
	var a api
	if err := json.Unmarshal([]byte(w.Bag(w.RelationID(app+":pool", "lxd-pool:lease"), unit)["api"]), &a); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// trusted asks the API as somebody who trusts what the relation says, and returns
// who has signed its certificate.
func (w *world) trusted(a api) string {
	w.t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(a.CA)) {
		w.t.Fatalf("there is no certificate in %q", a.CA)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}}}
	answer, err := client.Get(a.URL + "/1.0")
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.TLS.PeerCertificates[0].Issuer.CommonName
}

func TestTheCertificateIsThatOfTheAuthorityOnceThereIsOne(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(1, nil)
	w.deployWeb("web", 1, nil)
	w.settle()
	if by := w.trusted(w.api("web", "lxd-pool/0")); by != "lxd-pool-0" {
		t.Errorf("without an authority it is signed by %q", by)
	}
	dir := t.TempDir()
	w.Deploy("authority", "testdata/authority", nil, func(string) []string { return []string{"CHARM_STATE=" + dir} })
	w.AddUnit("authority")
	w.Relate("authority:certificates", "lxd-pool:certificates")
	w.settle()
	if by := w.trusted(w.api("web", "lxd-pool/0")); by != "authority" {
		t.Errorf("with one it is signed by %q", by)
	}
	w.status("web/0", "active: 1 of 1 leases")
	w.Unrelate("authority:certificates", "lxd-pool:certificates")
	w.settle()
	if by := w.trusted(w.api("web", "lxd-pool/0")); by != "lxd-pool-0" {
		t.Errorf("when it has gone it is signed by %q", by)
	}
	if out, failure, err := w.RunAction("web/0", "run", map[string]any{"command": "hostname"}); err != nil || failure != "" {
		t.Errorf("after that the API gives %v, %s, %v", out, failure, err)
	}
}

func TestACollectorIsToldWhatToScrapeAndWhatToMakeOfIt(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(1, map[string]any{"metrics-port": 19418})
	w.Deploy("collector", "testdata/collector", nil, nil)
	w.AddUnit("collector")
	id := w.Relate("collector:cos-agent", "lxd-pool:cos-agent")
	w.settle()
	var told struct {
		Alerts struct {
			Groups []struct {
				Name  string
				Rules []struct {
					Expr   string
					Labels map[string]string
				}
			}
		} `json:"metrics_alert_rules"`
		Dashboards []string
		Jobs       []struct {
			Path   string                       `json:"metrics_path"`
			Static []struct{ Targets []string } `json:"static_configs"`
		} `json:"metrics_scrape_jobs"`
	}
	if err := json.Unmarshal([]byte(w.Bag(id, "lxd-pool/0")["config"]), &told); err != nil {
		t.Fatal(err)
	}
	if len(told.Alerts.Groups) == 0 || len(told.Jobs) != 1 || len(told.Dashboards) != 1 {
		t.Fatalf("it is told %+v", told)
	}
	for _, g := range told.Alerts.Groups {
		for _, r := range g.Rules {
			if r.Labels["juju_application"] != "lxd-pool" || strings.Contains(r.Expr, "%%") || !strings.Contains(r.Expr, `juju_application="lxd-pool"`) {
				t.Errorf("a rule is %+v", r)
			}
		}
	}
	answer, err := http.Get("http://" + told.Jobs[0].Static[0].Targets[0] + told.Jobs[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(text), "lxd_pool_instances") {
		t.Errorf("there it gets %s, %v", text, err)
	}
	packed, err := base64.StdEncoding.DecodeString(told.Dashboards[0])
	if err != nil {
		t.Fatal(err)
	}
	unpack := exec.Command("xz", "-dc")
	unpack.Stdin = bytes.NewReader(packed)
	text, err := unpack.Output()
	if err != nil || !json.Valid(text) || !strings.Contains(string(text), "charm: lxd-pool") {
		t.Errorf("the dashboard is %.100s, %v", text, err)
	}
}

func TestOneUnitManagesEachCluster(t *testing.T) {
	w := newWorld(t, model.Options{})
	for unit, cluster := range map[string]string{"lxd-pool/0": "c1", "lxd-pool/1": "c1", "lxd-pool/2": ""} {
		w.machines[unit] = snapd.New(t, snapd.Options{Programs: built.dir, Cluster: cluster})
	}
	w.deployPool(3, nil)
	w.deployWeb("web", 1, map[string]any{"count": 6})
	w.settle()
	w.status("lxd-pool/1", "active: lxd-pool/0 manages this LXD cluster")
	w.mustCount("web", map[string]int{"web/0": 6})
	w.check("web")
	if made := w.machine("lxd-pool/1").Instances(); len(made) > 0 {
		t.Errorf("the unit that stands by made %v", made)
	}
	w.SetLeader("lxd-pool/1") // also one that stands by can lead
	w.SetConfig("web", map[string]any{"count": 8})
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 8})
	w.RemoveUnit("lxd-pool/0")
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 8})
	w.check("web")
}
