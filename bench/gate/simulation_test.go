package gate

import (
	"math/rand/v2"
	"testing"
)

// TestErrorRates plays the gate many times under noise with heavy tails and a
// drift that both sides share. The seeds are fixed, so that the counts are, too.
// spread is the standard deviation of one pair's log ratio.
func TestErrorRates(t *testing.T) {
	for _, c := range []struct {
		name       string
		factor     float64 // by which head costs more, in one of three metrics
		spread     float64
		verdict    Verdict
		least, max float64 // share of the trials
	}{
		{"identical, 2 %: not flagged", 1, 0.02, Regressed, 0, 0.01},
		{"identical, 2 %: nor praised", 1, 0.02, Improved, 0, 0.01},
		{"identical, 2 %: passed", 1, 0.02, Pass, 0.99, 1},
		{"identical, 3 %: passed", 1, 0.03, Pass, 0.95, 1},
		{"identical, 6 %: not flagged", 1, 0.06, Regressed, 0, 0.01},
		{"identical, 20 %: not flagged", 1, 0.2, Regressed, 0, 0.01},
		{"identical, 20 %: not passed either", 1, 0.2, Pass, 0, 0.05},
		{"slower by the tolerance: not flagged", 1.02, 0.03, Regressed, 0, 0.01},
		{"slower by the tolerance: not passed", 1.02, 0.03, Pass, 0, 0.05},
		{"slower by 5 %, 2 %: caught", 1.05, 0.02, Regressed, 0.99, 1},
		{"slower by 5 %, 3 %: caught", 1.05, 0.03, Regressed, 0.9, 1},
		{"slower by 5 %, 6 %: never passed", 1.05, 0.06, Pass, 0, 0.005},
		{"slower by 10 %, 3 %: caught", 1.1, 0.03, Regressed, 0.99, 1},
		{"slower by 10 %, 6 %: caught", 1.1, 0.06, Regressed, 0.99, 1},
		{"faster by 10 %, 3 %: seen", 0.9, 0.03, Improved, 0.99, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const trials = 400
			hits, tb := 0, newTables()
			for trial := range uint64(trials) {
				r := simulate(tb, rand.New(rand.NewPCG(trial, 99)), c.factor, c.spread)
				if r.Verdict == c.verdict {
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

// simulate measures three metrics, the first of which has changed by the
// factor. That pairs which come after a decision change nothing is shown
// elsewhere, so all of them are judged at once.
func simulate(tb *tables, r *rand.Rand, factor, spread float64) Report {
	p := Default()
	e := Evidence{Pairs: map[string][]Pair{}, Ended: true}
	for i, name := range []string{"server-cpu", "loadgen-cpu", "redis-cpu"} {
		p.Metrics = append(p.Metrics, Metric{Name: name, Tolerance: 0.02, Reason: "simulated"})
		if i > 0 {
			factor = 1
		}
		e.Pairs[name] = pairs(r, p.most(), 400, factor, spread)
	}
	return (&judge{policy: p, evidence: e, tables: tb}).report()
}

func BenchmarkJudge(b *testing.B) {
	p, e := policy(), evidence(72, 1, 1, 0.3)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Judge(p, e); err != nil {
			b.Fatal(err)
		}
	}
}
