// Package student is Student's t distribution, and the normal one that it tends to.
package student

import (
	"math"

	"github.com/aclements/go-moremath/mathx"
)

// nearlyNormal is where T no longer differs from the normal distribution by more than
// one part in a million.
const nearlyNormal = 1e6

// T is the distribution with so many degrees of freedom, above 0. With others, and of NaN,
// its methods return NaN.
type T float64

// Survival is the chance of more than x.
func (t T) Survival(x float64) float64 {
	freedom := float64(t)
	switch {
	case !(freedom > 0) || math.IsNaN(x):
		return math.NaN()
	case freedom > nearlyNormal || math.IsInf(x, 0):
		return NormalSurvival(x)
	case x < 0:
		return 1 - t.Survival(-x)
	}
	return mathx.BetaInc(freedom/(freedom+x*x), freedom/2, 0.5) / 2
}

// Quantile is what a value exceeds with a chance of 1 - p, to 14 digits; ±Inf where p is 0 or 1.
func (t T) Quantile(p float64) float64 {
	switch {
	case !(t > 0):
		return math.NaN()
	case float64(t) > nearlyNormal || math.IsNaN(p) || p <= 0 || p >= 1:
		return NormalQuantile(p)
	case p < 0.5:
		return -t.quantile(p)
	}
	return t.quantile(1 - p)
}

// quantile is the value, 0 or more, that is exceeded with a chance of beyond, at most one half.
func (t T) quantile(beyond float64) float64 {
	low, high := 0.0, 1.0
	for t.Survival(high) > beyond {
		low, high = high, 2*high
	}
	for {
		middle := (low + high) / 2
		if middle <= low || middle >= high {
			return middle
		}
		if t.Survival(middle) > beyond {
			low = middle
		} else {
			high = middle
		}
	}
}

// NormalSurvival is the chance that a standard normal value is more than x.
func NormalSurvival(x float64) float64 { return math.Erfc(x/math.Sqrt2) / 2 }

// NormalQuantile is what a standard normal value exceeds with a chance of 1 - p: ±Inf where
// p is 0 or 1, and NaN beyond.
func NormalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }
