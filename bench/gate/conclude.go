package gate

import (
	"fmt"
	"slices"
	"strings"
)

// conclude takes the worst verdict for that of all. Where counts are decided, CPU time that
// is not leaves the verdict to them; the report says so.
func (r *Report) conclude(e Evidence) {
	all := slices.Concat(r.Counts, r.Metrics, r.Hard)
	byCounts := r.countsDecide()
	r.Verdict, r.Settled, r.Stolen = Pass, true, e.Stolen
	for _, m := range all {
		r.Settled = r.Settled && m.Decided
		if byCounts && m.isOpen() {
			continue
		}
		if slices.Index(severity, m.Verdict) > slices.Index(severity, r.Verdict) {
			r.Verdict = m.Verdict
		}
	}
	switch {
	case len(e.Invalid) > 0:
		r.Verdict, r.Settled, r.Reasons = Invalid, true, slices.Clone(e.Invalid)
		return
	case len(all) == 0:
		r.Verdict, r.Reasons = Invalid, []string{"the policy gates nothing"}
		return
	}
	r.Settled = r.Settled || r.Verdict == Regressed
	var undecided, bounds []string
	for _, m := range all {
		if m.Verdict == r.Verdict && r.Verdict != Pass {
			r.Reasons = append(r.Reasons, fmt.Sprintf("%s: %s", m.Name, m.Why))
		}
		if m.isOpen() {
			undecided, bounds = append(undecided, m.Name), append(bounds, m.bound())
		}
	}
	if byCounts {
		r.Undecided = undecided
	}
	r.Evidence = r.evidence(byCounts, bounds)
	if r.Verdict == Inconclusive || r.Verdict == Pass {
		r.Reasons = append(r.Reasons, r.help()...)
	}
}

// isOpen reports whether a CPU time is left to counts.
func (m Result) isOpen() bool { return m.Kind == CPUTime && m.Verdict == Inconclusive && !m.Suspect }

// bound names a metric, and how much slower it may have become.
func (m Result) bound() string {
	if m.Change == nil || m.Pairs < MinPairs {
		return m.Name + " (by an unknown amount)"
	}
	worst := m.Change.High
	if m.More {
		worst = m.Change.Low
	}
	return fmt.Sprintf("%s (up to %s)", m.Name, signed(worst))
}

// countsDecide reports whether there are counts, and evidence of each.
func (r *Report) countsDecide() bool {
	for _, m := range r.Counts {
		if m.Verdict == Inconclusive || m.Verdict == Invalid {
			return false
		}
	}
	return len(r.Counts) > 0
}

// evidence says which kind of evidence the verdict is from, and what it leaves open.
func (r *Report) evidence(byCounts bool, open []string) string {
	switch {
	case !r.Settled || len(r.Counts)+len(r.Metrics) == 0:
		return ""
	case r.Verdict == Regressed || r.Verdict == Improved:
		kinds := []string{}
		for _, m := range slices.Concat(r.Counts, r.Metrics, r.Hard) {
			if m.Verdict == r.Verdict && !slices.Contains(kinds, string(m.Kind)) {
				kinds = append(kinds, string(m.Kind))
			}
		}
		return "decided by " + strings.Join(kinds, " and ")
	case r.Verdict == Inconclusive && byCounts:
		return "instructions and system calls are within their tolerances, but CPU time suggests a slowdown that they do not see"
	case byCounts && len(open) > 0:
		return "decided by counts; CPU time is undecided for " + strings.Join(open, ", ") + ": a slowdown of up to that in the kernel or in caches may have been missed"
	case byCounts && len(r.Metrics) > 0:
		return "decided by counts and CPU time"
	case byCounts:
		return "decided by counts"
	case len(r.Counts) > 0:
		return ""
	}
	return "decided by CPU time"
}

// help says what would help against what left metrics inconclusive, a line a cause.
func (r *Report) help() (lines []string) {
	if !r.Settled {
		return nil
	}
	for _, c := range []struct {
		cause Cause
		help  string
	}{
		{Steal, "steal: the machine's host takes its CPU time for others; another machine or hour would help"},
		{Spread, "spread: pairs of the same code differ too much here; a quieter machine would help, or a wider tolerance in the policy"},
		{Budget, "budget: the time was up before the last look; a longer --budget would help"},
	} {
		if slices.ContainsFunc(slices.Concat(r.Counts, r.Metrics), func(m Result) bool { return m.Cause == c.cause }) {
			lines = append(lines, c.help)
		}
	}
	return lines
}
