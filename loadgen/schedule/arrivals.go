package schedule

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// Arrival is one guest's intended start.
type Arrival struct {
	Index int           // from 0, over the whole run
	Phase int           // position in the phases
	At    time.Duration // since the run's start; never before the arrival that precedes it
}

// Arrivals yields the arrivals of the phases, one after the other, in order.
// The same phases and seed give the same arrivals, and a phase's own arrivals
// do not depend on the other phases but for where it begins. Phases must be
// valid (Validate): an invalid one ends the sequence. Nothing is stored, so the
// number of guests costs no memory.
func Arrivals(phases []Phase, seed uint64) iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		index, start, last := 0, time.Duration(0), time.Duration(0)
		for i := range phases {
			if Validate(phases[i:i+1]) != nil {
				return
			}
			for t := range phases[i].offsets(stream(seed, i)) {
				// max: two arrivals at one instant may differ by a rounding error.
				last = max(last, start+min(time.Duration(t*float64(time.Second)), phases[i].For))
				if !yield(Arrival{Index: index, Phase: i, At: last}) {
					return
				}
				index++
			}
			start += phases[i].For
		}
	}
}

// Planned returns exactly how many arrivals Arrivals yields. Random numbers of
// guests are found by drawing them.
func Planned(phases []Phase, seed uint64) int {
	n := 0
	for i, p := range phases {
		switch {
		case Validate(phases[i:i+1]) != nil:
			return n
		case p.Guests > 0 || !p.Poisson:
			n += int(math.Round(p.mean()))
		default:
			for range p.random(stream(seed, i)) {
				n++
			}
		}
	}
	return n
}

// together is how many guests who follow each other are played by one generator.
// Neighbours meet each other, as a rule, and how long a message takes is measured
// on one clock.
const together = 2

// Owner is which of n generators, from 0, plays the guest with this index.
func Owner(index, n int) int { return index / together % n }

// Nth is the index of the i-th guest, from 0, of the k-th of n generators.
func Nth(i, k, n int) int { return (i/together*n+k)*together + i%together }

// Owned is how many of the first guests the k-th of n generators plays.
func Owned(guests, k, n int) int {
	round := together * n
	return guests/round*together + min(max(guests%round-k*together, 0), together)
}

// Share yields the part of the k-th of n generators, k from 0: the arrivals that
// it is the Owner of, with Index and At as in the whole. The n parts make up the
// whole. It yields nothing where there is no such generator.
func Share(all iter.Seq[Arrival], k, n int) iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		if k < 0 || k >= n {
			return
		}
		for a := range all {
			if Owner(a.Index, n) == k && !yield(a) {
				return
			}
		}
	}
}

// stream returns the random numbers of one phase. The odd constant, 2^64
// divided by the golden ratio, keeps the streams of neighbouring phases apart.
func stream(seed uint64, phase int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15*(uint64(phase)+1)))
}

// offsets yields the arrivals of one phase, in seconds from its start.
func (p Phase) offsets(rng *rand.Rand) iter.Seq[float64] {
	switch {
	case p.Guests > 0 && p.Poisson:
		return p.crowd(rng)
	case p.Poisson:
		return p.random(rng)
	}
	return p.even()
}

// even places round(mean) arrivals where the integral of the rate is 0, 1, 2, …;
// those of a burst at equal distances.
func (p Phase) even() iter.Seq[float64] {
	return func(yield func(float64) bool) {
		n := int(math.Round(p.mean()))
		gap := p.For.Seconds() / float64(n)
		for i := range n {
			at := float64(i) * gap
			if p.Guests == 0 {
				at = p.instant(float64(i))
			}
			if !yield(at) {
				return
			}
		}
	}
}

// random yields a Poisson process whose rate changes linearly: the arrivals of
// a process with rate 1, moved to where the integral of the rate reaches them.
// E. Çinlar, Introduction to Stochastic Processes, 1975, section 4.7; for
// linear rates R. W. Klein and S. D. Roberts, "A time-varying Poisson arrival
// process generator", Simulation 43 (1984) 193–195.
func (p Phase) random(rng *rand.Rand) iter.Seq[float64] {
	return func(yield func(float64) bool) {
		end := p.mean()
		for s := rng.ExpFloat64(); s < end; s += rng.ExpFloat64() {
			if !yield(p.instant(s)) {
				return
			}
		}
	}
}

// crowd yields a Poisson process given that it has exactly Guests arrivals:
// they are as many uniform numbers in order. Each is drawn from the one before:
// of j exponential variables the smallest is one of mean 1/j, and 1-exp(-x)
// turns them into uniform ones. A. Rényi, "On the theory of order statistics",
// Acta Math. Acad. Sci. Hung. 4 (1953) 191–231; as a program J. L. Bentley and
// J. B. Saxe, "Generating sorted lists of random numbers", ACM Trans. Math.
// Software 6 (1980) 359–364.
func (p Phase) crowd(rng *rand.Rand) iter.Seq[float64] {
	return func(yield func(float64) bool) {
		length, x := p.For.Seconds(), 0.0
		for j := p.Guests; j > 0; j-- {
			x += rng.ExpFloat64() / float64(j)
			if !yield(-length * math.Expm1(-x)) {
				return
			}
		}
	}
}
