package session

import (
	"math"
	"math/rand/v2"
)

// random generates the random numbers of one guest. Each step has a stream of its own, so
// that what is drawn depends on seed, guest and step, and not on earlier steps.
//
// It points to itself and must not be copied.
type random struct {
	rand.Rand
	source rand.PCG
}

// newRandom starts with stream 0.
func newRandom(seed uint64, guest int) *random {
	d := new(random)
	d.startStep(seed, guest, 0)
	return d
}

// startStep starts the stream of the n-th step, from 1. Stream 0 chooses the script.
func (d *random) startStep(seed uint64, guest, n int) {
	d.source.Seed(mix(seed)+mix(uint64(guest)), mix(uint64(guest)<<16|uint64(n)&0xffff))
	d.Rand = *rand.New(&d.source)
}

// mix is the finalizer of SplitMix64: it scatters neighbouring numbers.
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// pick draws one of the values, "" where there are none.
func (d *random) pick(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[d.IntN(len(values))]
}

// lognormalTail is the factor over the median that 1 of 10,000 draws exceeds.
func lognormalTail(sigma float64) float64 { return math.Exp(3.72 * sigma) }

// lognormalMean is the factor of the mean over the median.
func lognormalMean(sigma float64) float64 { return math.Exp(sigma * sigma / 2) }
