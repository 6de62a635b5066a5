package stats

import (
	"fmt"
	"math"
)

// Share is how often something happened, of so many times.
type Share struct {
	Times int `json:"times"`
	Of    int `json:"of"`
}

// Interval is that of Wilson (1927) for the true rate, at 95 %: it stays within
// 0..1 and is right for rates near either end, where the usual one is not.
// See Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion" (2001).
func (s Share) Interval() (low, high float64) {
	if s.Of == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	n, p := float64(s.Of), float64(s.Times)/float64(s.Of)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, middle-half), min(1, middle+half)
}

func (s Share) String() string {
	if s.Of == 0 {
		return "–"
	}
	low, high := s.Interval()
	return fmt.Sprintf("%d/%d (%.1f–%.1f %%)", s.Times, s.Of, 100*low, 100*high)
}
