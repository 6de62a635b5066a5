package gate

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// countPolicy gates three counts, and CPU time beside them.
func countPolicy() Policy {
	p := Default()
	p.StealLimit = 0.05
	p.Counts = []Metric{
		{Name: "relay instructions", Unit: "instructions/op", Tolerance: 0.005, Operations: 1000, Spread: 0.001, Reason: "tested"},
		{Name: "fetch instructions", Unit: "instructions/op", Tolerance: 0.01, Operations: 1000, Spread: 0.003, Reason: "tested"},
		{Name: "fetch writes", Unit: "write/op", Tolerance: 0.01, Operations: 1000, Spread: 0.001, Reason: "tested"},
	}
	p.Metrics = []Metric{{Name: "relay cpu", Unit: "cpu-ns/op", Tolerance: 0.02, Reason: "tested"}}
	return p
}

// counted draws n pairs of each count, the first and the third with a factor; the spread of
// the log ratio is the policy's times noise.
func counted(r *rand.Rand, n int, factor, noise float64) map[string][]Pair {
	all := map[string][]Pair{}
	for i, m := range countPolicy().Counts {
		f := 1.0
		if i == 0 {
			f = factor
		}
		all[m.Name] = pairs(r, n, 4000, f, noise*m.Spread)
	}
	return all
}

// The error rates of counts, with heavy tails, also where they spread thrice as much as the
// policy says. The seeds are fixed.
func TestErrorRatesOfCounts(t *testing.T) {
	for _, c := range []struct {
		name       string
		factor     float64
		noise      float64
		verdict    Verdict
		least, max float64
	}{
		{"identical: not flagged", 1, 1, Regressed, 0, 0.005},
		{"identical: nor praised", 1, 1, Improved, 0, 0.005},
		{"identical: passed", 1, 1, Pass, 0.99, 1},
		{"identical, thrice the spread: not flagged", 1, 3, Regressed, 0, 0.005},
		{"identical, thrice the spread: passed", 1, 3, Pass, 0.6, 1},
		{"identical, ten times the spread: not flagged", 1, 10, Regressed, 0, 0.01},
		{"worse by the tolerance: not flagged", 1.005, 1, Regressed, 0, 0.01},
		{"worse by the tolerance: not passed", 1.005, 1, Pass, 0, 0.05},
		{"worse by 1 %: caught", 1.01, 1, Regressed, 0.99, 1},
		{"worse by 5 %: caught", 1.05, 1, Regressed, 1, 1},
		{"worse by 1 %, thrice the spread: never passed", 1.01, 3, Pass, 0, 0.01},
		{"better by 1 %: seen", 0.99, 1, Improved, 0.99, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const trials = 1000
			hits, tb := 0, newTables()
			p := countPolicy()
			p.Metrics = nil
			for trial := range uint64(trials) {
				e := Evidence{Pairs: counted(rand.New(rand.NewPCG(trial, 5)), CountPairs, c.factor, c.noise), Ended: true}
				if (&judge{policy: p, evidence: e, tables: tb}).report().Verdict == c.verdict {
					hits++
				}
			}
			share := float64(hits) / trials
			t.Logf("%s in %.1f %% of %d trials", c.verdict, 100*share, trials)
			if share < c.least || share > c.max {
				t.Errorf("%s in %.2f %% of the trials, want %.1f to %.1f %%", c.verdict, 100*share, 100*c.least, 100*c.max)
			}
		})
	}
}

