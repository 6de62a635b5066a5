package ab

import (
	"math"
	"testing"
)

func TestStealIsAShareOfTheTimeBetween(t *testing.T) {
	at := func(line string) Times { return timesOf(line + "\ncpu0 1 2 3\n") }
	before := at("cpu  100 0 50 800 10 0 5 35 7 0")
	for _, c := range []struct {
		after string
		want  float64
	}{
		{"cpu  130 0 60 840 10 0 5 55 9 0", 0.2},
		{"cpu  200 0 50 800 10 0 5 35 7 0", 0},
		{"cpu  100 0 50 800 10 0 5 35 7 0", math.NaN()}, // no time is over
		{"cpu  1 2 3", math.NaN()},
		{"cpu  1 2 x 4 5 6 7 8", math.NaN()},
		{"intr 1", math.NaN()},
	} {
		got := at(c.after).Steal(before)
		if got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%q: %v, want %v", c.after, got, c.want)
		}
	}
	if got := at("cpu  100 0 50 800 10 0 5 35 7 0").Steal(Times{}); !math.IsNaN(got) {
		t.Errorf("since nothing: %v", got)
	}
}
