package trend

import (
	"math"
	"math/rand/v2"
	"slices"

	"guestload/bench/stats"
)

// ChangePoint is where a series changes: Index is the first value of the new
// level. Before and After are the medians of the stretches on either side, up to
// the next change points.
type ChangePoint struct {
	Index         int
	Before, After float64
	P             float64 // of as large a change in a series without one
}

const (
	permutations = 999  // of a stretch, to judge its best split
	significance = 0.01 // of one split
	shortest     = 3    // values on each side
)

// changePoints finds where the distribution of a series changes, by E-divisive:
// the split with the largest energy distance between its sides, tested by
// permutation, and again on either side while there is one. See Matteson and
// James, "A Nonparametric Approach for Multiple Change Point Analysis of
// Multivariate Data" (2014), and Daly et al., "The Use of Change Point Detection
// to Identify Software Performance Regressions in a Continuous Integration
// System" (ICPE 2020), where it replaced thresholds; Apache Otava builds on that.
// The same series gives the same points.
func changePoints(series []float64) []ChangePoint {
	random := rand.New(rand.NewPCG(uint64(len(series)), 1))
	found := map[int]float64{}
	var divide func(from, to int)
	divide = func(from, to int) {
		at, p := split(series[from:to], random)
		if p > significance {
			return
		}
		found[from+at] = p
		divide(from, from+at)
		divide(from+at, to)
	}
	divide(0, len(series))
	var at []int
	for i := range found {
		at = append(at, i)
	}
	slices.Sort(at)
	points := make([]ChangePoint, len(at))
	for i, index := range at {
		from, to := 0, len(series)
		if i > 0 {
			from = at[i-1]
		}
		if i+1 < len(at) {
			to = at[i+1]
		}
		points[i] = ChangePoint{index, stats.UpperMedian(series[from:index]), stats.UpperMedian(series[index:to]), found[index]}
	}
	return points
}

// split finds the best split of a stretch, and how often chance alone would do
// as well; 1 where there is none to find.
func split(stretch []float64, random *rand.Rand) (at int, p float64) {
	if len(stretch) < 2*shortest {
		return 0, 1
	}
	at, best := bestSplit(stretch)
	if best == 0 {
		return 0, 1
	}
	as := 0
	shuffled := slices.Clone(stretch)
	for range permutations {
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if _, q := bestSplit(shuffled); q >= best {
			as++
		}
	}
	return at, float64(as+1) / (permutations + 1)
}

// bestSplit returns the split with the largest scaled energy distance. The sums
// of distances within and between the sides follow from one split to the next.
func bestSplit(x []float64) (at int, best float64) {
	var left, right, between float64 // sums over pairs
	for i := range x {
		for j := range i {
			right += math.Abs(x[i] - x[j])
		}
	}
	for k := 1; k < len(x); k++ { // x[k-1] moves from right to left
		var toLeft, toRight float64
		for _, v := range x[:k-1] {
			toLeft += math.Abs(x[k-1] - v)
		}
		for _, v := range x[k:] {
			toRight += math.Abs(x[k-1] - v)
		}
		left += toLeft
		right -= toRight
		between += toRight - toLeft
		n, m := float64(k), float64(len(x)-k)
		if k < shortest || len(x)-k < shortest {
			continue
		}
		energy := 2*between/(n*m) - 2*left/(n*(n-1)) - 2*right/(m*(m-1))
		if q := n * m / (n + m) * energy; q > best {
			at, best = k, q
		}
	}
	return at, best
}
