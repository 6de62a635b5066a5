package gate

import (
	"math"
	"slices"

	"guestload/results/student"
)

// Confidence is that of the intervals that are reported with a change. They
// hold for one look, and decide nothing.
const Confidence = 0.95

// Change is by how much head differs from base, as a share: 0.05 is 5 % more.
type Change struct {
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
}

// changeOf returns the estimate of Hodges and Lehmann (1963), the median of the
// means of all pairs of values, and the interval of the shifts that the
// signed-rank test would not reject (Hollander, Wolfe and Chicken 2014, 3.2 and
// 3.3). ratios are ln(head/base), or turned round; there is at least one. nil
// stands for a change too large for a number.
func changeOf(ratios []float64, turned bool, t *tables) *Change {
	walsh := walshAverages(ratios)
	k := t.quantile(len(ratios), (1-Confidence)/2)
	low, middle, high := walsh[k-1], median(walsh), walsh[len(walsh)-k]
	if turned {
		low, middle, high = -high, -middle, -low
	}
	c := Change{Estimate: math.Expm1(middle), Low: math.Expm1(low), High: math.Expm1(high)}
	if !isFinite(c.Low) || !isFinite(c.High) {
		return nil
	}
	return &c
}

// walshAverages returns the means of all pairs, each value with itself
// included, in order.
func walshAverages(values []float64) []float64 {
	w := make([]float64, 0, len(values)*(len(values)+1)/2)
	for i, a := range values {
		for _, b := range values[i:] {
			w = append(w, (a+b)/2)
		}
	}
	slices.Sort(w)
	return w
}

// median of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}

// quantile returns the least sum, and at least 1, that the statistic of n values
// does not exceed with a chance of at least p.
func (t *tables) quantile(n int, p float64) int {
	if n > exactUpTo {
		size := float64(n)
		mean, deviation := size*(size+1)/4, math.Sqrt(size*(size+1)*(2*size+1)/24)
		return max(1, int(math.Round(mean+deviation*student.NormalQuantile(p))))
	}
	cumulated := 0.0
	for sum, chance := range t.of(n) {
		cumulated += chance
		if cumulated >= p {
			return max(sum, 1)
		}
	}
	return 1
}
