package gate

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestCriticalValues compares the exact distribution with the published table
// of critical values (Wilcoxon and Wilcox 1964, as in Hollander, Wolfe and
// Chicken 2014, table A.4): the largest sum of ranks whose one-sided chance is
// at most the level.
func TestCriticalValues(t *testing.T) {
	levels := []float64{0.05, 0.025, 0.01, 0.005}
	for n, want := range map[int][4]int{
		8:  {5, 3, 1, 0},
		10: {10, 8, 5, 3},
		12: {17, 13, 9, 7},
		15: {30, 25, 19, 15},
		20: {60, 52, 43, 37},
		25: {100, 89, 76, 68},
		30: {151, 137, 120, 109},
		50: {466, 434, 397, 373},
	} {
		p := newTables().of(n)
		for i, level := range levels {
			// The distribution is symmetric: the lower tail of w is the upper of total-w.
			total := n * (n + 1) / 2
			if got := upperTail(p, total-want[i]); got > level {
				t.Errorf("n %d: P(T <= %d) = %.5f, want at most %v", n, want[i], got, level)
			}
			if got := upperTail(p, total-want[i]-1); got <= level {
				t.Errorf("n %d: P(T <= %d) = %.5f, want more than %v", n, want[i]+1, got, level)
			}
		}
	}
}

// depression is the example of Hollander, Wolfe and Chicken (2014), 3.1: the
// change of a depression factor of nine patients under a tranquilizer.
var depression = func() []float64 {
	before := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	after := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	z := make([]float64, len(before))
	for i := range z {
		z[i] = after[i] - before[i]
	}
	return z
}()

func TestThePublishedExample(t *testing.T) {
	s, tb := newSignedRank(depression, 0), newTables()
	if s.positive != 2*5 {
		t.Errorf("T+ = %v, want 5", float64(s.positive)/2)
	}
	if p := s.below(tb); math.Abs(p-0.01953) > 1e-4 {
		t.Errorf("one-sided p = %.5f, want 0.0195", p)
	}
	walsh := walshAverages(depression)
	if m := median(walsh); math.Abs(m+0.46) > 1e-9 {
		t.Errorf("estimate %v, want -0.46", m)
	}
	k := tb.quantile(len(depression), 0.025)
	if low, high := walsh[k-1], walsh[len(walsh)-k]; math.Abs(low+0.786) > 1e-3 || math.Abs(high+0.010) > 1e-3 {
		t.Errorf("interval %.3f .. %.3f, want -0.786 .. -0.010", low, high)
	}
}

// TestTiesAndZerosAgreeWithEnumeration tosses every coin.
func TestTiesAndZerosAgreeWithEnumeration(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tb := newTables()
	for range 300 {
		values := make([]float64, 1+r.IntN(9))
		for i := range values {
			values[i] = float64(r.IntN(7) - 3)
		}
		s := newSignedRank(values, 0)
		atLeast, all := 0, 1<<len(s.ranks)
		for signs := range all {
			sum := 0
			for i, rank := range s.ranks {
				if signs>>i&1 == 1 {
					sum += rank
				}
			}
			if sum >= s.positive {
				atLeast++
			}
		}
		if got, want := s.above(tb), float64(atLeast)/float64(all); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v: p %v, want %v", values, got, want)
		}
	}
}

func TestZerosAreRankedAndLeftOut(t *testing.T) {
	// Pratt 1959: the zero takes rank 1, so the others have 2, 3 and 4.
	s := newSignedRank([]float64{0, 1, -2, 3}, 0)
	if s.positive != 2*(2+4) || len(s.ranks) != 3 {
		t.Errorf("%+v, want a sum of 6 of three ranks", s)
	}
	if p := newSignedRank([]float64{0, 0}, 0).above(newTables()); p != 1 {
		t.Errorf("p of nothing but zeros is %v, want 1", p)
	}
}

func TestTheApproximationMeetsTheExactTail(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	tb := newTables()
	for trial := range 60 {
		values := make([]float64, 100)
		for i := range values {
			values[i] = r.NormFloat64() + 0.02*float64(trial%20)
			if trial%2 == 1 {
				values[i] = math.Round(4*values[i]) / 4
			}
		}
		s := newSignedRank(values, 0)
		exact, normal := s.above(tb), s.normalTail(s.positive)
		if math.Abs(exact-normal) > 0.003 {
			t.Errorf("trial %d: exact %.5f, approximated %.5f", trial, exact, normal)
		}
	}
}

func TestQuantilesMeetWhereTheApproximationBegins(t *testing.T) {
	tb := newTables()
	exact := tb.quantile(exactUpTo, 0.025)
	if next := tb.quantile(exactUpTo+1, 0.025); next < exact || next > exact+150 {
		t.Errorf("the quantile of %d values is %d, of one more %d", exactUpTo, exact, next)
	}
}

func TestTheTwoTailsOverlapInOnePoint(t *testing.T) {
	tb := newTables()
	for n := 1; n <= 40; n++ {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(i+1) * float64(1-2*(i%2))
		}
		s := newSignedRank(values, 0)
		point := tb.of(n)[s.positive/2]
		if sum := s.above(tb) + s.below(tb); math.Abs(sum-1-point) > 1e-12 {
			t.Errorf("n %d: the tails add up to %v, want 1 + %v", n, sum, point)
		}
	}
}
