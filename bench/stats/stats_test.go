package stats

import "testing"

func TestWilsonIntervals(t *testing.T) {
	for s, want := range map[Share]string{
		{0, 0}:   "–",
		{0, 60}:  "0/60 (0.0–6.0 %)",
		{30, 30}: "30/30 (88.6–100.0 %)",
		{27, 30}: "27/30 (74.4–96.5 %)",
	} {
		if got := s.String(); got != want {
			t.Errorf("%d of %d: %s, want %s", s.Times, s.Of, got, want)
		}
	}
}

func TestMedians(t *testing.T) {
	for _, c := range []struct {
		values       []float64
		median, high float64
	}{{nil, 0, 0}, {[]float64{3}, 3, 3}, {[]float64{4, 1}, 2.5, 4}, {[]float64{9, 1, 2}, 2, 2}} {
		if m, h := Median(c.values), UpperMedian(c.values); m != c.median || h != c.high {
			t.Errorf("%v: %v and %v", c.values, m, h)
		}
	}
}
