package student_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"guestload/results/student"
)

// The table of the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
func TestQuantilesAreThePublishedOnes(t *testing.T) {
	chances := []float64{0.90, 0.95, 0.975, 0.99, 0.995, 0.999}
	for freedom, want := range map[student.T][]float64{
		1:   {3.078, 6.314, 12.706, 31.821, 63.657, 318.309},
		2:   {1.886, 2.920, 4.303, 6.965, 9.925, 22.327},
		5:   {1.476, 2.015, 2.571, 3.365, 4.032, 5.893},
		10:  {1.372, 1.812, 2.228, 2.764, 3.169, 4.144},
		30:  {1.310, 1.697, 2.042, 2.457, 2.750, 3.385},
		100: {1.290, 1.660, 1.984, 2.364, 2.626, 3.174},
	} {
		for i, p := range chances {
			if got := freedom.Quantile(p); math.Abs(got-want[i]) > 0.00051 {
				t.Errorf("%v degrees of freedom, %v: %.4f, want %v", freedom, p, got, want[i])
			}
		}
	}
	for i, want := range []float64{1.282, 1.645, 1.960, 2.326, 2.576, 3.090} {
		normal, infinite := student.NormalQuantile(chances[i]), student.T(math.Inf(1)).Quantile(chances[i])
		if math.Abs(normal-want) > 0.00051 || normal != infinite {
			t.Errorf("normal, %v: %.4f and %.4f, want %v", chances[i], normal, infinite, want)
		}
	}
}

func TestChancesAreThoseOfAnotherImplementation(t *testing.T) {
	near := func(what string, freedom, at, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Errorf("%s with %v degrees of freedom at %v: %v, want %v", what, freedom, at, got, want)
		}
	}
	for _, freedom := range []float64{0.5, 1, 2.5, 3, 11, 12.7, 100, 1234.5, 1e5, 999_999} {
		d, other := student.T(freedom), distuv.StudentsT{Sigma: 1, Nu: freedom}
		for _, x := range []float64{-40, -3, -0.1, 0, 1e-9, 0.1, 1, 2, 5, 12, 40} {
			near("survival", freedom, x, d.Survival(x), other.Survival(x))
		}
		for _, p := range []float64{1e-12, 1e-4, 0.025, 0.4, 0.5, 0.7, 0.995, 0.9999} {
			near("quantile", freedom, p, d.Survival(d.Quantile(p)), 1-p)
		}
	}
	for _, x := range []float64{-30, -1, 0, 0.5, 3, 5} {
		near("survival", math.Inf(1), x, student.NormalSurvival(x), distuv.UnitNormal.Survival(x))
		near("survival", 2e6, x, student.T(2e6).Survival(x), distuv.UnitNormal.Survival(x))
	}
}

func TestTheEndsAreInfinite(t *testing.T) {
	for _, d := range []student.T{1, 30, 1e9} {
		if d.Quantile(0) != math.Inf(-1) || d.Quantile(1) != math.Inf(1) || d.Survival(math.Inf(1)) != 0 || d.Survival(math.Inf(-1)) != 1 {
			t.Errorf("%v: %v, %v, %v, %v", d, d.Quantile(0), d.Quantile(1), d.Survival(math.Inf(1)), d.Survival(math.Inf(-1)))
		}
		for _, p := range []float64{-1, 2, math.NaN()} {
			if got := d.Quantile(p); !math.IsNaN(got) {
				t.Errorf("%v: the quantile of %v is %v", d, p, got)
			}
		}
		if got := d.Survival(math.NaN()); !math.IsNaN(got) {
			t.Errorf("%v: the survival of NaN is %v", d, got)
		}
	}
	for _, d := range []student.T{0, -1, student.T(math.NaN())} {
		if s, q := d.Survival(1), d.Quantile(0.9); !math.IsNaN(s) || !math.IsNaN(q) {
			t.Errorf("%v degrees of freedom: %v, %v", d, s, q)
		}
	}
}
