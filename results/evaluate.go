package results

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"guestload/results/series"
	"guestload/scenarios"
)

// Evaluate holds thresholds against a run. A threshold on something that never
// happened, or was not measured, fails with "no data".
// Warm-up seconds count for none; failures of warm-up are in no second.
func Evaluate(thresholds []scenarios.Threshold, run Run) []ThresholdResult {
	results := make([]ThresholdResult, 0, len(thresholds))
	for _, t := range thresholds {
		o := observe(t, run)
		results = append(results, ThresholdResult{
			Expression: t.Expression,
			Observed:   o.words(t),
			Passed:     o.missing == "" && t.Comparison.Holds(o.value, t.Value),
		})
	}
	return results
}

// Tightest is the lowest bound that a threshold sets on a time from above; 0 for none.
func Tightest(thresholds []scenarios.Threshold) time.Duration {
	var tightest time.Duration
	for _, t := range thresholds {
		if !boundsTime(t) {
			continue
		}
		if d := duration(t.Value); tightest == 0 || d < tightest {
			tightest = d
		}
	}
	return tightest
}

// NarrowestMiss is the least by which a bound from above on a response time or
// a lag was missed; 0 where none was. Lateness of the generator is in both.
func NarrowestMiss(thresholds []scenarios.Threshold, run Run) time.Duration {
	var narrowest time.Duration
	for _, t := range thresholds {
		if !boundsTime(t) || t.Metric == scenarios.MetricService {
			continue
		}
		o := observe(t, run)
		if o.missing != "" || t.Comparison.Holds(o.value, t.Value) {
			continue
		}
		if d := max(duration(o.value-t.Value), 1); narrowest == 0 || d < narrowest {
			narrowest = d
		}
	}
	return narrowest
}

func boundsTime(t scenarios.Threshold) bool {
	return t.Unit == scenarios.Milliseconds && (t.Comparison == scenarios.Below || t.Comparison == scenarios.AtMost)
}

