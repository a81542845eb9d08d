// Package observability has what a monitoring system is given about lxd-pool.
// Both files name only metrics of docs/reference/metrics.md.
package observability

import _ "embed"

// Topology is what stands in the expressions of [Alerts] for the labels that
// tell one application of Juju from another, as "%%juju_topology%%, code=..."
// or alone. Who hands them out puts matchers in its place.
const Topology = "%%juju_topology%%"

// Alerts are rules for Prometheus, as YAML with the key "groups".
//
//go:embed alerts.yaml
var Alerts []byte

// Dashboard is a dashboard for Grafana, as JSON.
//
//go:embed dashboard.json
var Dashboard []byte
