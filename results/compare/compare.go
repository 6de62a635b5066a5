// Package compare puts run records side by side, and tells changes from noise.
package compare

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"guestload/results"
	"guestload/results/series"
)

// Comparison is two or more runs side by side.
type Comparison struct {
	Records  []results.Record // the first is what the others are held against
	Rows     []Row            // by operation, then response before service time, then percentile
	Warnings []string         // what differs between the runs besides what may be compared
}

// Row is one percentile of all runs.
type Row struct {
	Operation  string
	Kind       string    // response or service
	Percentile string    // such as p99.9
	Millis     []float64 // by record; NaN where nothing was measured
	Changes    []Change  // by record after the first
}

// Change is what became of a percentile.
type Change struct {
	Ratio     float64 // to the first record's: 1.2 is 20 % slower; NaN where one of them is missing
	Low, High float64 // 99 % confidence interval of Ratio; NaN where Finding is Unclear
	Finding   Finding
}

// Finding says whether a change is more than noise.
type Finding string

// The findings.
const (
	Noise   Finding = "noise"   // no more than the seconds of each run differ by themselves
	Slower  Finding = "slower"  // more than noise
	Faster  Finding = "faster"  // more than noise
	Unclear Finding = "unclear" // too few samples or seconds to tell
)

// compared are the percentiles of a comparison.
var compared = [...]struct {
	name  string
	share float64
	of    func(results.Summary) float64
}{
	{"p50", 0.50, func(s results.Summary) float64 { return s.P50 }},
	{"p90", 0.90, func(s results.Summary) float64 { return s.P90 }},
	{"p95", 0.95, func(s results.Summary) float64 { return s.P95 }},
	{"p99", 0.99, func(s results.Summary) float64 { return s.P99 }},
	{"p99.9", 0.999, func(s results.Summary) float64 { return s.P999 }},
}

// Runs holds runs against the first of them. Noise is estimated from how
// the seconds of each run differ, see noise; what differs from one run to the
// next for other reasons, such as a machine that is busier, is not in it.
// The same runs always give the same comparison.
func Runs(runs ...results.Run) (Comparison, error) {
	if len(runs) < 2 {
		return Comparison{}, fmt.Errorf("compare run records: want two or more, found %d", len(runs))
	}
	var c Comparison
	totals := make([]map[string]*series.Times, len(runs))
	present := map[string]bool{}
	for i := range runs {
		if len(runs[i].Seconds) == 0 {
			return Comparison{}, errors.New("compare run records: one of them has no seconds")
		}
		c.Records = append(c.Records, runs[i].Record)
		totals[i] = runs[i].Totals()
		for name := range totals[i] {
			present[name] = true
		}
	}
	c.Warnings = incomparable(c.Records)
	for _, name := range slices.Sorted(maps.Keys(present)) {
		for kind, called := range []string{"response", "service"} { // lag is the generator's
			rows := make([]Row, len(compared))
			for i, p := range compared {
				rows[i] = Row{Operation: name, Kind: called, Percentile: p.name}
			}
			var first sampled
			for i := range runs {
				s := sample(&runs[i], totals[i][name], name, kind)
				if i == 0 {
					first = s
				}
				for j := range rows {
					rows[j].Millis = append(rows[j].Millis, s.millis[j])
					if i > 0 {
						rows[j].Changes = append(rows[j].Changes, change(first, s, j))
					}
				}
			}
			c.Rows = append(c.Rows, rows...)
		}
	}
	return c, nil
}

// sampled is one operation's times of one kind in one run.
type sampled struct {
	samples int64
	millis  [len(compared)]float64 // NaN where there are none
	noise   noise
}

func sample(run *results.Run, total *series.Times, name string, kind int) sampled {
	var s sampled
	if total != nil {
		s.samples = total.Histograms()[kind].TotalCount()
	}
	if s.samples == 0 {
		for i := range s.millis {
			s.millis[i] = math.NaN()
		}
		return s
	}
	summary := results.Summarize(total.Histograms()[kind])
	for i, p := range compared {
		s.millis[i] = p.of(summary)
	}
	s.noise = bootstrap(run.Seconds, name, kind)
	return s
}

// incomparable says what differs between records that should be alike.
func incomparable(records []results.Record) (warnings []string) {
	a := records[0]
	for _, b := range records[1:] {
		for _, d := range []struct{ what, a, b string }{
			{"scenario", a.Scenario, b.Scenario},
			{"scenario file", hashed(a.ScenarioHash), hashed(b.ScenarioHash)},
			{"seed", fmt.Sprint(a.Seed), fmt.Sprint(b.Seed)},
			{"target", a.Environment.Target, b.Environment.Target},
			{"transport", a.Environment.Transport, b.Environment.Transport},
			{"storage", a.Environment.Storage, b.Environment.Storage},
			{"Go", a.Environment.Go, b.Environment.Go},
			{"system", a.Environment.OS, b.Environment.OS},
			{"processor", a.Environment.CPU, b.Environment.CPU},
			{"number of processors", fmt.Sprint(a.Environment.CPUs), fmt.Sprint(b.Environment.CPUs)},
			{"number of guests", fmt.Sprint(a.Guests.Planned), fmt.Sprint(b.Guests.Planned)},
		} {
			if d.a != d.b {
				if words := fmt.Sprintf("the %s differs: %s and %s", d.what, d.a, d.b); !slices.Contains(warnings, words) {
					warnings = append(warnings, words)
				}
			}
		}
	}
	for i, r := range records {
		if len(r.Invalid) > 0 {
			warnings = append(warnings, fmt.Sprintf("%s is invalid: %s", Side(i), r.Invalid[0]))
		}
	}
	return warnings
}

// Side names the i-th of records that are compared: A, B, …
func Side(i int) string {
	if i >= 26 {
		return strconv.Itoa(i + 1)
	}
	return string(rune('A' + i))
}

// hashed is as much of a hash as tells it from others.
func hashed(hash string) string { return hash[:min(len(hash), 12)] }
