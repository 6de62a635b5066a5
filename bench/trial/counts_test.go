package trial

import (
	"math"
	"testing"

	"guestload/bench/ab"
	"guestload/bench/gate"
)

func TestPairsUnderStealDoNotCount(t *testing.T) {
	trial := &Trial{policy: gate.Policy{StealLimit: 0.05}}
	for _, c := range []struct {
		share float64
		want  bool
	}{{0, false}, {0.05, false}, {0.2, true}, {math.NaN(), false}, {0.06, true}} {
		if got := trial.isStolen(c.share); got != c.want {
			t.Errorf("%v: %v", c.share, got)
		}
	}
	if got, want := *trial.evidence.Stolen, (gate.Stolen{Limit: 0.05, Median: 0.055, Pairs: 4, Excluded: 2}); math.Abs(got.Median-want.Median) > 1e-9 || got.Pairs != want.Pairs || got.Excluded != want.Excluded || got.Limit != want.Limit {
		t.Errorf("%+v, want %+v", got, want)
	}
	if (&Trial{}).isStolen(0.9) {
		t.Error("without a limit nothing is too much")
	}
}

func TestCountsKeepWhatIsGatedAndShowTheRest(t *testing.T) {
	trial := &Trial{
		policy:   gate.Policy{Counts: []gate.Metric{{Name: "Socket writes", Unit: "write/op"}, {Name: "Other", Unit: "write/op"}}},
		evidence: gate.Evidence{Pairs: map[string][]gate.Pair{}},
	}
	values := func(writes float64) ab.Values {
		return ab.Values{"write/op": writes, "instructions/op": 100, "futex/op": 0.001, "read/op": 2}
	}
	trial.takeCounts(ab.Pair{Name: "Socket", Runs: [2]ab.Values{values(6), values(7)}})
	if got := trial.evidence.Pairs["Socket writes"]; len(got) != 1 || got[0] != (gate.Pair{Base: 6, Head: 7}) {
		t.Errorf("gated: %v", got)
	}
	if len(trial.evidence.Pairs) != 3 || trial.evidence.Pairs["Socket read/op"] == nil || trial.evidence.Pairs["Socket instructions/op"] == nil {
		t.Errorf("all: %v", trial.evidence.Pairs)
	}
}
