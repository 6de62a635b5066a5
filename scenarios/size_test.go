package scenarios

import (
	"math"
	"strings"
	"testing"
	"time"
)

const sized = `scenario: sized
about: Every shape.
phases:
  - {name: rate, arrivals: 20/s, for: 3s, record: false}
  - {name: ramp, from: 0/s, to: 10/s, for: 10s, spacing: poisson}
  - {name: pause, pause: 5s}
  - {name: burst, guests: 501, within: 10s}
  - {name: closed, concurrent: 7, for: 10s}
guests: [{script: one, steps: [create]}]
`

func TestPlannedCountsEveryPhase(t *testing.T) {
	s := mustParse(t, sized)
	if s.Planned() != 60+50+501+7 || s.Length() != 38*time.Second {
		t.Errorf("planned %d, length %v", s.Planned(), s.Length())
	}
}

func TestScaleMultipliesGuestsAndRates(t *testing.T) {
	s := mustParse(t, sized)
	for _, test := range []struct {
		factor float64
		want   [5]int
	}{{1, [5]int{60, 50, 0, 501, 7}}, {2, [5]int{120, 100, 0, 1002, 14}}, {0.5, [5]int{30, 25, 0, 251, 4}}, {0.01, [5]int{1, 1, 0, 5, 1}}} {
		got, err := s.Scale(test.factor)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range got.Phases {
			if int(p.planned()) != test.want[i] {
				t.Errorf("scale %v: phase %s plans %v, want %d", test.factor, p.Name, p.planned(), test.want[i])
			}
		}
		if got.Length() != s.Length() {
			t.Errorf("scale %v: length %v", test.factor, got.Length())
		}
	}
	if s.Phases[0].From != 20 || s.Phases[3].Guests != 501 {
		t.Errorf("scaling changed the scenario itself: %+v", s.Phases)
	}
	for _, f := range []float64{0, -1, math.NaN(), math.Inf(1), 1e12, 1e300} {
		if _, err := s.Scale(f); err == nil || !strings.Contains(err.Error(), "sized") {
			t.Errorf("scale %v: %v", f, err)
		}
	}
}

func TestWithGuestsPlansExactlySoMany(t *testing.T) {
	s := mustParse(t, sized)
	for _, n := range []int{4, 5, 17, 100, 617, 618, 619, 5000, 999_983} {
		got, err := s.WithGuests(n)
		if err != nil {
			t.Fatal(err)
		}
		if got.Planned() != n {
			t.Errorf("%d guests: %d planned", n, got.Planned())
		}
		for i, p := range got.Phases {
			if share := p.planned(); (share < 1) != (p.Shape == Pause) || math.Abs(share-s.Phases[i].planned()/618*float64(n)) > 4 {
				t.Errorf("%d guests: phase %s has %v", n, p.Name, share)
			}
		}
	}
	if s.Planned() != 618 {
		t.Errorf("the scenario itself changed: %d", s.Planned())
	}
	for _, n := range []int{-1, 0, 3, maxGuests + 1} {
		if _, err := s.WithGuests(n); err == nil {
			t.Errorf("%d guests: accepted", n)
		}
	}
	if _, err := (Scenario{}).WithGuests(5); err == nil {
		t.Error("a scenario without phases takes guests")
	}
}

const staying = `scenario: staying
about: A rate that stays, and guests who wait for a phase.
phases:
  - {name: arrival, guests: 1000, at: 50/s}
  - {name: everybody, pause: 10s}
guests:
  - script: one
    steps: [create, connect, search, {wait: {until: everybody}}, chat, {wait: {until: 40s, at: 100/s}}, drop]
`

func TestABurstWithARateKeepsItAndGuestsWaitForAPhase(t *testing.T) {
	s := mustParse(t, staying)
	for _, test := range []struct {
		factor float64
		guests int
		begins time.Duration
	}{{1, 1000, 20 * time.Second}, {0.1, 100, 2 * time.Second}, {3, 3000, time.Minute}} {
		scaled, err := s.Scale(test.factor)
		if err != nil {
			t.Fatal(err)
		}
		sized, err := s.WithGuests(test.guests)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []Scenario{scaled, sized} {
			until := got.Scripts[0].Steps[3].Until
			if leave := got.Scripts[0].Steps[5]; leave.Until != 40*time.Second || leave.Over != test.begins/2 {
				t.Errorf("scale %v: guests leave from %v on, over %v: want 40s and %v", test.factor, leave.Until, leave.Over, test.begins/2)
			}
			if got.Planned() != test.guests || got.Length() != test.begins+10*time.Second || until != test.begins {
				t.Errorf("scale %v: %d guests in %v, who wait until %v: want %+v", test.factor, got.Planned(), got.Length(), until, test)
			}
		}
	}
	if s.Length() != 30*time.Second || s.Scripts[0].Steps[3].Until != 20*time.Second {
		t.Errorf("scaling changed the scenario itself: %+v", s)
	}
}
