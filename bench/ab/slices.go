package ab

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Effort is how long and how often a benchmark is repeated within one run, in
// one process.
type Effort struct {
	Time       time.Duration // of a slice
	Operations int           // of a slice, instead of a time; 0: Time says
	Slices     int
}

// benchtime is the value of -test.benchtime.
func (e Effort) benchtime() string {
	if e.Operations > 0 {
		return fmt.Sprintf("%dx", e.Operations)
	}
	return e.Time.String()
}

// Fastest is the mean of the fastest fifth of a run's slices, which has one at
// least; it sorts them.
//
// Other load on the machine only ever adds to a time, for some tens of
// milliseconds and in some of the slices: this varies half as much from run to run
// as the mean of all. (Chen and Revels, "Robust benchmarking in noisy
// environments", 2016, take the fastest.)
func Fastest(slicesNs []float64) float64 {
	slices.Sort(slicesNs)
	return mean(slicesNs[:(len(slicesNs)+4)/5])
}

// summary is one figure a unit of a run's slices: times are those of the fastest,
// and what can err to either side is the median.
func summary(runs []Values) Values {
	v := Values{}
	for unit := range runs[0] {
		var all []float64
		for _, r := range runs {
			all = append(all, r[unit])
		}
		slices.Sort(all)
		switch {
		case unit == iterations:
			v[unit] = mean(all) * float64(len(all))
		case strings.HasSuffix(unit, "ns/op"):
			v[unit] = Fastest(all)
		default:
			v[unit] = all[len(all)/2]
		}
	}
	return v
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
