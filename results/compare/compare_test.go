package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"guestload/results"
	"guestload/results/series"
)

// simulate is a run of so many seconds, of 200 creations each, with log-normal
// times around a median in µs. Slow seconds come in rows: what slowed one down
// half remains in the next.
func simulate(t testing.TB, seed uint64, seconds int, median float64) results.Run {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	run := results.Run{Record: results.Record{Scenario: "burst", Seed: 1, DurationSec: float64(seconds), Guests: results.Guests{Planned: 1, Started: 1, Completed: 1}}}
	drift := 0.0
	for s := range seconds {
		drift = 0.5*drift + 0.1*random.NormFloat64()
		times := series.NewTimes()
		for range 200 {
			us := int64(median * math.Exp(drift+0.5*random.NormFloat64()))
			if err := times.Response.RecordValue(us); err != nil {
				t.Fatal(err)
			}
		}
		run.Seconds = append(run.Seconds, series.Second{Second: s, Phase: "hold", Operations: map[string]*series.Times{"create": times}})
	}
	run.Conclude(nil)
	return run
}

func compare(t *testing.T, runs ...results.Run) Comparison {
	t.Helper()
	c, err := Runs(runs...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// At 99 % one change in a hundred is found where there is none; where slow
// seconds come in rows it is nearer to two: of 600 pairs each of 12, 30, 60 and
// 240 s, 2.0, 1.9, 1.5 and 1.7 % of the percentiles were called different.
func TestNoiseIsSeldomTakenForAChange(t *testing.T) {
	const pairs = 25
	for _, seconds := range []int{12, 30} {
		judged, wrong := 0, 0
		for i := range uint64(pairs) {
			for _, r := range compare(t, simulate(t, 2*i, seconds, 3000), simulate(t, 2*i+1, seconds, 3000)).Rows {
				switch r.Changes[0].Finding {
				case Noise:
					judged++
				case Slower, Faster:
					judged, wrong = judged+1, wrong+1
				}
			}
		}
		t.Logf("%d s: of %d percentiles that did not differ %d were called different", seconds, judged, wrong)
		if judged < 4*pairs || wrong*20 > judged {
			t.Errorf("%d s: %d of %d", seconds, wrong, judged)
		}
	}
}

func TestWhatChangedIsFound(t *testing.T) {
	const pairs = 5
	found := map[string]int{}
	for i := range uint64(pairs) {
		fast, slow := simulate(t, 100+2*i, 30, 3000), simulate(t, 101+2*i, 30, 4200)
		for _, r := range compare(t, fast, slow).Rows {
			if c := r.Changes[0]; r.Kind == "response" && c.Finding == Slower && c.Low < c.Ratio && c.Ratio < c.High {
				found[r.Percentile]++
			}
		}
		for _, r := range compare(t, slow, fast).Rows {
			if r.Percentile == "p50" && r.Changes[0].Finding == Slower {
				t.Error("the faster was called slower")
			}
		}
	}
	t.Logf("of %d pairs of 30 s, 40 %% slower, were found: %v", pairs, found)
	for _, percentile := range []string{"p50", "p90", "p95", "p99"} {
		if found[percentile] < pairs-1 {
			t.Errorf("%s: found %d of %d", percentile, found[percentile], pairs)
		}
	}
}

func TestOneStallIsNoiseToTheTail(t *testing.T) {
	calm, stalled := simulate(t, 1, 30, 3000), simulate(t, 2, 30, 3000)
	if err := stalled.Seconds[15].Operations["create"].Response.RecordValues(900_000, 400); err != nil {
		t.Fatal(err)
	}
	for _, r := range compare(t, calm, stalled).Rows {
		if r.Kind == "response" && r.Percentile == "p99" && (r.Changes[0].Ratio < 10 || r.Changes[0].Finding != Noise) {
			t.Errorf("got %+v", r)
		}
	}
}

func TestTheSameRunsGiveTheSameComparison(t *testing.T) {
	runs := []results.Run{simulate(t, 1, 30, 3000), simulate(t, 2, 30, 3100), simulate(t, 3, 30, 3000)}
	a, b := compare(t, runs...), compare(t, runs...)
	if fmt.Sprint(a) != fmt.Sprint(b) || // NaN is not equal to itself
		len(a.Rows) != 10 || len(a.Rows[0].Changes) != 2 || len(a.Warnings) > 0 {
		t.Errorf("got %+v and %+v", a, b)
	}
	for _, r := range compare(t, runs[0], runs[0]).Rows {
		if c := r.Changes[0]; r.Kind == "response" && c.Ratio != 1 || c.Finding == Slower || c.Finding == Faster {
			t.Errorf("a run differs from itself: %+v", r)
		}
	}
}

func TestTooLittleIsNotJudged(t *testing.T) {
	short := simulate(t, 1, 3, 3000)
	for _, r := range compare(t, short, simulate(t, 2, 30, 9000)).Rows {
		if r.Kind == "response" && (r.Changes[0].Finding != Unclear || math.IsNaN(r.Changes[0].Ratio) || !math.IsNaN(r.Changes[0].Low)) {
			t.Errorf("three seconds: %+v", r)
		}
	}
	without := simulate(t, 3, 30, 3000)
	for i := range without.Seconds {
		without.Seconds[i].Operations = map[string]*series.Times{}
	}
	c := compare(t, short, without)
	if len(c.Rows) != 10 || !math.IsNaN(c.Rows[0].Millis[1]) || c.Rows[0].Changes[0].Finding != Unclear {
		t.Errorf("got %+v", c.Rows)
	}
	for _, runs := range [][]results.Run{nil, {short}, {short, {}}} {
		if _, err := Runs(runs...); err == nil || !strings.HasPrefix(err.Error(), "compare run records: ") {
			t.Errorf("got %v", err)
		}
	}
}

func TestRoundingIsNoChange(t *testing.T) {
	at := func(us int64) results.Run {
		run := results.Run{}
		for s := range 30 {
			run.Seconds = append(run.Seconds, series.Second{Second: s, Phase: "hold", Operations: map[string]*series.Times{"create": times(t, 1000, us, us)}})
		}
		return run
	}
	for _, c := range []struct {
		a, b int64
		want Finding
	}{{5, 6, Noise}, {5, 8, Slower}, {100_000, 100_150, Noise}, {100_000, 101_000, Slower}, {101_000, 100_000, Faster}} {
		if got := compare(t, at(c.a), at(c.b)).Rows[0].Changes[0]; got.Finding != c.want {
			t.Errorf("%d to %d µs: %+v", c.a, c.b, got)
		}
	}
}

func TestPhasesAreNotTakenForNoise(t *testing.T) {
	staged := func(seed uint64, median float64) results.Run {
		calm, busy := simulate(t, seed, 30, median), simulate(t, seed+1, 30, 20*median)
		for i, s := range busy.Seconds {
			s.Second, s.Phase = 30+i, "peak"
			calm.Seconds = append(calm.Seconds, s)
		}
		return calm
	}
	for _, r := range compare(t, staged(1, 3000), staged(5, 4200)).Rows {
		if r.Kind == "response" && r.Percentile == "p90" && r.Changes[0].Finding != Slower {
			t.Errorf("got %+v", r)
		}
	}
}

func TestLongPhasesAreCutIntoNoMoreBlocksThanItTakes(t *testing.T) {
	for _, c := range []struct{ seconds, units, block int }{{1, 1, 1}, {8, 8, 2}, {30, 30, 7}, {120, 120, 10}, {121, 61, 5}, {3600, 120, 2}} {
		run := results.Run{}
		for s := range c.seconds {
			run.Seconds = append(run.Seconds, series.Second{Second: s, Operations: map[string]*series.Times{"create": times(t, 1, 1000, 1000)}})
		}
		strata, values := cut(run.Seconds, "create", 0)
		if len(strata) != 1 || len(strata[0].units) != c.units || strata[0].block != c.block || len(values) != 1 {
			t.Errorf("%d s: %d strata of %d units, blocks of %d", c.seconds, len(strata), len(strata[0].units), strata[0].block)
		}
		counts := make([]int64, 1)
		strata[0].draw(rand.New(rand.NewPCG(1, 1)), counts)
		if c.seconds%c.units == 0 && counts[0] != int64(c.seconds) {
			t.Errorf("%d s: drew %d", c.seconds, counts[0])
		}
	}
}

func TestWhatDiffersBesidesIsSaid(t *testing.T) {
	a, b := simulate(t, 1, 10, 3000), simulate(t, 1, 10, 3000)
	b.Record.Environment.CPUs, b.Record.Seed = 8, 2
	b.Record.Invalid = []string{"the generator was late"}
	want := []string{"the seed differs: 1 and 2", "the number of processors differs: 0 and 8", "B is invalid: the generator was late"}
	if c := compare(t, a, b); !slices.Equal(c.Warnings, want) {
		t.Errorf("got %q", c.Warnings)
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, seconds := range []int{30, 3600} {
		x, y := simulate(b, 1, seconds, 3000), simulate(b, 2, seconds, 3000)
		b.Run(fmt.Sprint(seconds, "s"), func(b *testing.B) {
			for b.Loop() {
				if _, err := Runs(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// times are n samples of the same response and service time, in µs.
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
