package schedule

import (
	"math"
	"slices"
	"testing"
	"time"
)

// distance is the Kolmogorov–Smirnov statistic of values in [0, 1] against the
// uniform distribution, times the square root of their number: above 1.63 in 1 %
// of samples that are uniform.
func distance(values []float64) float64 {
	slices.Sort(values)
	n, d := float64(len(values)), 0.0
	for i, v := range values {
		d = max(d, v-float64(i)/n, float64(i+1)/n-v)
	}
	return d * math.Sqrt(n)
}

// The test of the test.
func TestDistanceSeesWhatIsNotUniform(t *testing.T) {
	var squares []float64
	for i := range 1000 {
		squares = append(squares, math.Pow(float64(i)/1000, 1.3))
	}
	if d := distance(squares); d < 1.63 {
		t.Errorf("distance %v", d)
	}
}

// TestArrivalTimesFollowTheRate: given their number, the arrivals of a Poisson
// process are independent with the rate as their density, so the integral of
// the rate makes them uniform.
func TestArrivalTimesFollowTheRate(t *testing.T) {
	for name, p := range map[string]Phase{
		"rate":    {From: 400, To: 400, For: 10 * time.Second, Poisson: true},
		"rising":  {From: 0, To: 800, For: 10 * time.Second, Poisson: true},
		"falling": {From: 900, To: 10, For: 10 * time.Second, Poisson: true},
		"burst":   {Guests: 5000, For: 10 * time.Second, Poisson: true},
	} {
		worst := 0.0
		for seed := range uint64(20) {
			var u []float64
			for a := range Arrivals([]Phase{p}, seed) {
				t := a.At.Seconds()
				share := t / p.For.Seconds()
				if p.Guests == 0 {
					share = (p.From*t + (p.To-p.From)/p.For.Seconds()*t*t/2) / p.mean()
				}
				u = append(u, share)
			}
			worst = max(worst, distance(u))
		}
		if worst > 2.23 { // 0.01 % of single samples, so 0.2 % of the worst of 20
			t.Errorf("%s: distance %v", name, worst)
		}
	}
}

// TestGapsAreExponential: what makes arrivals random is the gaps between them.
func TestGapsAreExponential(t *testing.T) {
	for name, p := range map[string]Phase{
		"rate": {From: 500, To: 500, For: 10 * time.Second, Poisson: true},
		// The gaps of 5,000 uniform numbers are nearly independent exponentials.
		"burst": {Guests: 5000, For: 10 * time.Second, Poisson: true},
	} {
		for seed := range uint64(10) {
			var u []float64
			last := time.Duration(0)
			for a := range Arrivals([]Phase{p}, seed) {
				u = append(u, -math.Expm1(-500*(a.At-last).Seconds()))
				last = a.At
			}
			if d := distance(u); d > 1.95 {
				t.Errorf("%s, seed %d: distance %v", name, seed, d)
			}
		}
	}
}

// TestRandomNumbersOfGuestsArePoisson: mean and variance are equal.
func TestRandomNumbersOfGuestsArePoisson(t *testing.T) {
	for name, p := range map[string]Phase{
		"rate": {From: 50, To: 50, For: 2 * time.Second, Poisson: true},
		"ramp": {From: 20, To: 80, For: 2 * time.Second, Poisson: true},
	} {
		const runs = 2000
		var sum, squares float64
		for seed := range uint64(runs) {
			n := float64(Planned([]Phase{p}, seed))
			sum += n
			squares += n * n
		}
		mean := sum / runs
		variance := squares/runs - mean*mean
		if math.Abs(mean-100) > 1 || math.Abs(variance-100) > 10 {
			t.Errorf("%s: mean %v, variance %v, want 100 of both", name, mean, variance)
		}
	}
}
