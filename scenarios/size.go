package scenarios

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Length returns how long guests arrive: all phases together. The run itself
// lasts until the last guest's script has ended.
func (s Scenario) Length() time.Duration {
	var d time.Duration
	for _, p := range s.Phases {
		d += p.For
	}
	return d
}

// Planned returns how many guests arrive in all phases, recorded or not. It is
// exact for bursts and for uniform spacing, the mean for a rate or ramp with
// Poisson spacing (loadgen/schedule knows the number for a seed), and counts a
// closed phase with the guests it has at a time, the least it brings.
func (s Scenario) Planned() int { return int(s.planned()) }

func (s Scenario) planned() float64 {
	var n float64
	for _, p := range s.Phases {
		n += p.planned()
	}
	return n
}

func (p Phase) planned() float64 {
	switch p.Shape {
	case Rate:
		return math.Round(p.From * p.For.Seconds())
	case Ramp:
		return math.Round((p.From + p.To) / 2 * p.For.Seconds())
	case Burst, Closed:
		return float64(p.Guests)
	}
	return 0
}

// Scale returns the scenario with f times as many guests in the same time: the
// guests of bursts and of closed phases and the rates of all others, those of
// warm-up phases included, are multiplied. Durations, think times and counts of
// messages stay, but that bursts with a rate keep it, and who waits for a phase waits
// for where it then begins. A burst or closed phase keeps at least one guest. f is above 0.
func (s Scenario) Scale(f float64) (Scenario, error) {
	if s.Capacity != nil {
		return Scenario{}, s.unsizable()
	}
	if !(f > 0) || math.IsInf(f, 0) {
		return Scenario{}, fmt.Errorf("scale scenario %s by %v: the factor is a number above 0", s.Name, f)
	}
	s.Phases = slices.Clone(s.Phases)
	var total float64
	for i := range s.Phases {
		p := &s.Phases[i]
		if p.Guests > 0 {
			guests := max(1, math.Round(float64(p.Guests)*f))
			p.resize(int(min(guests, maxGuests+1)))
		} else {
			p.From *= f
			p.To *= f
		}
		total += p.planned()
	}
	if total < 1 || total > maxGuests {
		return Scenario{}, fmt.Errorf("scale scenario %s by %v: %.0f guests would arrive: from 1 to %.0f may", s.Name, f, total, float64(maxGuests))
	}
	return s.settled(), nil
}

// WithGuests returns the scenario with Planned() == n: every phase with guests
// gets its share of n, at least one guest, in the same time or, where a burst has a
// rate, at the same rate. Shares are rounded by largest remainder, and rates follow
// from them.
func (s Scenario) WithGuests(n int) (Scenario, error) {
	if s.Capacity != nil {
		return Scenario{}, s.unsizable()
	}
	var peopled []int
	for i, p := range s.Phases {
		if p.planned() > 0 {
			peopled = append(peopled, i)
		}
	}
	if n < 1 || n > maxGuests {
		return Scenario{}, fmt.Errorf("scenario %s with %d guests: from 1 to %.0f may arrive", s.Name, n, float64(maxGuests))
	}
	if n < len(peopled) || len(peopled) == 0 {
		return Scenario{}, fmt.Errorf("scenario %s with %d guests: it has %d phases, and each needs one", s.Name, n, len(peopled))
	}
	s.Phases = slices.Clone(s.Phases)
	for i, share := range s.shares(peopled, n) {
		s.Phases[peopled[i]].resize(share)
	}
	return s.settled(), nil
}

// unsizable: a search finds its size by itself.
func (s Scenario) unsizable() error {
	return fmt.Errorf("scenario %s searches for the capacity, and so has no size of its own: its rates are from and to in its file", s.Name)
}

// shares splits n over the phases in proportion to what they plan now.
func (s Scenario) shares(phases []int, n int) []int {
	total := s.planned()
	shares := make([]int, len(phases))
	rest := make([]float64, len(phases))
	left := n - len(phases) // one each is given already
	for i, at := range phases {
		exact := s.Phases[at].planned() / total * float64(n)
		shares[i] = 1 + min(left, max(0, int(exact)-1))
		left -= shares[i] - 1
		rest[i] = exact - float64(shares[i])
	}
	for range left {
		most := 0
		for i := range rest {
			if rest[i] > rest[most] {
				most = i
			}
		}
		shares[most]++
		rest[most]--
	}
	return shares
}

// settled says when the phases that steps wait for begin now, and how long guests
// take who go on at a rate.
func (s Scenario) settled() Scenario {
	s.Scripts = slices.Clone(s.Scripts)
	for i := range s.Scripts {
		script := &s.Scripts[i]
		script.Steps = slices.Clone(script.Steps)
		for j := range script.Steps {
			step := &script.Steps[j]
			if step.Begins != "" {
				step.Until = s.begin(step.Begins)
			}
			if step.At > 0 {
				step.Over = time.Duration(s.planned() / step.At * float64(time.Second))
			}
		}
	}
	return s
}

// begin is when a phase does, since the run's start.
func (s Scenario) begin(phase string) (at time.Duration) {
	for _, p := range s.Phases {
		if p.Name == phase {
			break
		}
		at += p.For
	}
	return at
}

// pace has a burst with a rate take the time that its guests then take.
func (p *Phase) pace() {
	if p.Shape == Burst && p.From > 0 {
		p.For = time.Duration(float64(p.Guests) / p.From * float64(time.Second))
	}
}

// resize makes the phase plan n guests in the same time, or at the same rate.
func (p *Phase) resize(n int) {
	switch p.Shape {
	case Rate:
		p.From = float64(n) / p.For.Seconds()
	case Ramp:
		f := float64(n) / ((p.From + p.To) / 2 * p.For.Seconds())
		p.From, p.To = p.From*f, p.To*f
	case Burst, Closed:
		p.Guests = n
		p.pace()
	}
}
