package main

import (
	"testing"
	"testing/synctest"
	"time"

	"guestload/bench/ab"
)

// steadySlice is how much of a benchmark's time makes one figure. What else goes on
// in a machine adds to some of them and not to others.
const steadySlice = 20 * time.Millisecond

// steady cuts a loop into slices and keeps what an operation cost in each.
type steady struct {
	cpu   func() time.Duration
	ops   int // of this slice so far
	due   int // operations before the clock is looked at
	began time.Time
	spent time.Duration // at the slice's beginning
	costs []float64     // ns an operation, a slice each
}

// begin starts the first slice.
func (s *steady) begin() {
	s.ops, s.due, s.costs = 0, 1, s.costs[:0]
	s.began, s.spent = time.Now(), s.cpu()
}

// tick is told of every operation, once it is done.
func (s *steady) tick() {
	if s.ops++; s.ops >= s.due {
		s.look()
	}
}

// look ends the slice where its time is up, and else says when to look again.
func (s *steady) look() {
	took := time.Since(s.began)
	if took < steadySlice {
		s.due = min(2*s.due, 1+int(float64(s.ops)*float64(steadySlice)/float64(took+1)))
		s.due = max(s.due, s.ops+1)
		return
	}
	now := s.cpu()
	s.costs = append(s.costs, float64(now-s.spent)/float64(s.ops))
	s.due = max(1, int(float64(s.ops)*float64(steadySlice)/float64(took)))
	s.ops, s.began, s.spent = 0, time.Now(), now
}

// fewSlices are too few to choose among.
const fewSlices = 5

// fastest is that of the slices, as the gate takes it, or mean where they are few.
func fastest(costs []float64, mean float64) float64 {
	if len(costs) < fewSlices {
		return mean
	}
	return ab.Fastest(costs)
}

func TestFastestIsTheMeanOfAFifth(t *testing.T) {
	for _, c := range []struct {
		costs []float64
		want  float64
	}{
		{nil, 7},
		{[]float64{1, 1, 1, 1}, 7},
		{[]float64{9, 3, 9, 9, 9}, 3},
		{[]float64{9, 3, 9, 9, 5, 9}, 4},
	} {
		if got := fastest(c.costs, 7); got != c.want {
			t.Errorf("%v: %v, want %v", c.costs, got, c.want)
		}
	}
}

func TestSlicesAreCutByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cpu time.Duration
		s := steady{cpu: func() time.Duration { return cpu }}
		s.begin()
		for began := time.Now(); time.Since(began) < 10*steadySlice; {
			time.Sleep(100 * time.Microsecond)
			cpu += 50
			s.tick()
		}
		if len(s.costs) < 9 || len(s.costs) > 10 {
			t.Errorf("%d slices within ten times a slice", len(s.costs))
		}
		for _, c := range s.costs {
			if c != 50 {
				t.Errorf("a slice's operation cost %v ns, want 50", c)
			}
		}
	})
}
