package run

import (
	"context"
	"fmt"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/interrupt"
	"guestload/loadgen/measure"
	"guestload/results"
)

// outcome is what is known once the guests have left.
type outcome struct {
	tally    executor.Tally
	end      time.Duration
	health   measure.Health
	totals   measure.Totals
	required map[string]bool // operations
	late     bool            // time limits are not judged
	findings Findings
	screen   error // why the screen could not be drawn
}

// conclude collects the rest of the outcome and makes the result.
func (r *Run) conclude(ctx context.Context, o outcome) Result {
	o.totals = r.load.book.Totals()
	o.required = r.load.world.Required(o.totals)
	o.late = measure.Late(o.health, o.totals, results.Tightest(r.plan.Scenario.Thresholds))
	wait := func(what string, do func()) { r.progress.WaitFor(what, o.tally, do) }
	o.findings = r.observer.Collect(interrupt.Cleanup(ctx), wait, r.plan.Clock().Now)
	o.screen = r.progress.Failed()
	run, doubts := r.record(o)
	t := r.progress.timeline
	return Result{
		Run: run, Scenario: r.plan.Scenario.Source, Health: o.health, Samples: t.Samples(), Sampled: t.Sampled(), Usage: t.Usage(), Last: t.Last(),
		Violations: r.load.verifier.Count(), Doubts: doubts, Late: o.late, Outages: o.findings.outages, Died: len(o.findings.dead) > 0, Local: r.target.Local(),
	}
}

// record makes the record of an outcome; the doubts are why it is invalid, before the verdict
// adds what only the whole run can say.
func (r *Run) record(o outcome) (run results.Run, doubts []string) {
	run = results.Run{Record: r.plan.record(), Seconds: r.progress.timeline.Seconds()}
	c, thresholds := &run.Record, r.plan.Scenario.Thresholds
	c.DurationSec, c.Interrupted = o.end.Seconds(), o.tally.Interrupted
	c.Guests = accounts(o.tally, r.progress.timeline.Planned(), r.load.closedGuests())
	c.Required = o.required
	c.Resources.Loadgen = Usage(o.health)
	o.findings.Record(c, Players{Limited: r.limits(), CutOffs: r.load.world.CutOffs(), Apart: r.load.world.Apart != nil, Late: o.late})
	invalid, warnings := measure.Verdict(o.health, o.totals, measure.Judged{
		Tightest: results.Tightest(thresholds),
		Miss:     results.NarrowestMiss(thresholds, run),
	})
	c.Invalid = append(c.Invalid, invalid...)
	c.Warnings = append(append(c.Warnings, warnings...), r.warnings(o, c.Guests)...)
	doubts = append(doubts, c.Invalid...)
	run.Conclude(thresholds)
	return run, doubts
}

// Usage is what this process has spent.
func Usage(h measure.Health) *results.Usage {
	return &results.Usage{CPUSec: h.CPU.Seconds(), RSSPeakMB: float64(h.PeakMemory) / 1e6}
}

// warnings say what no number of the record shows.
func (r *Run) warnings(o outcome, g results.Guests) (all []string) {
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if o.tally.Interrupted {
		warn("the interrupt kept %d guests from coming and cut %d short: they count as dropped", g.Planned-o.tally.Arrived, o.tally.Stopped)
	}
	if o.tally.Unfinished > 0 {
		warn("%d guests had not finished %v after the last arrival, and were stopped: they count as failed", o.tally.Unfinished, r.load.plan.Grace)
	}
	var failures, retries int64
	for _, op := range o.totals.Warmup {
		failures, retries = failures+op.Failed(), retries+op.Retries
	}
	if failures > 0 {
		warn("%d failures during warm-up, which is in no figure", failures)
	}
	if retries > 0 {
		warn("%d requests of the warm-up were sent again, since the server had closed the connection; no figure includes them", retries)
	}
	if o.screen != nil {
		warn("the screen could not be drawn: %v", o.screen)
	}
	return append(all, r.load.world.FirstFailures()...)
}
