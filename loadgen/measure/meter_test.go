package measure

import (
	"context"
	"math"
	"runtime/metrics"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guestload/results/series"
)

func TestMeterSeesHowLateGuestsStarted(t *testing.T) {
	m := NewMeter()
	for i := range 100 {
		late := ms
		if i >= 98 {
			late = 50 * ms
		}
		m.Started(time.Second, time.Second+late)
	}
	m.Started(time.Second, time.Second-1)
	m.Started(0, series.Highest+time.Second)
	h := m.Health()
	if h.Starts.Count != 100 || h.Early != 1 || h.Lost != 1 {
		t.Errorf("counted %d, early %d, lost %d", h.Starts.Count, h.Early, h.Lost)
	}
	if h.Starts.P50.Round(ms) != ms || h.Starts.P99.Round(ms) != 50*ms || h.Starts.Max.Round(ms) != 50*ms {
		t.Errorf("got %+v", h.Starts)
	}
	if h.Parallelism < 1 || h.CPUShare < 0 {
		t.Errorf("got %+v", h)
	}
}

func TestWatchProbesUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter()
		ctx, cancel := context.WithTimeout(t.Context(), 1005*ms)
		defer cancel()
		m.Watch(ctx, nil)
		if h := m.Health(); h.Probes.Count != 100 || h.Probes.Max != 0 {
			t.Errorf("got %+v", h.Probes)
		}
	})
}

func TestRuntimeHistogramsAreReadBetweenTwoReadings(t *testing.T) {
	bounds := []float64{0, 0.001, 0.002, math.Inf(1)}
	before := &metrics.Float64Histogram{Counts: []uint64{7, 1, 0}, Buckets: bounds}
	after := &metrics.Float64Histogram{Counts: []uint64{7, 100, 1}, Buckets: bounds}
	got := since(before, after)
	if want := (Lateness{100, 2 * ms, 2 * ms, 2 * ms}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := since(after, after); got != (Lateness{}) {
		t.Errorf("nothing happened, got %+v", got)
	}
}

// fetched are totals with n samples of fetch, each of that response time.
func fetched(n int, response time.Duration) Totals {
	b := NewBook(1)
	for range n {
		b.Recorder(0).Success(sample(0, 0, response))
	}
	b.Finish(response)
	return b.Totals()
}

func TestVerdict(t *testing.T) {
	late := func(p99 time.Duration) Health {
		return Health{Starts: Lateness{5000, p99 / 10, p99, 2 * p99}, Parallelism: 2}
	}
	skewed := fetched(200, 3*ms)
	skewed.Skewed = 1
	displaced := fetched(200, 3*ms)
	displaced.Displaced = 2
	within := func(d time.Duration) Judged { return Judged{Tightest: d} }
	for _, c := range []struct {
		name             string
		h                Health
		t                Totals
		judged           Judged
		invalid, warning string // a part of the one expected; "" for none
	}{
		{"quiet", late(ms), fetched(200, 3*ms), within(100 * ms), "", ""},
		{"a few ms late, slow server", late(6 * ms), fetched(200, 90*ms), within(100 * ms), "", ""},
		{"a few ms late, fast server", late(6 * ms), fetched(200, 3*ms), within(100 * ms), "", "response(fetch) p99 3ms"},
		{"a noisy machine, held all the same", late(28 * ms), fetched(200, 40*ms), within(100 * ms), "", "may be generator lag"},
		{"a noisy machine, missed by less", late(28 * ms), fetched(200, 110*ms), Judged{100 * ms, 10 * ms}, "missed by only 10ms", ""},
		{"a noisy machine, missed by far", late(28 * ms), fetched(200, 400*ms), Judged{100 * ms, 300 * ms}, "", ""},
		{"late beyond the floor", late(60 * ms), fetched(200, 70*ms), within(100 * ms), "60ms late at the 99th percentile (worst 120ms); at most 30ms", ""},
		{"late, but judged by seconds", late(60 * ms), fetched(200, 2*time.Second), within(5 * time.Second), "", ""},
		{"late, no thresholds, slow server", late(60 * ms), fetched(200, 2*time.Second), Judged{}, "", ""},
		{"late, no thresholds, fast server", late(60 * ms), fetched(200, 80*ms), Judged{}, "at most 30ms", ""},
		{"so late that everything is slow", late(300 * ms), fetched(200, 2*time.Second), Judged{}, "at most 250ms", ""},
		{"later than any threshold excuses", late(300 * ms), fetched(200, 2*time.Second), within(10 * time.Second), "at most 250ms", ""},
		{"nothing measured", late(6 * ms), fetched(0, 0), Judged{}, "", ""},
		{"timers late while no guest starts", Health{Probes: Lateness{100, ms, 80 * ms, 90 * ms}}, fetched(200, 3*ms), Judged{}, "the generator's timers", ""},
		{"lost", Health{Lost: 1}, fetched(200, 3*ms), Judged{}, "more than 1h0m0s late", ""},
		{"early", Health{Early: 1}, fetched(200, 3*ms), Judged{}, "before they were due", ""},
		{"skewed", Health{}, skewed, Judged{}, "out of order", ""},
		{"displaced", Health{}, displaced, Judged{}, "", "neighbouring second"},
		{"busy", Health{CPUShare: 0.95, Parallelism: 2}, fetched(200, 3*ms), Judged{}, "", "95 % of its 2 cores"},
		{"paused", Health{Pauses: Lateness{Max: 40 * ms}}, fetched(200, 3*ms), Judged{}, "", "up to 40ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			invalid, warnings := Verdict(c.h, c.t, c.judged)
			check := func(what string, got []string, want string) {
				if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
					t.Errorf("%s: got %q, want %q", what, got, want)
				}
			}
			check("invalid", invalid, c.invalid)
			check("warnings", warnings, c.warning)
		})
	}
}

func TestWatchTellsHowLateTimersFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter()
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		var most time.Duration
		m.Watch(ctx, func(late time.Duration) {
			if most = max(most, late); late == 0 && most == 0 {
				time.Sleep(4500 * ms) // so much the next one is late
			}
		})
		if h := m.Health(); most != 4500*ms || h.Probes.Max < 4490*ms {
			t.Errorf("told of %v, noted %+v", most, h.Probes)
		}
	})
}

func TestAGeneratorIsLateForTheTightestThreshold(t *testing.T) {
	late := func(starts, probes time.Duration, lost int64) Health {
		return Health{Starts: Lateness{P99: starts}, Probes: Lateness{P99: probes}, Lost: lost}
	}
	for _, tt := range []struct {
		health   Health
		tightest time.Duration
		want     bool
	}{
		{late(LateFloor, LateFloor, 0), 0, false},
		{late(LateFloor+1, 0, 0), 0, true},
		{late(0, LateFloor+1, 0), 0, true},
		{late(0, 0, 1), 0, true},
		{late(100*time.Millisecond, 0, 0), 400 * time.Millisecond, false},
		{late(101*time.Millisecond, 0, 0), 400 * time.Millisecond, true},
		{late(LateCeiling+1, 0, 0), time.Minute, true},
	} {
		if got := Late(tt.health, Totals{}, tt.tightest); got != tt.want {
			t.Errorf("%+v, tightest %v: %v", tt.health, tt.tightest, got)
		}
		if invalid, _ := Verdict(tt.health, Totals{}, Judged{Tightest: tt.tightest}); (len(invalid) > 0) != tt.want {
			t.Errorf("%+v, tightest %v: invalid %q", tt.health, tt.tightest, invalid)
		}
	}
}
