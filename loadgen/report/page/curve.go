package page

import (
	"math"

	"guestload/results/series"
)

// perDecade is how many points a curve has for each further nine: from p90 to
// p99, from p99 to p99.9 and so on.
const perDecade = 12

// curve is a distribution from its least to its greatest value. X is 1/(1-q) for
// the quantile q, so that on a logarithmic scale every further nine is as wide as
// the one before; times are in milliseconds.
type curve struct {
	X        []float64 `json:"x"`
	Response []float64 `json:"response"`
	Service  []float64 `json:"service"`
}

// curves draws those operations that ever succeeded.
func curves(totals map[string]*series.Times) map[string]curve {
	drawn := map[string]curve{}
	for name, t := range totals {
		if t.Response.TotalCount() > 0 {
			drawn[name] = newCurve(t)
		}
	}
	return drawn
}

// newCurve draws as far as there are samples: the last point is the greatest.
// A time has a response and a service sample, so both have one X.
func newCurve(t *series.Times) curve {
	samples := float64(t.Response.TotalCount())
	var c curve
	for i := 0; ; i++ {
		x := math.Pow(10, float64(i)/perDecade)
		if x >= samples {
			break
		}
		c.X = append(c.X, round(x))
	}
	c.X = append(c.X, samples)
	percentiles := make([]float64, len(c.X))
	for i, x := range c.X {
		percentiles[i] = 100 - 100/x
	}
	percentiles[len(percentiles)-1] = 100
	c.Response, c.Service = values(t.Response, percentiles), values(t.Service, percentiles)
	return c
}

func values(h *series.Histogram, percentiles []float64) []float64 {
	at := series.Percentiles(h, percentiles...)
	ms := make([]float64, len(at))
	for i, us := range at {
		ms[i] = millis(us)
	}
	return ms
}