// What CPU time adds to counts that are within their tolerances, in five metrics of which the
// first may have become slower in a way that counts do not see. The seeds are fixed.
func TestErrorRatesOfCPUTimeBesideCounts(t *testing.T) {
	const trials = 400
	for _, c := range []struct {
		name           string
		factor, spread float64
		pass           [2]float64 // share that passes, by whatever evidence
		clean          [2]float64 // share of which no CPU time was left undecided
		regressed      [2]float64
	}{
		{"identical, 2 %", 1, 0.02, [2]float64{0.99, 1}, [2]float64{0.5, 1}, [2]float64{0, 0.005}},
		{"identical, 6 %", 1, 0.06, [2]float64{0.98, 1}, [2]float64{0, 1}, [2]float64{0, 0.005}},
		{"identical, 20 %", 1, 0.2, [2]float64{0.98, 1}, [2]float64{0, 0.01}, [2]float64{0, 0.005}},
		{"identical, 50 %", 1, 0.5, [2]float64{0.98, 1}, [2]float64{0, 0.01}, [2]float64{0, 0.005}},
		{"slower by 5 %, 1.5 %", 1.05, 0.015, [2]float64{0, 0.01}, [2]float64{0, 0.001}, [2]float64{0.98, 1}},
		{"slower by 5 %, 3 %", 1.05, 0.03, [2]float64{0, 0.2}, [2]float64{0, 0.001}, [2]float64{0.8, 1}},
		{"slower by 5 %, 6 %", 1.05, 0.06, [2]float64{0, 1}, [2]float64{0, 0.001}, [2]float64{0, 1}},
		{"slower by 20 %, 20 %", 1.2, 0.2, [2]float64{0, 0.6}, [2]float64{0, 0.001}, [2]float64{0.2, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, tb := countPolicy(), newTables()
			p.AfterCounts, p.Metrics = 24, nil
			for i := range 5 {
				p.Metrics = append(p.Metrics, Metric{Name: fmt.Sprint("cpu ", i), Tolerance: 0.02, Reason: "simulated"})
			}
			pass, clean, regressed := 0, 0, 0
			for trial := range uint64(trials) {
				r := rand.New(rand.NewPCG(trial, 11))
				e := Evidence{Pairs: counted(r, 6, 1, 1), Ended: true}
				for i, m := range p.Metrics {
					e.Pairs[m.Name] = pairs(r, p.most(), 400, map[bool]float64{true: c.factor, false: 1}[i == 0], c.spread)
				}
				switch got := (&judge{policy: p, evidence: e, tables: tb}).report(); {
				case got.Verdict == Regressed:
					regressed++
				case got.Verdict == Pass && len(got.Undecided) == 0:
					clean++
					pass++
				case got.Verdict == Pass:
					pass++
				}
			}
			for what, x := range map[string]struct {
				n    int
				want [2]float64
			}{"pass": {pass, c.pass}, "pass with nothing left undecided": {clean, c.clean}, "regressed": {regressed, c.regressed}} {
				share := float64(x.n) / trials
				t.Logf("%s: %.1f %% of %d trials", what, 100*share, trials)
				if share < x.want[0] || share > x.want[1] {
					t.Errorf("%s: %.2f %% of the trials, want %.1f to %.1f %%", what, 100*share, 100*x.want[0], 100*x.want[1])
				}
			}
		})
	}
}

