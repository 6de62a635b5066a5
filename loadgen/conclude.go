package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/measure"
	"guestload/loadgen/verify"
	"guestload/results"
)

// conclude makes the record of a run that is over.
func (p *performance) conclude(ctx context.Context, tally executor.Tally, end time.Duration) {
	r := &p.run.Record
	p.run.Seconds = p.tape.seconds
	r.DurationSec, r.Interrupted = end.Seconds(), tally.Interrupted
	r.Guests = accounts(tally, p.tape.planned, int(p.closed.Load()))
	totals := p.book.Totals()
	r.Required = p.world.Required(totals)
	p.casualties()
	p.target.Spread.Close() // of guests who fell silent
	var left verify.Leftovers
	p.waitFor(forStatistics, tally, func() { left = p.target.leftovers(ctx) })
	tightest := results.Tightest(p.scenario.Thresholds)
	p.slow = measure.Late(p.health, totals, tightest)
	if p.teller == nil {
		p.judge(p.verifier.Finish(p.plan.Clock.Now(), left), left)
	}
	p.waitFor(forStatistics, tally, func() { p.spent(ctx) })

	invalid, warnings := measure.Verdict(p.health, totals, measure.Judged{
		Tightest: tightest,
		Miss:     results.NarrowestMiss(p.scenario.Thresholds, p.run),
	})
	r.Invalid = append(r.Invalid, invalid...)
	r.Warnings = append(r.Warnings, warnings...)
	p.doubts(tally, totals)
	p.teller.doubt(r.Invalid)
	p.run.Conclude(p.scenario.Thresholds)
}

// surroundings tells where the run happens.
func (p *performance) surroundings(here results.Environment) {
	here.Target, here.Transport, here.Storage = p.where(), p.transport, p.target.storage
	p.run.Record.Environment = here
}

// casualties tells of servers that did not outlive the run.
func (p *performance) casualties() {
	r := &p.run.Record
	r.Invalid = append(r.Invalid, p.storage.reasons()...)
	r.Invalid = append(r.Invalid, p.diagnosis.reasons()...)
	if p.target.own == nil {
		instance := p.target.Clients[0]
		if all := instance.Addresses(); len(all) > 1 {
			r.Environment.Addresses = all
		}
		if down := instance.Unreachable(); len(down) > 0 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("of the target's addresses these did not answer, and had no share of the load: %s", strings.Join(down, ", ")))
		}
		return
	}
	for _, dead := range p.target.own.Dead() {
		p.died = true
		r.Invalid = append(r.Invalid, "the embedded server ended during the run; its log says: "+dead.LastWords())
	}
}

// where is what the record calls the target.
func (p *performance) where() string {
	if p.target.own != nil {
		return embedded
	}
	return p.target.url
}

// accounts are the guests of the record. Planned are all whom the open phases
// bring, however early the run ended, and whoever came to closed ones; those
// whom an interrupt kept away or cut short are dropped.
func accounts(t executor.Tally, open, closed int) results.Guests {
	planned := t.Arrived
	if t.Interrupted {
		planned = max(planned, open+closed)
	}
	return results.Guests{
		Planned: planned, Started: t.Arrived - t.Dropped,
		Completed: t.Completed, Failed: t.Failed, Unmatched: t.Unmatched, Dropped: planned - t.Arrived + t.Dropped + t.Stopped,
	}
}

// judge adds the violations to the record. Where the generator was late, time limits
// of the contract are not judged.
func (p *performance) judge(report verify.Report, left verify.Leftovers) {
	r := &p.run.Record
	if p.slow {
		var unjudged []verify.Violation
		if report, unjudged = report.WithoutTime(); len(unjudged) > 0 {
			r.Warnings = append(r.Warnings, notJudged(unjudged))
		}
	}
	for _, v := range report.Violations {
		known := results.Violation{Rule: v.Rule, Count: v.Count, Examples: v.Examples}
		for _, c := range v.Consequences {
			known.Consequences = append(known.Consequences, results.Consequence(c))
		}
		r.Violations = append(r.Violations, known)
	}
	p.blows.tell(r, report, p.world.CutOffs())
	if report.Strangers > 0 {
		if !r.Required["delivery"] {
			delete(r.Required, "delivery") // it may be that none could be measured
		}
		words := fmt.Sprintf("%d matches were with guests of somebody else: of them only one side was seen", report.Strangers)
		if p.world.Apart != nil {
			words += ", and no delivery was measured"
		}
		r.Warnings = append(r.Warnings, words)
	}
	if left == nil {
		r.Warnings = append(r.Warnings, "whether anything was left behind at the end is not known: the target does not tell, or had other guests before the run")
	}
}

// notJudged names the rules whose time limits passed while the generator was late.
func notJudged(late []verify.Violation) string {
	words := make([]string, len(late))
	for i, v := range late {
		words[i] = v.Rule + " " + results.FormatCount(v.Count)
	}
	return "the generator was late, so time limits of the contract were not judged; those that passed: " + strings.Join(words, ", ")
}

// spent takes over what servers, Redis and generator cost. Servers of our own
// are stopped for it.
func (p *performance) spent(ctx context.Context) {
	r := &p.run.Record
	r.Resources.Loadgen = &results.Usage{CPUSec: p.health.CPU.Seconds(), RSSPeakMB: float64(p.health.PeakMemory) / 1e6}
	if own := p.target.own; own != nil {
		own.Stop(ctx)
		r.Resources.Server, r.Resources.Servers, r.Resources.Redis = own.Usage()
	} else {
		r.Resources.Server = p.target.usage(ctx)
	}
	r.Resources.PerSession(r.Guests.Started)
	r.Warnings = append(r.Warnings, p.target.unread()...)
}

// doubts tells what no number of the record shows.
func (p *performance) doubts(tally executor.Tally, totals measure.Totals) {
	r := &p.run.Record
	if tally.Interrupted {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the interrupt kept %d guests from coming and cut %d short: they count as dropped", r.Guests.Planned-tally.Arrived, tally.Stopped))
	}
	if tally.Unfinished > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d guests had not finished %v after the last arrival, and were stopped: they count as failed", tally.Unfinished, p.plan.Grace))
	}
	var failures, retries int64
	for _, o := range totals.Warmup {
		failures, retries = failures+o.Failed(), retries+o.Retries
	}
	if n := failures; n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d failures during warm-up, which is in no figure", n))
	}
	if n := retries; n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d requests of the warm-up were sent again, since the server had closed the connection; no figure includes them", n))
	}
	if p.shown != nil {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the screen could not be drawn: %v", p.shown))
	}
	r.Warnings = append(r.Warnings, p.world.Stories()...)
}
