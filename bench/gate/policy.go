// Package gate decides from paired measurements whether a change made something
// slower. It is pure: no clock, no files, no randomness.
//
// A metric is a list of pairs, base and head, measured one right after the
// other in random order. What is judged is the location of the log ratios
// ln(head/base), by Wilcoxon's signed-rank test against the edges of a
// tolerance band around no change:
//
//   - Regressed: evidence that it lies above the band.
//   - Improved: evidence that it lies below.
//   - Pass: evidence that it lies within, by two one-sided tests (Schuirmann
//     1987). That nothing was found is no evidence.
//   - Inconclusive: none of these, for all the pairs there were.
//   - Invalid: what was measured cannot be judged.
//
// The pairs are looked at several times while they grow, and a metric is
// decided at the first look that has the evidence. Each look may spend its
// share of the error, in proportion to the pairs it adds (the linear spending
// function of Lan and DeMets 1983), and the shares are added up, so that the
// bound needs neither large samples nor independent looks. The error of wrongly
// calling any metric Regressed is shared by all metrics in equal parts
// (Bonferroni), and so is that of Improved. Pass demands the evidence of every
// metric, and needs no such correction (Berger 1982, intersection-union tests).
//
// Counts of instructions and system calls repeat so well that a t-test on 3 to 12 pairs
// decides them on any machine. Where they are decided, a CPU time that is undecided at the
// look AfterCounts is left to them: the verdict is theirs, and the report bounds the change
// that may have been missed. A CPU time that suggests a slowdown is not left to them: it
// takes the remaining looks and, if it still does then, makes the verdict Inconclusive.
package gate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// MinPairs is the least number of pairs that is judged: with fewer the test
// cannot reach the levels that are asked of it.
const MinPairs = 12

// Policy says what is gated, and how strictly.
type Policy struct {
	// Alpha is the chance that identical code is called Regressed, in any of its
	// metrics, over all looks; the same for Improved.
	Alpha float64 `json:"alpha" yaml:"alpha"`
	// PassAlpha is the chance that a change which lies at the edge of the
	// tolerance is passed.
	PassAlpha float64 `json:"passAlpha" yaml:"passAlpha"`
	// Looks are the numbers of pairs at which to decide, ascending; the last is
	// the most that is used.
	Looks []int `json:"looks" yaml:"looks"`
	// Budget is how long to measure, for whoever measures.
	Budget time.Duration `json:"budget" yaml:"budget"`
	// Metrics are those that gate by statistics. Whatever else is measured is
	// shown, and decides nothing.
	Metrics []Metric `json:"metrics" yaml:"metrics"`
	// Counts are those that gate by counts of instructions and system calls, where those can
	// be taken. They share Alpha with Metrics.
	Counts []Metric `json:"counts" yaml:"counts"`
	// AfterCounts is the look at which CPU time that is still undecided is left to counts,
	// where these are decided and nothing speaks for a slowdown; 0: never.
	AfterCounts int `json:"afterCounts" yaml:"afterCounts"`
	// StealLimit is the share of the machine's CPU time that its host may take for others
	// during a pair; pairs with more do not count. 0: any.
	StealLimit float64 `json:"stealLimit" yaml:"stealLimit"`
	// Hard are those without noise, which must equal their baselines exactly.
	Hard []Metric `json:"hard" yaml:"hard"`
	// Family is how many metrics share Alpha where that is more than those of
	// Metrics: to judge a few as they are judged among all. 0: those of Metrics.
	Family int `json:"family,omitempty" yaml:"-"`
	// CountFamily is the same for Counts.
	CountFamily int `json:"countFamily,omitempty" yaml:"-"`
}

// Metric is one gated metric.
type Metric struct {
	Name      string  `json:"name" yaml:"name"`
	Unit      string  `json:"unit" yaml:"unit"`
	Tolerance float64 `json:"tolerance" yaml:"tolerance"` // 0.02: a change by 2 % is let pass. Not of hard metrics
	More      bool    `json:"more" yaml:"more"`           // more is better, as of a throughput
	Reason    string  `json:"reason" yaml:"reason"`       // why it is gated, and so loosely
	// Operations is how often a count's longer run does its work, and Spread the standard
	// deviation of the log ratio of two counts of the same code. Of counts only.
	Operations int     `json:"operations,omitempty" yaml:"operations"`
	Spread     float64 `json:"spread,omitempty" yaml:"spread"`
}

