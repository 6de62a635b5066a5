package gate

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Verdict is what is said of a metric, and of all of them together.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "pass"
	Improved     Verdict = "improved"
	Stale        Verdict = "stale" // a hard metric is better than its baseline, which must be brought up to date
	Inconclusive Verdict = "inconclusive"
	Invalid      Verdict = "invalid"
	Regressed    Verdict = "regressed"
)

// severity orders the verdicts: the worst of the metrics is that of all. A
// regression that was found stands, whatever else could not be judged.
var severity = []Verdict{Pass, Improved, Inconclusive, Stale, Invalid, Regressed}

// Pair is one measurement of each side, taken one right after the other.
type Pair struct {
	Base float64 `json:"base"`
	Head float64 `json:"head"`
}

// Judge returns the verdict on what has been measured so far. It may be called
// again as pairs come in: what was decided at an earlier look stays decided.
// The error is that of a policy that does not hold together, and wraps ErrPolicy.
func Judge(p Policy, e Evidence) (Report, error) {
	if err := p.Validate(); err != nil {
		return Report{}, err
	}
	return (&judge{policy: p, evidence: e, tables: newTables()}).report(), nil
}

func (j *judge) report() (r Report) {
	p, e := j.policy, j.evidence
	for _, m := range p.Counts {
		r.Counts = append(r.Counts, j.count(m))
	}
	j.byCounts = r.countsDecide()
	for _, m := range p.Metrics {
		r.Metrics = append(r.Metrics, j.metric(m))
	}
	for _, m := range p.Hard {
		r.Hard = append(r.Hard, j.hard(m))
	}
	r.Shown = j.shown()
	r.conclude(e)
	return r
}

// judge holds what the judgement of one piece of evidence needs.
type judge struct {
	policy   Policy
	evidence Evidence
	tables   *tables
	byCounts bool // all counts are decided
}

// metric looks at one gated metric as often as its pairs allow.
func (j *judge) metric(m Metric) Result {
	r := Result{Metric: m, Verdict: Invalid, Decided: true, Kind: CPUTime}
	pairs, measured := j.evidence.Pairs[m.Name]
	if !measured && j.evidence.Ended && len(j.policy.Counts) == 0 && j.stolen() == 0 {
		r.Why = "was not measured"
		return r
	}
	ratios, err := logRatios(pairs, m.More)
	if err != nil {
		r.Why = err.Error()
		return r
	}
	for _, at := range j.policy.looks(len(pairs), j.evidence.Ended) {
		if r.decide(j, ratios[:at.pairs], at.share); r.Verdict != Inconclusive {
			j.describe(&r, pairs, ratios, at.pairs)
			return r
		}
		if j.byCounts && at.pairs == j.policy.AfterCounts && !j.suspects(m, ratios[:at.pairs], j.policy.PassAlpha) {
			j.describe(&r, pairs, ratios, at.pairs)
			r.Cause, r.Why = Spread, fmt.Sprintf("after %d pairs it may lie within %s or beyond: left to counts", r.Pairs, percent(m.Tolerance))
			return r
		}
	}
	used := min(len(pairs), j.policy.most())
	j.describe(&r, pairs, ratios, used)
	next := j.policy.next(len(pairs))
	switch {
	case (j.evidence.Ended || next == 0) && j.byCounts && used >= MinPairs && j.suspects(m, ratios[:used], j.policy.Alpha/j.family()):
		r.Verdict, r.Suspect, r.Cause = Inconclusive, true, j.cause(len(pairs))
		r.Why = fmt.Sprintf("after %d pairs it is probably worse by more than %s, but not significantly", r.Pairs, percent(m.Tolerance))
	case j.evidence.Ended && len(pairs) < MinPairs && len(j.policy.Counts) == 0 && j.stolen() == 0:
		r.Verdict, r.Why = Invalid, fmt.Sprintf("%d pairs: at least %d are needed", len(pairs), MinPairs)
	case j.evidence.Ended || next == 0:
		r.Verdict, r.Why = Inconclusive, fmt.Sprintf("after %d pairs it may lie within %s or beyond", r.Pairs, percent(m.Tolerance))
		r.Cause = j.cause(len(pairs))
	default:
		r.Verdict, r.Decided, r.Why = Inconclusive, false, fmt.Sprintf("undecided after %d pairs, next look at %d", len(pairs), next)
	}
	return r
}

// suspects reports whether ratios, looked at once, would be evidence of a slowdown at a
// level: PassAlpha is reason for more pairs, and in the end a metric's part of Alpha is
// reason not to pass.
func (j *judge) suspects(m Metric, ratios []float64, level float64) bool {
	return newSignedRank(ratios, m.band()).above(j.tables) <= level
}

// family is how many metrics share the error.
func (j *judge) family() float64 { return float64(max(j.policy.Family, len(j.policy.Metrics))) }

