package httpd

import (
	"math"
	"runtime/metrics"

	"github.com/prometheus/client_golang/prometheus"
)

// stops tells how long everybody was stopped for a collection of garbage, since
// the start. Each collection stops twice.
type stops struct{ desc *prometheus.Desc }

// stopParts are the runtime's names: of a whole stop, and of its beginning, until the
// last thread has noticed. One that the system has taken off its core notices when it
// is back: how long that takes is the system's doing, not the collector's.
var stopParts = map[string]string{
	"whole":   "/sched/pauses/total/gc:seconds",
	"waiting": "/sched/pauses/stopping/gc:seconds",
}

var stopShares = []float64{0.5, 0.99, 1}

func newStops() *stops {
	return &stops{prometheus.NewDesc("guestload_garbage_stop_seconds",
		"How long everybody was stopped to collect garbage, twice each time; waiting is the part until all threads had stopped.", []string{"part"}, nil)}
}

// Describe implements prometheus.Collector.
func (s *stops) Describe(to chan<- *prometheus.Desc) { to <- s.desc }

// Collect implements prometheus.Collector.
func (s *stops) Collect(to chan<- prometheus.Metric) {
	for part, name := range stopParts {
		read := []metrics.Sample{{Name: name}}
		metrics.Read(read)
		if read[0].Value.Kind() != metrics.KindFloat64Histogram {
			continue // another Go does not know it
		}
		count, sum, quantiles := summary(read[0].Value.Float64Histogram(), stopShares)
		to <- prometheus.MustNewConstSummary(s.desc, count, sum, quantiles, part)
	}
}

// summary sums up a histogram of the runtime's. Each value counts as the upper bound
// of its bucket, or the lower one where that is infinite.
func summary(h *metrics.Float64Histogram, shares []float64) (count uint64, sum float64, quantiles map[float64]float64) {
	ceiling := func(i int) float64 {
		if math.IsInf(h.Buckets[i+1], 1) {
			return h.Buckets[i]
		}
		return h.Buckets[i+1]
	}
	for i, n := range h.Counts {
		if count += n; n > 0 {
			sum += float64(n) * ceiling(i)
		}
	}
	quantiles = make(map[float64]float64, len(shares))
	for _, share := range shares {
		quantiles[share] = 0
		rank, seen := uint64(math.Ceil(share*float64(count))), uint64(0)
		for i, n := range h.Counts {
			if seen += n; n > 0 && seen >= rank {
				quantiles[share] = ceiling(i)
				break
			}
		}
	}
	return count, sum, quantiles
}
