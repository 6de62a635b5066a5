package results

import (
	"fmt"
	"math"
	"time"

	"guestload/results/series"
)

// Summarize gives a histogram's percentiles in milliseconds, to the microsecond.
func Summarize(h *series.Histogram) Summary {
	at := series.Percentiles(h, 50, 90, 95, 99, 99.9, 100)
	return Summary{
		P50: millis(at[0]), P90: millis(at[1]), P95: millis(at[2]), P99: millis(at[3]),
		P999: millis(at[4]), Max: millis(at[5]), Mean: math.Round(h.Mean()) / 1000,
	}
}

func millis(micros int64) float64 { return float64(micros) / 1000 }

// operations sums up the whole run, by operation.
func (r *Run) operations() map[string]Operation {
	operations := map[string]Operation{}
	for name, t := range r.Totals() {
		o := Operation{Count: t.Response.TotalCount(), Retries: t.Retries,
			Response: Summarize(t.Response), Service: Summarize(t.Service), Lag: Summarize(t.Lag)}
		for kind, f := range t.Failures {
			if o.Failures == nil {
				o.Failures, o.Waits = map[string]int64{}, map[string]Wait{}
			}
			o.Failures[kind] = f.Count
			o.Waits[kind] = Wait{Mean: meanMillis(f), Max: inMillis(f.Longest)}
		}
		operations[name] = o
	}
	return operations
}

func meanMillis(f series.Failures) float64 {
	if f.Count == 0 {
		return 0
	}
	return inMillis(f.Waited / time.Duration(f.Count))
}

// inMillis is a duration in milliseconds, to the microsecond.
func inMillis(d time.Duration) float64 { return millis(d.Round(time.Microsecond).Microseconds()) }

// FormatMillis writes milliseconds for people: 420µs, 3.1ms, 215ms, 1.98s, 12.3s, 12m5s.
func FormatMillis(ms float64) string {
	switch s := ms / 1000; {
	case ms < 0:
		return "-" + FormatMillis(-ms)
	case ms == 0:
		return "0ms"
	case ms < 0.9995:
		return fmt.Sprintf("%.0fµs", ms*1000)
	case ms < 99.95:
		return fmt.Sprintf("%.1fms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0fms", ms)
	case s < 9.995:
		return fmt.Sprintf("%.2fs", s)
	case s < 99.95:
		return fmt.Sprintf("%.1fs", s)
	case s < math.MaxInt32:
		return time.Duration(math.Round(s) * float64(time.Second)).String()
	default:
		return fmt.Sprintf("%.0fs", s)
	}
}
