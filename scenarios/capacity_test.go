package scenarios

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestASearchIsReadWithItsDefaults(t *testing.T) {
	for source, want := range map[string]Capacity{
		"{from: 50/s, to: 600/min}": {},
		"{from: 5/s, to: 20/s}":     {From: 5, To: 20, Factor: 2, Settle: 5 * time.Second, Hold: 15 * time.Second, Precision: 0.05, Repeats: 3, Spacing: Poisson},
		"{from: 60/min, to: 2.5/s, factor: 1.5, settle: 0s, hold: 1m, precision: 12.5%, repeats: 5, spacing: uniform}": {
			From: 1, To: 2.5, Factor: 1.5, Hold: time.Minute, Precision: 0.125, Repeats: 5, Spacing: Uniform},
	} {
		s, err := Parse("test.yaml", []byte(searching(source)))
		if want.Factor == 0 {
			if err == nil || !strings.Contains(err.Error(), "which is not above from") {
				t.Errorf("%s: %v", source, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(*s.Capacity, want) {
			t.Errorf("%s: %v, got %+v", source, err, s.Capacity)
		}
	}
}

// searching is a scenario that searches.
func searching(capacity string) string {
	return strings.Replace(small, "phases: [{guests: 1, within: 1s}]", "capacity: "+capacity+"\nthresholds: [failures == 0]", 1)
}

func TestEachRateOfASearchIsAScenarioOfItsOwn(t *testing.T) {
	s := mustParse(t, searching("{from: 10/s, to: 80/s, settle: 2s, hold: 4s}"))
	if s.Planned() != 60 || s.Length() != 6*time.Second {
		t.Errorf("of its own it plans %d guests in %v, want the first rate's", s.Planned(), s.Length())
	}
	at := s.At(80)
	if at.Capacity != nil || at.Planned() != 480 || len(at.Phases) != 2 || at.Phases[0].Record || !at.Phases[1].Record || at.Phases[1].Spacing != Poisson {
		t.Errorf("at 80/s: %+v", at.Phases)
	}
	if s.Capacity == nil || s.Planned() != 60 {
		t.Error("the scenario itself changed")
	}
	s = mustParse(t, searching("{from: 10/s, to: 80/s, settle: 0s, hold: 4s}"))
	if at := s.At(20); len(at.Phases) != 1 || !at.Phases[0].Record {
		t.Errorf("without time to settle: %+v", at.Phases)
	}
	for _, resize := range []func() (Scenario, error){
		func() (Scenario, error) { return s.Scale(2) },
		func() (Scenario, error) { return s.WithGuests(100) },
	} {
		if _, err := resize(); err == nil || !strings.Contains(err.Error(), "from and to in its file") {
			t.Errorf("resized: %v", err)
		}
	}
	fixed := mustParse(t, small)
	if !reflect.DeepEqual(fixed.At(5), fixed) {
		t.Error("a scenario with phases of its own was changed")
	}
}
