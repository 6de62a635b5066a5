package gate

import (
	"cmp"
	"math"
	"slices"

	"guestload/results/student"
)

// exactUpTo is the largest sample whose null distribution is computed exactly.
const exactUpTo = 150

// signedRank is Wilcoxon's signed-rank statistic of differences from a shift,
// with its distribution if the differences are symmetric about that shift,
// given their sizes. Ties share their mean rank. Differences of zero are ranked
// with the others and then left out (Pratt 1959).
type signedRank struct {
	positive int   // twice the sum of the ranks of the positive differences
	ranks    []int // twice the ranks of all that are not zero
	tied     bool
}

func newSignedRank(values []float64, shift float64) signedRank {
	type difference struct {
		size float64
		sign int
	}
	ds := make([]difference, len(values))
	for i, v := range values {
		ds[i] = difference{math.Abs(v - shift), cmp.Compare(v, shift)}
	}
	slices.SortFunc(ds, func(a, b difference) int { return cmp.Compare(a.size, b.size) })
	s := signedRank{ranks: make([]int, 0, len(ds))}
	for from := 0; from < len(ds); {
		to := from + 1
		for to < len(ds) && ds[to].size == ds[from].size {
			to++
		}
		rank := from + 1 + to // twice the mean of from+1 .. to
		s.tied = s.tied || to > from+1 || ds[from].size == 0
		for _, d := range ds[from:to] {
			if d.sign == 0 {
				continue
			}
			s.ranks = append(s.ranks, rank)
			if d.sign > 0 {
				s.positive += rank
			}
		}
		from = to
	}
	return s
}

// above returns the chance of a statistic at least this large if the location
// is at or below the shift: small is evidence that it lies above.
func (s signedRank) above(t *tables) float64 { return s.tail(t, s.positive) }

// below is the same for a location below the shift.
func (s signedRank) below(t *tables) float64 {
	total := 0
	for _, r := range s.ranks {
		total += r
	}
	return s.tail(t, total-s.positive) // the distribution is symmetric
}

// tail returns the chance of a statistic of at least w, twice the sum of ranks.
func (s signedRank) tail(t *tables, w int) float64 {
	switch {
	case len(s.ranks) == 0:
		return 1
	case len(s.ranks) > exactUpTo:
		return s.normalTail(w)
	case s.tied:
		return upperTail(distribution(s.ranks), w)
	}
	return upperTail(t.of(len(s.ranks)), w/2)
}

// normalTail approximates with the continuity correction. The variance is a
// quarter of the sum of the squared ranks, which takes ties into account.
func (s signedRank) normalTail(w int) float64 {
	var mean, variance float64
	for _, r := range s.ranks {
		rank := float64(r) / 2
		mean += rank / 2
		variance += rank * rank / 4
	}
	return student.NormalSurvival((float64(w)/2 - mean - 0.5) / math.Sqrt(variance))
}

// tables keeps the distributions of samples without ties, by size.
type tables struct{ bySize map[int][]float64 }

func newTables() *tables { return &tables{bySize: make(map[int][]float64)} }

func (t *tables) of(n int) []float64 {
	d := t.bySize[n]
	if d == nil {
		ranks := make([]int, n)
		for i := range ranks {
			ranks[i] = i + 1
		}
		d = distribution(ranks)
		t.bySize[n] = d
	}
	return d
}

// distribution returns the chance of each sum when every rank is in it or not,
// a coin toss each: the shift algorithm of Streitberg and Röhmel (1986).
func distribution(ranks []int) []float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	p := make([]float64, total+1)
	p[0] = math.Ldexp(1, -len(ranks)) // of any one outcome
	most := 0
	for _, r := range ranks {
		most += r
		for sum := most; sum >= r; sum-- {
			p[sum] += p[sum-r]
		}
	}
	return p
}

// upperTail adds up the chances from w, the smallest first.
func upperTail(p []float64, w int) float64 {
	sum := 0.0
	for i := len(p) - 1; i >= max(w, 0); i-- {
		sum += p[i]
	}
	return min(sum, 1)
}