func duration(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// noData is what was observed of something that never happened.
const noData = "no data"

// observation is a number that was seen, or why there is none.
type observation struct {
	value   float64
	missing string
	from    int // first second of the window that decides; -1: the whole run
}

func (o observation) words(t scenarios.Threshold) string {
	if o.missing != "" {
		return o.missing
	}
	text := strconv.FormatFloat(o.value, 'f', -1, 64)
	switch t.Unit {
	case scenarios.Milliseconds:
		text = FormatMillis(o.value)
	case scenarios.MsPerSession:
		text = fmt.Sprintf("%.2fms/session", o.value)
	case scenarios.PerSecond:
		text = fmt.Sprintf("%.1f/s", o.value)
	case scenarios.Megabytes:
		text = fmt.Sprintf("%.1fMB", o.value)
	case scenarios.Share:
		text = formatShare(o.value)
	}
	if o.from >= 0 {
		text += fmt.Sprintf(" at %ds", o.from)
	}
	return text
}

// formatShare writes a ratio in per cent, with enough digits never to call
// something nothing.
func formatShare(ratio float64) string {
	if percent := 100 * ratio; percent == 0 || percent >= 0.01 {
		return strconv.FormatFloat(math.Round(percent*100)/100, 'f', -1, 64) + "%"
	}
	return strconv.FormatFloat(100*ratio, 'g', 2, 64) + "%"
}

func observe(t scenarios.Threshold, run Run) observation {
	switch t.Metric {
	case scenarios.MetricViolations:
		return violations(t, run)
	case scenarios.MetricUnmatched:
		return unmatched(t, run)
	case scenarios.MetricCPU, scenarios.MetricMemory:
		return resources(t, run.Record)
	}
	if seen, is := faultTimes(t.Metric, run.Record.Faults); is {
		return longest(seen)
	}
	seconds := recorded(run.Seconds)
	size := int(t.Window / time.Second)
	if size == 0 {
		o := observeSeconds(t, seconds)
		o.from = -1
		return o
	}
	return worst(t, seconds, min(size, len(seconds)))
}

// faultTimes are what was seen of each fault that the metric is about, nil for
// one of which nothing was.
func faultTimes(m scenarios.Metric, faults []Fault) (seen []*float64, is bool) {
	for _, f := range faults {
		redis, down := f.Victim == string(scenarios.StorageRedis), f.Action == string(scenarios.Kill) || f.Action == string(scenarios.Freeze)
		switch {
		case m == scenarios.MetricFallback && redis && down:
			seen = append(seen, f.Fallback)
		case m == scenarios.MetricRecovery && redis && !down:
			seen = append(seen, f.Recovery)
		case m == scenarios.MetricGhosts && !redis:
			seen = append(seen, f.Ghosts)
		}
	}
	return seen, m == scenarios.MetricFallback || m == scenarios.MetricRecovery || m == scenarios.MetricGhosts
}

func longest(seen []*float64) observation {
	o := observation{from: -1}
	if len(seen) == 0 {
		o.missing = noData + ": no such fault"
	}
	for _, ms := range seen {
		if ms == nil {
			return observation{missing: "not seen before the end"}
		}
		o.value = max(o.value, *ms)
	}
	return o
}

// recorded leaves out the seconds of warm-up.
func recorded(seconds []series.Second) []series.Second {
	var kept []series.Second
	for _, s := range seconds {
		if !s.Warmup {
			kept = append(kept, s)
		}
	}
	return kept
}

// worst is the window that is furthest on the wrong side. Windows without
// samples say nothing, unless none has any.
func worst(t scenarios.Threshold, seconds []series.Second, size int) observation {
	found := observation{missing: noData}
	if size == 0 {
		return found
	}
	for i := range len(seconds) - size + 1 {
		o := observeSeconds(t, seconds[i:i+size])
		if o.missing != "" {
			if found.missing != "" {
				found.missing = o.missing
			}
			continue
		}
		o.from = seconds[i].Second
		if found.missing != "" || worse(t, o.value, found.value) {
			found = o
		}
	}
	return found
}

func worse(t scenarios.Threshold, a, b float64) bool {
	switch t.Comparison {
	case scenarios.Below, scenarios.AtMost:
		return a > b
	case scenarios.Above, scenarios.AtLeast:
		return a < b
	}
	return math.Abs(a-t.Value) > math.Abs(b-t.Value)
}

func observeSeconds(t scenarios.Threshold, seconds []series.Second) observation {
	if t.Metric == scenarios.MetricFailures {
		failed, tried := attempts(t.Operation, seconds)
		if tried == 0 {
			return observation{missing: noData}
		}
		return shareOf(t, failed, tried)
	}
	if t.Metric == scenarios.MetricRate {
		failed, tried := attempts(t.Operation, seconds)
		if len(seconds) == 0 || tried == 0 && t.Window == 0 {
			return observation{missing: noData}
		}
		return observation{value: (tried - failed) / float64(len(seconds)), from: -1}
	}
	h := series.NewHistogram()
	for _, s := range seconds {
		if times := s.Operations[t.Operation]; times != nil {
			h.Merge(pick(t.Metric, times))
		}
	}
	if h.TotalCount() == 0 {
		return observation{missing: noData}
	}
	switch percent, ok := t.Stat.Percentile(); {
	case ok:
		return observation{value: millis(series.Percentiles(h, percent)[0]), from: -1}
	case t.Stat == scenarios.Mean:
		return observation{value: h.Mean() / 1000, from: -1}
	case t.Stat == scenarios.Max:
		return observation{value: millis(h.Max()), from: -1}
	}
	return observation{missing: fmt.Sprintf("unknown stat %q", t.Stat)}
}

func pick(m scenarios.Metric, t *series.Times) *series.Histogram {
	switch m {
	case scenarios.MetricService:
		return t.Service
	case scenarios.MetricLag:
		return t.Lag
	}
	return t.Response
}

// attempts counts failures and all attempts of one operation, "" for all.
func attempts(operation string, seconds []series.Second) (failed, tried float64) {
	for _, s := range seconds {
		for name, times := range s.Operations {
			if operation == "" || operation == name {
				failed += float64(times.Failed())
				tried += float64(times.Failed() + times.Response.TotalCount())
			}
		}
	}
	return failed, tried
}

// shareOf is a count, or its share of all where the threshold asks for one.
func shareOf(t scenarios.Threshold, part, all float64) observation {
	if t.Unit != scenarios.Share {
		return observation{value: part, from: -1}
	}
	if all == 0 {
		return observation{missing: noData}
	}
	return observation{value: part / all, from: -1}
}

// unmatched has no data where guests should have searched and none ever did.
func unmatched(t scenarios.Threshold, run Run) observation {
	g := run.Record.Guests
	if found, required := run.Record.Required[match]; required && !found && g.Unmatched == 0 {
		if _, tried := attempts(match, run.Seconds); tried == 0 {
			return observation{missing: noData}
		}
	}
	return shareOf(t, float64(g.Unmatched), float64(g.Planned))
}

// match is the operation that finds a guest a partner.
const match = "match"

// violations have no data where no operation ever succeeded: the rules are
// about what guests are told.
func violations(t scenarios.Threshold, run Run) observation {
	n := run.Record.violations(t.Rule)
	failed, tried := attempts("", run.Seconds)
	if n == 0 && tried == failed && !slices.Contains(slices.Collect(maps.Values(run.Record.Required)), true) {
		return observation{missing: noData}
	}
	return observation{value: float64(n), from: -1}
}

// resources has no data where a process did not tell, or told nonsense: a
// process that serves guests uses both CPU time and memory.
func resources(t scenarios.Threshold, r Record) observation {
	usage := map[string]*Usage{"server": r.Resources.Server, "loadgen": r.Resources.Loadgen, "redis": r.Resources.Redis}[t.Process]
	o := observation{from: -1}
	if usage != nil {
		if o.value = usage.CPUMsPerSession; t.Metric == scenarios.MetricMemory {
			o.value = usage.RSSPeakMB
		}
	}
	if o.value <= 0 {
		o.missing = noData + ": not measured"
	}
	return o
}