// stolen is how many pairs were left out since the host took too much time.
func (j *judge) stolen() int {
	if j.evidence.Stolen == nil {
		return 0
	}
	return j.evidence.Stolen.Excluded
}

// cause is why n pairs do not decide.
func (j *judge) cause(n int) Cause {
	switch {
	case n >= j.policy.most():
		return Spread
	case j.stolen() > 0 && 2*j.stolen() >= j.evidence.Stolen.Pairs:
		return Steal
	}
	return Budget
}

// decide takes one look. ratios are oriented so that more is worse.
func (r *Result) decide(j *judge, ratios []float64, share float64) {
	alpha := j.policy.Alpha
	if len(j.policy.Counts) > 0 || j.policy.CountFamily > 0 {
		alpha *= 1 - countShare
	}
	alarm := alpha * share / j.family()
	pass := j.policy.PassAlpha * share
	upper := newSignedRank(ratios, r.band())
	lower := newSignedRank(ratios, -r.band())
	band := percent(r.Tolerance)
	if p := upper.above(j.tables); p <= alarm {
		r.Verdict, r.P, r.Level, r.Why = Regressed, p, alarm, "worse by more than "+band
		return
	}
	if p := lower.below(j.tables); p <= alarm {
		r.Verdict, r.P, r.Level, r.Why = Improved, p, alarm, "better by more than "+band
		return
	}
	if p := max(upper.below(j.tables), lower.above(j.tables)); p <= pass {
		r.Verdict, r.P, r.Level, r.Why = Pass, p, pass, "within "+band
		return
	}
	r.Verdict = Inconclusive
}

// shown describes what was measured beside the gated metrics.
func (j *judge) shown() (rs []Result) {
	for name, pairs := range j.evidence.Pairs {
		if slices.ContainsFunc(slices.Concat(j.policy.Metrics, j.policy.Counts), func(m Metric) bool { return m.Name == name }) {
			continue
		}
		r := Result{Metric: Metric{Name: name}, Decided: true}
		if ratios, err := logRatios(pairs, false); err != nil {
			r.Why = err.Error()
		} else {
			j.describe(&r, pairs, ratios, min(len(pairs), j.policy.most()))
		}
		rs = append(rs, r)
	}
	slices.SortFunc(rs, func(a, b Result) int { return strings.Compare(a.Name, b.Name) })
	return rs
}

// describe adds the medians and the change over the first n pairs.
func (j *judge) describe(r *Result, pairs []Pair, ratios []float64, n int) {
	r.Pairs = n
	if n == 0 {
		return
	}
	r.medians(pairs[:n])
	r.Change = changeOf(ratios[:n], r.More, j.tables)
}

func (r *Result) medians(pairs []Pair) {
	var base, head []float64
	for _, p := range pairs {
		base, head = append(base, p.Base), append(head, p.Head)
	}
	slices.Sort(base)
	slices.Sort(head)
	r.Base, r.Head = new(median(base)), new(median(head))
}

// logRatios returns ln(head/base) of each pair, or of base/head where more is
// better, so that more of it is always worse.
func logRatios(pairs []Pair, more bool) ([]float64, error) {
	ratios := make([]float64, len(pairs))
	for i, p := range pairs {
		if !isPositive(p.Base) || !isPositive(p.Head) {
			return nil, fmt.Errorf("pair %d is %v and %v: want two positive numbers", i+1, p.Base, p.Head)
		}
		ratios[i] = math.Log(p.Head) - math.Log(p.Base)
		if more {
			ratios[i] = -ratios[i]
		}
	}
	return ratios, nil
}

func isPositive(v float64) bool { return v > 0 && !math.IsInf(v, 0) }

// hard compares a metric without noise with its baseline.
func (j *judge) hard(m Metric) Result {
	r := Result{Metric: m, Verdict: Invalid, Decided: true, Kind: Stored}
	want, known := j.evidence.Baseline[m.Name]
	got, measured := j.evidence.Hard[m.Name]
	worse := got > want
	if m.More {
		worse = got < want
	}
	if known && isFinite(want) {
		r.Base = &want
	}
	if measured && isFinite(got) {
		r.Head = &got
	}
	switch {
	case !measured && !j.evidence.Ended:
		r.Verdict, r.Decided, r.Why = Inconclusive, false, "not measured yet"
	case !measured:
		r.Why = "was not measured"
	case !known:
		r.Why = fmt.Sprintf("is %s and has no baseline", number(got))
	case !isFinite(got) || !isFinite(want):
		r.Why = fmt.Sprintf("is %v, and its baseline %v: want two numbers", got, want)
	case got == want:
		r.Verdict, r.Why = Pass, "as its baseline"
	case worse:
		r.Verdict, r.Why = Regressed, fmt.Sprintf("is %s, and its baseline %s", number(got), number(want))
	default:
		r.Verdict, r.Why = Stale, fmt.Sprintf("is %s, better than its baseline %s: bring that up to date", number(got), number(want))
	}
	return r
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
