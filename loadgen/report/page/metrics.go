package page

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"guestload/results/series"
)

// bounds of the buckets that Prometheus is given, in microseconds. They are
// cut from the exact histograms when it asks.
var bounds = [...]int64{100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000,
	250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000}

// metrics serves the run's metrics, and those of the generator's own process.
func (l *Live) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(l), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector reads a run at the moment when it is asked.
type collector struct {
	live                                                     *Live
	run, planned, arrived, done, here, unmatched, messages   *prometheus.Desc
	violations, failures, response, service, cores, resident *prometheus.Desc
}

func newCollector(l *Live) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("guestload_"+name, help, labels, nil)
	}
	return &collector{
		live:       l,
		run:        desc("run_info", "The run, 1 while it goes on and 0 when it has ended.", "scenario", "seed", "target"),
		planned:    desc("guests_planned", "Guests that the run plans."),
		arrived:    desc("guests_arrived_total", "Guests who arrived."),
		done:       desc("guests_done_total", "Guests who finished, however they fared."),
		here:       desc("guests_live", "Guests who are there."),
		unmatched:  desc("guests_unmatched_total", "Guests who found no partner in time."),
		messages:   desc("messages_total", "Chat messages sent."),
		violations: desc("violations_total", "Breaches of the contract seen."),
		failures:   desc("failures_total", "Operations that failed; they are in no histogram.", "operation", "kind"),
		response:   desc("response_seconds", "Response time, from when an operation was due.", "operation"),
		service:    desc("service_seconds", "Service time, from when an operation was sent.", "operation"),
		cores:      desc("process_cores", "CPU time that a process used in the last second.", "process"),
		resident:   desc("process_resident_bytes", "Memory of a process.", "process"),
	}
}

// Describe tells which metrics there are.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.run, c.planned, c.arrived, c.done, c.here, c.unmatched, c.messages,
		c.violations, c.failures, c.response, c.service, c.cores, c.resident} {
		to <- d
	}
}

// Collect tells how they stand.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	l := c.live
	l.mu.Lock()
	state, all, use, record, ended := l.mu.state, l.mu.all, l.mu.use, l.mu.start.Record, l.mu.ended
	l.mu.Unlock() // what was taken is replaced, never changed
	goesOn := 1.0
	if ended {
		goesOn = 0
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(c.run, goesOn, plain(record.Scenario), strconv.FormatUint(record.Seed, 10), plain(record.Environment.Target))
	gauge(c.planned, float64(state.Planned))
	gauge(c.here, float64(all.Live))
	counter(c.arrived, float64(all.Arrived))
	counter(c.done, float64(all.Done))
	counter(c.unmatched, float64(state.Unmatched))
	counter(c.messages, float64(all.Messages))
	counter(c.violations, float64(state.Violations))
	for name, t := range all.Operations {
		for kind, f := range t.Failures {
			counter(c.failures, float64(f.Count), plain(name), plain(kind))
		}
		to <- buckets(c.response, name, t.Response)
		to <- buckets(c.service, name, t.Service)
	}
	for name, u := range use {
		gauge(c.cores, u.Cores, plain(name))
		gauge(c.resident, u.MemoryMB*1e6, plain(name))
	}
}

// buckets cuts a histogram to the buckets of Prometheus, in seconds.
func buckets(d *prometheus.Desc, operation string, h *series.Histogram) prometheus.Metric {
	cumulative := make(map[float64]uint64, len(bounds))
	for _, bound := range bounds {
		cumulative[seconds(bound)] = 0
	}
	h.ForEachBucket(func(us, count int64) bool {
		for _, bound := range bounds {
			if us <= bound {
				cumulative[seconds(bound)] += uint64(count)
			}
		}
		return true
	})
	n := h.TotalCount()
	return prometheus.MustNewConstHistogram(d, uint64(n), h.Mean()*float64(n)/1e6, cumulative, plain(operation))
}

func seconds(micros int64) float64 { return float64(micros) / 1e6 }

// plain is text that a label can hold.
func plain(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
