package scenarios

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func TestDrawsFollowTheirDistribution(t *testing.T) {
	const n = 20000
	for name, test := range map[string]struct {
		draw                  Draw
		mean, median, low, up float64 // mean 0: not checked
	}{
		"nothing":         {Draw{}, 0, 0, 0, 0},
		"constant":        {Draw{A: 5, Whole: true, Min: 1}, 5, 5, 5, 5},
		"time range":      {Draw{Form: Range, A: 0.2, B: 0.8}, 0.5, 0.5, 0.2, 0.8},
		"count range":     {Draw{Form: Range, A: 5, B: 10, Whole: true, Min: 1}, 7.5, 0, 5, 10},
		"list":            {Draw{Form: List, Values: []float64{1, 2, 6}}, 3, 2, 1, 6},
		"exponential":     {Draw{Form: Exponential, A: 0.5}, 0.5, 0.5 * math.Ln2, 0, 20},
		"exponential cut": {Draw{Form: Exponential, A: 0.5, Max: 1}, 0.5 * (1 - math.Exp(-2)), 0.5 * math.Ln2, 0, 1},
		"log-normal":      {Draw{Form: LogNormal, A: 0.4, B: 0.5}, 0.4 * math.Exp(0.125), 0.4, 0, 20},
		"counts from 1":   {Draw{Form: Exponential, A: 1, Max: 5, Whole: true, Min: 1}, 0, 1, 1, 5},
	} {
		random := rng(1)
		values := make([]float64, n)
		sum := 0.0
		for i := range values {
			values[i] = test.draw.Value(random)
			sum += values[i]
			if test.draw.Whole && values[i] != math.Trunc(values[i]) {
				t.Fatalf("%s: %v is no whole number", name, values[i])
			}
		}
		slices.Sort(values)
		near := func(got, want float64) bool { return want == 0 || math.Abs(got-want) < 0.03*want }
		if !near(sum/n, test.mean) || !near(values[n/2], test.median) || values[0] < test.low || values[n-1] > test.up {
			t.Errorf("%s: mean %v, median %v, from %v to %v", name, sum/n, values[n/2], values[0], values[n-1])
		}
		if test.draw.Whole && (values[0] != test.low || values[n-1] != test.up) {
			t.Errorf("%s: from %v to %v, want both ends", name, values[0], values[n-1])
		}
	}
}

func TestTheSameSeedDrawsTheSame(t *testing.T) {
	d := Draw{Form: LogNormal, A: 0.4, B: 0.5}
	a, b := rng(7), rng(7)
	for range 100 {
		if x, y := d.Value(a), d.Value(b); x != y {
			t.Fatalf("%v and %v", x, y)
		}
	}
}

func TestDurationsAndCountsStayInRange(t *testing.T) {
	huge := Draw{Form: LogNormal, A: 1e6, B: 5}
	random := rng(1)
	for range 1000 {
		if d := huge.Duration(random); d < 0 || d > maxDuration {
			t.Fatalf("duration %v", d)
		}
		if n := huge.Count(random); n < 0 || n > maxGuests {
			t.Fatalf("count %v", n)
		}
	}
	if d := (Draw{A: 0.25}).Duration(random); d != 250*time.Millisecond {
		t.Errorf("duration %v", d)
	}
}

func BenchmarkDraw(b *testing.B) {
	d, random := Draw{Form: LogNormal, A: 0.4, B: 0.5, Max: 10}, rng(1)
	b.ReportAllocs()
	for b.Loop() {
		d.Duration(random)
	}
}