func TestVerdictsSayWhichEvidenceDecided(t *testing.T) {
	cpu := func(e Evidence, n int, factor, spread float64) Evidence {
		e.Pairs["relay cpu"] = pairs(rand.New(rand.NewPCG(1, 9)), n, 400, factor, spread)
		return e
	}
	with := func(factor float64) Evidence {
		return Evidence{Pairs: counted(rand.New(rand.NewPCG(3, 4)), 6, factor, 1), Ended: true}
	}
	left := func() Evidence {
		e := cpu(with(1), 30, 1, 0.3)
		e.Ended = false
		return e
	}
	suspect := func() Evidence { // 13 pairs of which one lies well below the tolerance, the others above
		e := with(1)
		for i := 13; i > 0; i-- {
			e.Pairs["relay cpu"] = append(e.Pairs["relay cpu"], Pair{100, 102 * (1 + map[bool]float64{true: -0.01, false: 0.01}[i == 11]*float64(i))})
		}
		return e
	}
	p := countPolicy()
	p.AfterCounts = 24
	for name, c := range map[string]struct {
		of      Evidence
		verdict Verdict
		says    string
	}{
		"all same":                 {cpu(with(1), 72, 1, 0.01), Pass, "decided by counts and CPU time"},
		"counts worse":             {cpu(with(1.02), 0, 1, 0.01), Regressed, "decided by counts"},
		"only caches":              {cpu(with(1), 72, 1.1, 0.01), Regressed, "decided by CPU time"},
		"noise":                    {cpu(with(1), 72, 1, 0.3), Pass, "CPU time is undecided for relay cpu (up to +19.62 %): a slowdown of up to that in the kernel or in caches may have been missed"},
		"noise is left to counts":  {left(), Pass, "after 24 pairs it may lie within 2 % or beyond: left to counts"},
		"a slowdown in noise":      {suspect(), Inconclusive, "CPU time suggests a slowdown that they do not see"},
		"noise is in the headline": {cpu(with(1), 72, 1, 0.3), Pass, "Pass by counts: instructions and system calls are within their tolerances, CPU time is undecided\n"},
		"noise names its cause":    {cpu(with(1), 72, 1, 0.3), Pass, "spread: pairs of the same code differ"},
		"short names its cause":    {cpu(with(1), 20, 1, 0.3), Pass, "budget: the time was up"},
		"no pair for want of time": {cpu(with(1), 0, 1, 0.3), Pass, "CPU time is undecided for relay cpu (by an unknown amount)"},
		"stolen": {func() Evidence {
			e := cpu(with(1), 5, 1, 0.3)
			e.Stolen = &Stolen{Limit: 0.05, Median: 0.2, Pairs: 20, Excluded: 15}
			return e
		}(), Pass, "steal: the machine's host takes its CPU time"},
		"steal is shown": {func() Evidence {
			e := cpu(with(1), 5, 1, 0.3)
			e.Stolen = &Stolen{Limit: 0.05, Median: 0.2, Pairs: 20, Excluded: 15}
			return e
		}(), Pass, "steal: median 20 %; 15 of 20 pairs had more than 5 % and do not count"},
		"a write more": {func() Evidence {
			e := cpu(with(1), 0, 1, 0.01)
			for i := range e.Pairs["fetch writes"] {
				e.Pairs["fetch writes"][i] = Pair{4, 5}
			}
			return e
		}(), Regressed, "fetch writes: worse by more than 1 %"},
		"no writes, some noise": {func() Evidence {
			e := cpu(with(1), 72, 1, 0.01)
			for i := range e.Pairs["fetch writes"] {
				e.Pairs["fetch writes"][i] = Pair{0, 0.0001 * float64(i%2)}
			}
			return e
		}(), Pass, "decided by counts and CPU time"},
		"counts that fail": {func() Evidence {
			e := cpu(with(1), 72, 1, 0.01)
			e.Failed = map[string]string{"fetch writes": "head panics:\n\tgoroutine 1"}
			return e
		}(), Invalid, "fetch writes: head panics: goroutine 1"},
	} {
		r, err := Judge(p, c.of)
		var text strings.Builder
		if err := errors.Join(err, r.WriteText(&text)); err != nil {
			t.Fatal(err)
		}
		if r.Verdict != c.verdict || !strings.Contains(text.String(), c.says) {
			t.Errorf("%s: want %s and %q in\n%s", name, c.verdict, c.says, text.String())
		}
	}
}

// Without counts, as where no emulator is, a noisy machine is Inconclusive as before.
func TestWithoutCountsNoiseIsInconclusive(t *testing.T) {
	p := countPolicy()
	p.Counts = nil
	e := Evidence{Pairs: map[string][]Pair{"relay cpu": pairs(rand.New(rand.NewPCG(1, 9)), 72, 400, 1, 0.3)}, Ended: true}
	if r, err := Judge(p, e); err != nil || r.Verdict != Inconclusive || r.Metrics[0].Cause != Spread {
		t.Errorf("%+v, %v", r, err)
	}
	e.Pairs["relay cpu"] = e.Pairs["relay cpu"][:3]
	e.Stolen = &Stolen{Limit: 0.05, Median: 0.3, Pairs: 30, Excluded: 27}
	if r, err := Judge(p, e); err != nil || r.Verdict != Inconclusive || r.Metrics[0].Cause != Steal {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPoliciesOfCountsThatDoNotHoldTogether(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Policy)
		says  string
	}{
		"no operations":     {func(p *Policy) { p.Counts[0].Operations = 0 }, "operations are 0"},
		"no spread":         {func(p *Policy) { p.Counts[0].Spread = 0 }, "spread is 0"},
		"spread of NaN":     {func(p *Policy) { p.Counts[0].Spread = math.NaN() }, "spread is NaN"},
		"no tolerance":      {func(p *Policy) { p.Counts[1].Tolerance = 0 }, "tolerance"},
		"a name twice":      {func(p *Policy) { p.Metrics[0].Name = "fetch writes" }, "each name once"},
		"all may be stolen": {func(p *Policy) { p.StealLimit = 1 }, "stealLimit is 1"},
		"between two looks": {func(p *Policy) { p.AfterCounts = 20 }, "afterCounts is 20: want one of the looks [12 24 36 48 72], or 0"},
	} {
		p := countPolicy()
		c.spoil(&p)
		if err := p.Validate(); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a word of %q", name, err, c.says)
		}
	}
}
