package results

import (
	"slices"
	"testing"
	"time"

	"guestload/scenarios"
)

// started is when the runs of these tests began.
var started = time.Date(2026, 1, 2, 15, 4, 5, 250_000_000, time.UTC)

// times has n samples with these response, service and lag times, in µs.
func times(t *testing.T, n, response, service int64) *Times {
	t.Helper()
	to := NewTimes()
	for h, us := range map[*Histogram]int64{to.Response: response, to.Service: service, to.Lag: response - service} {
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
	failing.Failures["timeout"] = Failures{4, 8 * time.Second, 3 * time.Second}
	failing.Failures["refused"] = Failures{1, 2 * time.Millisecond, 2 * time.Millisecond}
	return Run{
		Record: Record{
			Scenario: "burst", ScenarioHash: "abc", Seed: 7, Started: started, DurationSec: 3.9,
			Environment: Environment{Commit: "c0ffee", Go: "go1.26", OS: "linux/amd64", CPU: "test", CPUs: 2, Target: "embedded", Transport: "ws", Storage: "memory"},
			Guests:      Guests{Planned: 110, Started: 110, Completed: 100, Failed: 5, Unmatched: 5},
			Violations:  []Violation{{Rule: "one-partner"}},
			Resources:   Resources{Server: &Usage{CPUSec: 0.11, RSSPeakMB: 80, CPUMsPerSession: 1}, Loadgen: &Usage{CPUSec: 0.22, RSSPeakMB: 60, CPUMsPerSession: 2}},
		},
		Seconds: []Second{
			{Second: 0, Phase: "warm-up", Warmup: true, Arrived: 10, Live: 10, Operations: map[string]*Times{}},
			{Second: 1, Phase: "burst", Arrived: 60, Live: 70, Messages: 5, Operations: map[string]*Times{"create": times(t, 100, 3_000, 2_000), "delivery": times(t, 50, 9_000, 9_000)}},
			{Second: 2, Phase: "burst", Arrived: 40, Live: 90, Done: 20, Messages: 7, Operations: map[string]*Times{"create": failing}},
			{Second: 3, Phase: "burst", Done: 90, Operations: map[string]*Times{}},
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
		h := NewHistogram()
		for us := int64(1); us <= n; us++ {
			if err := h.RecordValue(us); err != nil {
				t.Fatal(err)
			}
		}
		if got := Percentiles(h, 50, 90, 99, 99.9); !slices.Equal(got, want) {
			t.Errorf("of %d samples: %v, want %v", n, got, want)
		}
	}
	if got := Percentiles(NewHistogram(), 50, 100); !slices.Equal(got, []int64{0, 0}) {
		t.Errorf("of none: %v", got)
	}
}
