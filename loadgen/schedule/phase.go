// Package schedule says when guests arrive: it turns the phases of a run into
// arrival times, and is a pure function of them and a seed. It knows no clock:
// who plays the schedule says how late each start was.
package schedule

import (
	"fmt"
	"math"
	"time"
)

// Phase is a stretch of the run. With Guests it is a burst: so many arrive
// within For. Else arrivals a second change linearly From To over For: a steady
// rate where both are equal, and nobody where both are 0, as in a pause, or in
// a closed phase, whose guests come when others have gone.
type Phase struct {
	From, To float64
	Guests   int
	For      time.Duration
	Poisson  bool // random arrivals; else evenly spaced in the integral of the rate
}

// maxPlanned bounds what one phase may bring: more is a slip, not a load.
const maxPlanned = 1e9

// Validate reports the first phase that cannot be scheduled.
func Validate(phases []Phase) error {
	for i, p := range phases {
		switch {
		case p.For < 0:
			return fmt.Errorf("phase %d lasts %v: a phase lasts 0 or longer", i, p.For)
		case p.Guests < 0:
			return fmt.Errorf("phase %d has %d guests: from 0 up", i, p.Guests)
		case !(p.From >= 0 && p.To >= 0):
			return fmt.Errorf("phase %d has a rate from %v to %v a second: from 0 up", i, p.From, p.To)
		case p.Guests > 0 && (p.From != 0 || p.To != 0):
			return fmt.Errorf("phase %d has guests and a rate: one of them", i)
		case p.mean() > maxPlanned:
			return fmt.Errorf("phase %d brings %v guests: at most %v", i, p.mean(), float64(maxPlanned))
		}
	}
	return nil
}

// mean returns how many guests the phase brings; a random number's mean.
func (p Phase) mean() float64 {
	if p.Guests > 0 {
		return float64(p.Guests)
	}
	return (p.From + p.To) / 2 * p.For.Seconds()
}

// instant returns the seconds after which the integral of the rate reaches s.
// The rate is From + k·t, its integral From·t + k·t²/2; the root is written so
// that it is exact for k = 0, too. A falling rate may miss the last s by a
// rounding error: then the square root is of 0.
func (p Phase) instant(s float64) float64 {
	if s == 0 {
		return 0
	}
	k := (p.To - p.From) / p.For.Seconds()
	return 2 * s / (p.From + math.Sqrt(max(0, p.From*p.From+2*k*s)))
}
