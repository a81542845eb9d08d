package charm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/ulikunitz/xz"
	"go.yaml.in/yaml/v3"

	"github.com/lxd-pool/lxd-pool/charm/observability"
)

// observed is what a unit says in the interface cos_agent, under one key.
type observed struct {
	Alerts     json.RawMessage `json:"metrics_alert_rules"`
	LogAlerts  map[string]any  `json:"log_alert_rules"`
	Dashboards []string        `json:"dashboards"`
	Jobs       []scrapeJob     `json:"metrics_scrape_jobs"`
	LogSlots   []string        `json:"log_slots"`
}

type scrapeJob struct {
	Name   string         `json:"job_name"`
	Path   string         `json:"metrics_path"`
	Static []scrapeTarget `json:"static_configs"`
}

type scrapeTarget struct {
	Targets []string `json:"targets"`
}

// observe tells the collector on this machine what to scrape, and what to make of it.
func (u *unit) observe(ctx context.Context) error {
	ids := u.observers
	if len(ids) == 0 {
		return nil
	}
	text, err := u.observed()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := u.Tools.SetBag(ctx, id, map[string]string{"config": text}); err != nil {
			return err
		}
	}
	return nil
}

func (u *unit) observed() (string, error) {
	alerts, err := u.alerts()
	if err != nil {
		return "", err
	}
	dashboard, err := pack(observability.Dashboard)
	if err != nil {
		return "", err
	}
	target := net.JoinHostPort("localhost", strconv.Itoa(u.serving.MetricsPort))
	sum := sha256.Sum256([]byte(target))
	text, err := json.Marshal(observed{
		Alerts: alerts, LogAlerts: map[string]any{}, Dashboards: []string{dashboard}, LogSlots: []string{},
		Jobs: []scrapeJob{{Name: u.application() + "_" + hex.EncodeToString(sum[:4]), Path: "/metrics", Static: []scrapeTarget{{[]string{target}}}}},
	})
	return string(text), err
}

// alerts are the rules, each with what tells this application from others.
func (u *unit) alerts() (json.RawMessage, error) {
	var rules struct {
		Groups []struct {
			Name  string           `json:"name" yaml:"name"`
			Rules []map[string]any `json:"rules" yaml:"rules"`
		} `json:"groups" yaml:"groups"`
	}
	if err := yaml.Unmarshal(observability.Alerts, &rules); err != nil {
		return nil, fmt.Errorf("cannot read the alert rules: %w", err)
	}
	for i := range rules.Groups {
		g := &rules.Groups[i]
		g.Name = fmt.Sprintf("%s_%s_%s", u.Event.Model, u.application(), g.Name)
		for _, rule := range g.Rules {
			if expr, ok := rule["expr"].(string); ok {
				rule["expr"] = strings.ReplaceAll(expr, observability.Topology, u.topology())
			}
			labels, _ := rule["labels"].(map[string]any)
			if labels == nil {
				labels = map[string]any{}
			}
			maps.Copy(labels, u.labels())
			rule["labels"] = labels
		}
	}
	return json.Marshal(rules)
}

// labels tell this application from others.
func (u *unit) labels() map[string]any {
	return map[string]any{"juju_model": u.Event.Model, "juju_model_uuid": u.Event.ModelUUID, "juju_application": u.application(), "juju_charm": "lxd-pool"}
}

// topology are the labels as matchers in an expression.
func (u *unit) topology() string {
	var matchers []string
	labels := u.labels()
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		matchers = append(matchers, fmt.Sprintf("%s=%q", k, labels[k]))
	}
	return strings.Join(matchers, ",")
}

// pack compresses a dashboard as the interface has it.
func pack(text []byte) (string, error) {
	var packed bytes.Buffer
	w, err := xz.NewWriter(&packed)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}
