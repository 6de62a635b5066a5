package results

import (
	"fmt"

	"guestload/scenarios"
)

// Exit codes of a load generator. Of several that apply, the highest is used.
const (
	ExitPassed      = 0
	ExitCouldNotRun = 1
	ExitUsage       = 2
	ExitThreshold   = 3
	ExitInvalid     = 4
	ExitViolated    = 5
)

// ExitCode is the exit code of an outcome.
func (o Outcome) ExitCode() int {
	switch o {
	case Passed, Unjudged:
		return ExitPassed
	case ThresholdsFail:
		return ExitThreshold
	case Invalid:
		return ExitInvalid
	case Violated:
		return ExitViolated
	}
	return ExitCouldNotRun
}

// Conclude sums up the seconds into the record's operations, holds the
// thresholds against them, accounts for every arrival and gives the verdict.
// All else in the record must be there already, Invalid and Warnings with
// what the generator knows of itself.
func (r *Run) Conclude(thresholds []scenarios.Threshold) {
	r.Record.Schema = Schema
	r.Record.Operations = r.operations()
	r.Record.Undone = r.Record.undone()
	r.Record.Thresholds = Evaluate(thresholds, *r)
	r.Record.Invalid = append(r.Record.Invalid, r.Record.unaccounted()...)
	if r.Record.Violations == nil {
		r.Record.Violations = []Violation{} // [] in JSON, not null
	}
	r.Record.Outcome = r.Record.outcome()
}

// unaccounted says which arrivals were not played, or not told of.
func (r Record) unaccounted() (reasons []string) {
	g := r.Guests
	if told := g.Completed + g.Failed + g.Unmatched + g.Dropped; told != g.Planned {
		reasons = append(reasons, fmt.Sprintf("%d guests were planned, but %d are accounted for: %d completed, %d failed, %d unmatched, %d dropped",
			g.Planned, told, g.Completed, g.Failed, g.Unmatched, g.Dropped))
	}
	if g.Started != g.Planned-g.Dropped && !(r.Interrupted && g.Started > g.Planned-g.Dropped && g.Started <= g.Planned) {
		reasons = append(reasons, fmt.Sprintf("%d guests started, but %d were planned and %d dropped", g.Started, g.Planned, g.Dropped))
	}
	switch {
	case r.Interrupted:
		reasons = append(reasons, fmt.Sprintf("interrupted after %.1f s: %d of %d guests had started", r.DurationSec, g.Started, g.Planned))
	case g.Dropped > 0:
		reasons = append(reasons, fmt.Sprintf("%d of %d arrivals were dropped: the generator did not offer the load that was planned", g.Dropped, g.Planned))
	case g.Planned == 0:
		reasons = append(reasons, "no guests were planned")
	}
	return reasons
}

// outcome is the worst that applies.
func (r Record) outcome() Outcome {
	if r.violations("") > 0 {
		return Violated
	}
	if len(r.Invalid) > 0 {
		return Invalid
	}
	if len(r.Undone) > 0 {
		return ThresholdsFail
	}
	if len(r.Thresholds) == 0 {
		return Unjudged
	}
	for _, t := range r.Thresholds {
		if !t.Passed {
			return ThresholdsFail
		}
	}
	return Passed
}
