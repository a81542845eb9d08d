package server

import (
	"context"
	"net/http"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func (s *Server) getMetrics(r *request) error {
	s.metrics.ServeHTTP(r.w, r.Request)
	return nil
}

// metricsAlone is a site that has the figures and no other page.
func metricsAlone(figures http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(api.OpGetMetrics.Route().Method+" "+api.OpGetMetrics.Route().Path, figures)
	return mux
}

// NewCollector returns the figures of a manager for Prometheus. They are read
// from the engine at every scrape, from where the grants themselves are decided.
func NewCollector(m *pool.Manager) prometheus.Collector { return collector{m} }

func newMetrics(m *pool.Manager) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(NewCollector(m), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// scrapeTime is how long the engine may take for its figures.
const scrapeTime = 10 * time.Second

type collector struct{ manager *pool.Manager }

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("lxd_pool_"+name, help, append([]string{"pool"}, labels...), nil)
}

var (
	instancesDesc = metric("instances", "Instances that exist, by state of their life.", "state")
	waitingDesc   = metric("waiting", "Instances that waiting requests ask for.")
	outdatedDesc  = metric("outdated_instances", "Instances made from an older spec or image.")
	heldDesc      = metric("held_instances", "Instances kept for a look.")
	hitsDesc      = metric("hits_total", "Leases granted out of what was ready at once.")
	missesDesc    = metric("misses_total", "Leases granted after a wait.")
	leakedDesc    = metric("leaked_instances_total", "Instances deleted that nobody remembered.")
	commitsDesc   = metric("journal_commits_total", "Commits to the journal.")
	reopenedDesc  = metric("journal_reopened_total", "Times the journal was opened again after a failed commit.")
	refusedDesc   = metric("refused_total", "Acquires that got an error, by its code.", "code")
	endedDesc     = metric("leases_ended_total", "Leases that ended, by cause.", "cause")
	failuresDesc  = metric("failures_total", "Failed work on instances, by verb.", "verb")
	deletedDesc   = metric("deleted_instances_total", "Instances that went, by reason.", "reason")
	grantDesc     = metric("time_to_grant_seconds", "Time from acquire to grant.")
	readyDesc     = metric("time_to_ready_seconds", "Time from the order to make an instance until it was ready.")
	recycleDesc   = metric("recycle_seconds", "Time from the end of a lease until its instance was clean or gone.")
)

func (collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		instancesDesc, waitingDesc, outdatedDesc, heldDesc, hitsDesc, missesDesc, leakedDesc, commitsDesc, reopenedDesc,
		refusedDesc, endedDesc, failuresDesc, deletedDesc, grantDesc, readyDesc, recycleDesc,
	} {
		to <- d
	}
}

func (c collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	all, err := c.manager.Stats(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(instancesDesc, err)
		return
	}
	for name, stats := range all {
		sheet{to, string(name)}.write(stats)
	}
}

// sheet writes the figures of one pool.
type sheet struct {
	to   chan<- prometheus.Metric
	pool string
}

func (s sheet) write(stats *pool.Stats) {
	s.counts(stats.Counts)
	s.counter(hitsDesc, stats.Hits)
	s.counter(missesDesc, stats.Misses)
	s.counter(leakedDesc, stats.Leaked)
	s.counter(commitsDesc, stats.Commits)
	s.counter(reopenedDesc, stats.Reopened)
	counters(s, refusedDesc, stats.Refused)
	counters(s, endedDesc, stats.Ended)
	counters(s, failuresDesc, stats.Failures)
	counters(s, deletedDesc, stats.Deleted)
	s.histogram(grantDesc, stats.ToGrant)
	s.histogram(readyDesc, stats.ToReady)
	s.histogram(recycleDesc, stats.ToRecycle)
}

func (s sheet) counts(c pool.Counts) {
	for state, n := range map[pool.State]int{
		pool.Creating: c.Creating, pool.Spare: c.Spare, pool.Starting: c.Starting, pool.Ready: c.Ready,
		pool.Leased: c.Leased, pool.Resetting: c.Resetting, pool.Deleting: c.Deleting,
	} {
		s.gauge(instancesDesc, n, state.String())
	}
	s.gauge(waitingDesc, c.Waiting)
	s.gauge(outdatedDesc, c.Outdated)
	s.gauge(heldDesc, c.Held)
}

func (s sheet) gauge(d *prometheus.Desc, n int, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), append([]string{s.pool}, labels...)...)
}

func (s sheet) counter(d *prometheus.Desc, n uint64, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{s.pool}, labels...)...)
}

func counters[K ~string](s sheet, d *prometheus.Desc, by map[K]uint64) {
	for label, n := range by {
		s.counter(d, n, string(label))
	}
}

func (s sheet) histogram(d *prometheus.Desc, h pool.Histogram) {
	below, buckets := uint64(0), make(map[float64]uint64, len(h.Bounds))
	for i, bound := range h.Bounds {
		below += h.Counts[i]
		buckets[bound] = below
	}
	if n := len(h.Bounds); n < len(h.Counts) {
		below += h.Counts[n]
	}
	s.to <- prometheus.MustNewConstHistogram(d, below, h.Sum, buckets, s.pool)
}
