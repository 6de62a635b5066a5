package gate

import (
	"fmt"
	"math"
	"strings"

	"guestload/results/student"
)

// countLooks are the numbers of pairs at which counts are judged.
var countLooks = []int{3, 6, 12}

// CountPairs is the most pairs of counts that are used.
const CountPairs = 12

const (
	// countShare is the part of Alpha that counts may spend where CPU time is judged, too.
	countShare = 0.2
	// spreadWeight is how many degrees of freedom the policy's spread stands for beside
	// what the pairs themselves show.
	spreadWeight = 10
	// callOffset is added to system calls an operation, so that none on either side is no
	// change, and a hundredth that comes by the clock is little.
	callOffset = 0.05
)

// instructions is the unit of instruction counts; all others are of system calls.
const instructions = "instructions/op"

// count judges one metric of counts.
//
// Counts repeat so well that a few pairs do, too few for ranks. The test is Student's t on
// the log ratios, moderated by the spread that the policy states (Smyth 2004): the variance
// is that of the pairs and of the policy together, and never below that of the pairs. The
// looks, their shares of the error and the tolerance band are those of all metrics.
func (j *judge) count(m Metric) Result {
	r := Result{Metric: m, Verdict: Invalid, Decided: true, Kind: Counts}
	if why, failed := j.evidence.Failed[m.Name]; failed {
		r.Why = strings.Join(strings.Fields(why), " ") // on one line, whatever a program said
		return r
	}
	pairs := j.evidence.Pairs[m.Name]
	if len(pairs) == 0 && j.evidence.Ended {
		r.Verdict, r.Cause, r.Why = Inconclusive, Budget, "was not counted: the time was up, or the verdict was clear, before"
		return r
	}
	ratios, err := countRatios(m, pairs)
	if err != nil {
		r.Why = err.Error()
		return r
	}
	spent := 0
	for _, at := range countLooks {
		if at > len(pairs) {
			break
		}
		r.decideCount(j, ratios[:at], float64(at-spent)/CountPairs)
		spent = at
		if r.Verdict != Inconclusive {
			j.describeCount(&r, pairs[:at], ratios[:at])
			return r
		}
	}
	j.describeCount(&r, pairs[:min(len(pairs), CountPairs)], ratios[:min(len(pairs), CountPairs)])
	r.Verdict = Inconclusive
	if r.Decided = j.evidence.Ended || len(pairs) >= CountPairs; r.Decided {
		r.Cause, r.Why = Spread, fmt.Sprintf("after %d pairs of counts it may lie within %s or beyond", r.Pairs, percent(m.Tolerance))
	} else {
		r.Why = fmt.Sprintf("undecided after %d pairs of counts", len(pairs))
	}
	return r
}

func (r *Result) decideCount(j *judge, ratios []float64, share float64) {
	alpha := j.policy.Alpha
	if len(j.policy.Metrics) > 0 || j.policy.Family > 0 {
		alpha *= countShare
	}
	alarm := alpha * share / float64(max(j.policy.CountFamily, len(j.policy.Counts)))
	pass := j.policy.PassAlpha * share
	t := newTTest(ratios, r.Spread)
	band := percent(r.Tolerance)
	aboveUpper, belowLower := t.above(r.band()), t.below(-r.band())
	switch inside := max(t.below(r.band()), t.above(-r.band())); {
	case aboveUpper <= alarm:
		r.Verdict, r.P, r.Level, r.Why = Regressed, aboveUpper, alarm, "worse by more than "+band
	case belowLower <= alarm:
		r.Verdict, r.P, r.Level, r.Why = Improved, belowLower, alarm, "better by more than "+band
	case inside <= pass:
		r.Verdict, r.P, r.Level, r.Why = Pass, inside, pass, "within "+band
	default:
		r.Verdict = Inconclusive
	}
}

// tTest is a moderated t-test of a location.
type tTest struct {
	mean, error float64 // error is the mean's standard error
	freedom     float64
}

func newTTest(values []float64, spread float64) tTest {
	n := float64(len(values))
	mean, sum := 0.0, 0.0
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	pooled := (spreadWeight*spread*spread + sum) / (spreadWeight + n - 1)
	variance := max(pooled, sum/max(1, n-1))
	return tTest{mean, math.Sqrt(variance / n), spreadWeight + n - 1}
}

// above is the chance of such a mean, or a larger one, where the location is at most shift.
func (t tTest) above(shift float64) float64 {
	return student.T(t.freedom).Survival((t.mean - shift) / t.error)
}

// below is the chance of such a mean, or a smaller one, where the location is at least shift.
func (t tTest) below(shift float64) float64 {
	return student.T(t.freedom).Survival((shift - t.mean) / t.error)
}

// describeCount adds the medians, and the change with its interval.
func (j *judge) describeCount(r *Result, pairs []Pair, ratios []float64) {
	r.Pairs = len(pairs)
	if r.Pairs == 0 {
		return
	}
	r.medians(pairs)
	t := newTTest(ratios, r.Spread)
	half := t.error * student.T(t.freedom).Quantile(1-(1-Confidence)/2)
	c := Change{math.Expm1(t.mean), math.Expm1(t.mean - half), math.Expm1(t.mean + half)}
	if isFinite(c.Low) && isFinite(c.High) {
		r.Change = &c
	}
}

func countRatios(m Metric, pairs []Pair) ([]float64, error) {
	if m.Unit == instructions {
		return logRatios(pairs, m.More)
	}
	shifted := make([]Pair, len(pairs))
	for i, p := range pairs {
		shifted[i] = Pair{p.Base + callOffset, p.Head + callOffset}
	}
	return logRatios(shifted, m.More)
}