// Default returns the policy of the measurements that this gate was made from,
// without metrics: 1 %, looks at 12, 24, 36, 48 and 72 pairs, 10 minutes.
func Default() Policy {
	return Policy{Alpha: 0.01, PassAlpha: 0.05, Looks: []int{12, 24, 36, 48, 72}, Budget: 10 * time.Minute}
}

// ErrPolicy is wrapped by what Validate returns.
var ErrPolicy = errors.New("gate policy")

// Validate says everything that is wrong with the policy, nil for nothing.
func (p Policy) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrPolicy}, args...)...))
	}
	for _, level := range []float64{p.Alpha, p.PassAlpha} {
		if !(level > 0 && level < 0.5) {
			wrong("alpha and passAlpha are %v and %v: want each more than 0 and less than 0.5", p.Alpha, p.PassAlpha)
			break
		}
	}
	if len(p.Looks) == 0 || p.Looks[0] < MinPairs || !slices.IsSorted(p.Looks) || len(slices.Compact(slices.Clone(p.Looks))) < len(p.Looks) {
		wrong("looks are %v: want ascending numbers of pairs, the first at least %d", p.Looks, MinPairs)
	}
	if p.Budget <= 0 {
		wrong("budget is %v: want some time", p.Budget)
	}
	seen := map[string]bool{}
	for _, m := range slices.Concat(p.Counts, p.Metrics, p.Hard) {
		if m.Name == "" || seen[m.Name] {
			wrong("metric %q: want each name once, and none empty", m.Name)
		}
		seen[m.Name] = true
		if m.Reason == "" {
			wrong("metric %q: want the reason why it is gated", m.Name)
		}
	}
	for _, m := range p.Counts {
		if m.Operations < 10 {
			wrong("count %q: operations are %d: want at least 10", m.Name, m.Operations)
		}
		if !(m.Spread > 0 && m.Spread < 1) {
			wrong("count %q: spread is %v: want a share such as 0.001", m.Name, m.Spread)
		}
	}
	if p.AfterCounts != 0 && !slices.Contains(p.Looks, p.AfterCounts) {
		wrong("afterCounts is %d: want one of the looks %v, or 0", p.AfterCounts, p.Looks)
	}
	if !(p.StealLimit >= 0 && p.StealLimit < 1) {
		wrong("stealLimit is %v: want a share such as 0.05", p.StealLimit)
	}
	for _, m := range slices.Concat(p.Counts, p.Metrics) {
		if !(m.Tolerance > 0 && m.Tolerance < 1) {
			wrong("metric %q: tolerance is %v: want a share such as 0.02", m.Name, m.Tolerance)
		}
	}
	for _, m := range p.Hard {
		if m.Tolerance != 0 {
			wrong("hard metric %q: tolerance is %v: a hard metric has none", m.Name, m.Tolerance)
		}
	}
	return errors.Join(errs...)
}

// band returns the edge of the tolerance, as a log ratio.
func (m Metric) band() float64 { return math.Log1p(m.Tolerance) }

// look is one moment of decision.
type look struct {
	pairs int
	share float64 // of the error that may be spent here
}

// looks returns the looks that n pairs reach. Where no more will come, the last
// of them is taken at n itself and may spend all that is left: when the time was
// up has nothing to do with what was measured.
func (p Policy) looks(n int, ended bool) (reached []look) {
	most, spent := p.most(), 0
	for _, at := range p.Looks {
		if at > n {
			break
		}
		reached = append(reached, look{at, float64(at-spent) / float64(most)})
		spent = at
	}
	if ended && n > spent && n >= MinPairs && n < most {
		reached = append(reached, look{n, float64(most-spent) / float64(most)})
	}
	return reached
}

// most is the largest number of pairs that is used.
func (p Policy) most() int { return p.Looks[len(p.Looks)-1] }

// next returns the first look after n pairs, 0 where there is none.
func (p Policy) next(n int) int {
	for _, at := range p.Looks {
		if at > n {
			return at
		}
	}
	return 0
}
