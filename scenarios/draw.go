package scenarios

import (
	"math"
	"math/rand/v2"
	"time"
)

// Value draws: seconds, or a whole number where d is Whole. The same state of
// rng gives the same value. The zero Draw gives 0, and takes nothing from rng,
// as no Constant does.
func (d Draw) Value(rng *rand.Rand) float64 {
	v := d.A
	switch d.Form {
	case Constant:
		return v
	case Range:
		if d.Whole {
			v = d.A + float64(rng.IntN(int(d.B-d.A)+1))
		} else {
			v = d.A + rng.Float64()*(d.B-d.A)
		}
	case Exponential:
		v = d.A * rng.ExpFloat64()
	case LogNormal:
		v = d.A * math.Exp(d.B*rng.NormFloat64())
	case List:
		v = d.Values[rng.IntN(len(d.Values))]
	}
	if d.Whole {
		v = math.Round(v)
	}
	if d.Max > 0 {
		v = min(v, d.Max)
	}
	return max(v, d.Min)
}

// Duration draws a time.
func (d Draw) Duration(rng *rand.Rand) time.Duration {
	return time.Duration(min(d.Value(rng), maxDuration.Seconds()) * float64(time.Second))
}

// Count draws a whole number.
func (d Draw) Count(rng *rand.Rand) int {
	return int(min(d.Value(rng), maxGuests))
}
