package results

import (
	"slices"
	"testing"
	"time"

	"guestload/results/series"
	"guestload/scenarios"
)

// started is when the runs of these tests began.
var started = time.Date(2026, 1, 2, 15, 4, 5, 250_000_000, time.UTC)

// times has n samples with these response, service and lag times, in µs.
func times(t *testing.T, n, response, service int64) *series.Times {
	t.Helper()
	to := series.NewTimes()
	for h, us := range map[*series.Histogram]int64{to.Response: response, to.Service: service, to.Lag: response - service} {
		if err := h.RecordValues(us, n); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// play is a run of four seconds, the first of them warm-up.
func play(t *testing.T) Run {
	t.Helper()
	failing := times(t, 100, 40_000, 2_000)
	failing.Failures["timeout"] = series.Failures{Count: 4, Waited: 8 * time.Second, Longest: 3 * time.Second}
	failing.Failures["refused"] = series.Failures{Count: 1, Waited: 2 * time.Millisecond, Longest: 2 * time.Millisecond}
	return Run{
		Record: Record{
			Scenario: "burst", ScenarioHash: "abc", Seed: 7, Started: started, DurationSec: 3.9,
			Environment: Environment{Commit: "c0ffee", Go: "go1.26", OS: "linux/amd64", CPU: "test", CPUs: 2, Target: "embedded", Transport: "ws", Storage: "memory"},
			Guests:      Guests{Planned: 110, Started: 110, Completed: 100, Failed: 5, Unmatched: 5},
			Violations:  []Violation{{Rule: "one-partner"}},
			Resources:   Resources{Server: &Usage{CPUSec: 0.11, RSSPeakMB: 80, CPUMsPerSession: 1}, Loadgen: &Usage{CPUSec: 0.22, RSSPeakMB: 60, CPUMsPerSession: 2}},
		},
		Seconds: []series.Second{
			{Second: 0, Phase: "warm-up", Warmup: true, Arrived: 10, Live: 10, Operations: map[string]*series.Times{}},
			{Second: 1, Phase: "burst", Arrived: 60, Live: 70, Messages: 5, Operations: map[string]*series.Times{"create": times(t, 100, 3_000, 2_000), "delivery": times(t, 50, 9_000, 9_000)}},
			{Second: 2, Phase: "burst", Arrived: 40, Live: 90, Done: 20, Messages: 7, Operations: map[string]*series.Times{"create": failing}},
			{Second: 3, Phase: "burst", Done: 90, Operations: map[string]*series.Times{}},
		},
	}
}

// parse reads threshold expressions.
func parse(t *testing.T, expressions ...string) []scenarios.Threshold {
	t.Helper()
	var parsed []scenarios.Threshold
	for _, e := range expressions {
		threshold, err := scenarios.ParseThreshold(e)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, threshold)
	}
	return parsed
}

func TestPercentilesAreNotExceededByMore(t *testing.T) {
	for n, want := range map[int64][]int64{
		1: {1, 1, 1, 1}, 6: {3, 6, 6, 6}, 66: {33, 60, 66, 66}, 100: {50, 90, 99, 100}, 1000: {500, 900, 990, 999},
	} {
		h := series.NewHistogram()
		for us := int64(1); us <= n; us++ {
			if err := h.RecordValue(us); err != nil {
				t.Fatal(err)
			}
		}
		if got := series.Percentiles(h, 50, 90, 99, 99.9); !slices.Equal(got, want) {
			t.Errorf("of %d samples: %v, want %v", n, got, want)
		}
	}
	if got := series.Percentiles(series.NewHistogram(), 50, 100); !slices.Equal(got, []int64{0, 0}) {
		t.Errorf("of none: %v", got)
	}
}
