package peers

import (
	"testing"
	"time"
)

func TestRatiosAreHeldAgainstTheirGoals(t *testing.T) {
	w := Workload{Work: Fetches, Guests: 50, Peers: []string{Loadgen, Wrk, K6}}
	turns := func(cpu ...time.Duration) (all []Spent) {
		for _, c := range cpu {
			all = append(all, Spent{Units: 10, CPU: 10 * c, Memory: 5e6})
		}
		return all
	}
	for _, c := range []struct {
		own []time.Duration
		met bool
	}{
		{[]time.Duration{14 * time.Microsecond}, true},
		{[]time.Duration{15 * time.Microsecond}, false},
		{[]time.Duration{30 * time.Microsecond, 13 * time.Microsecond, 14 * time.Microsecond}, true},
	} {
		theirs := make([]time.Duration, len(c.own))
		for i := range theirs {
			theirs[i] = 10 * time.Microsecond
		}
		all := measured{w, map[string][]Spent{Loadgen: turns(c.own...), Wrk: turns(theirs...)}}.figures()
		if len(all) != 5 { // k6 is not installed
			t.Fatalf("%d figures: %+v", len(all), all)
		}
		if ratio := all[4]; ratio.Target == nil || ratio.Met() != c.met || len(ratio.Values) != len(c.own) {
			t.Errorf("%v against 10µs: %+v", c.own, ratio)
		}
	}
}

func TestAFurtherGuestsMemoryIsTheDifferenceOfTwoCrowds(t *testing.T) {
	few := measured{Workload{Work: Sessions, Guests: 200, Peers: []string{Loadgen, BareGo, K6}}, map[string][]Spent{Loadgen: {{Memory: 10e6}}, K6: {{Memory: 100e6}}}}
	many := measured{Workload{Work: Sessions, Guests: 1200}, map[string][]Spent{Loadgen: {{Memory: 20e6}}, K6: {{Memory: 600e6}}}}
	all := growth(few, many)
	if len(all) != 3 || all[0].Median() != 10 || all[1].Median() != 500 || all[2].Median() != 0.02 || !all[2].Met() {
		t.Errorf("%+v", all)
	}
}
