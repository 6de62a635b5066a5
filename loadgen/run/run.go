// Package run plays one run, or one process's share of it. Data flows one way: a Plan is
// played by a load, watched by an Observer and shown by a Progress; what they have at the end
// is an outcome, from which the record is made.
package run

import (
	"context"
	"sync"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/measure"
	"guestload/loadgen/report/page"
	"guestload/loadgen/target"
	"guestload/loadgen/timeline"
	"guestload/loadgen/usage"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
)

// Run is a plan that is ready to be played.
type Run struct {
	plan     Plan
	target   *target.Target
	load     *load
	observer *Observer
	progress *Progress
	diagnosis
}

// Result is a run that is over.
type Result struct {
	results.Run
	Scenario   []byte // its file
	Health     measure.Health
	Samples    []usage.Sample // what was used in each of its seconds
	Sampled    int            // seconds with samples
	Usage      []results.Spent
	Violations int64
	Last       executor.Tally // at the end of the last second
	Doubts     []string       // why the record is invalid, before the verdict
	Late       bool           // time limits of the contract are not judged
	Outages    []string       // of Redis, if the scenario plans none
	Died       bool           // an embedded server ended by itself
	Local      bool           // the target is on this machine
}

// Page is what is stored of the run.
func (r Result) Page() page.Page {
	return page.Page{Run: r.Run, Scenario: r.Scenario, Usage: r.Usage}
}

// Perform opens the target, plays one run against it and closes it; the screen shows the
// title.
func Perform(ctx context.Context, c Config, d *Display, s scenarios.Scenario, title string, journal *results.Journal) (Result, error) {
	t, err := target.Open(ctx, c.TargetConfig(), s, journal.Dir())
	if err != nil {
		return Result{}, err
	}
	defer t.Close(ctx)
	plan := NewPlan(ctx, c, d, t, s, title)
	r := New(plan, t, d)
	if err := r.progress.Begin(plan.Start(), journal); err != nil {
		return Result{}, err
	}
	return r.Play(ctx)
}

// New returns a run that is ready to be played.
func New(plan Plan, t *target.Target, d *Display) *Run {
	r := &Run{plan: plan, target: t, diagnosis: diagnosis{transport: t.Transport()}}
	r.load = newLoad(plan, t, r.failed)
	r.observer = NewObserver(t, plan.Scenario.Faults, plan.Clock(), r.load.verifier, plan.Worker, usage.NewSampler(Sources(t)...))
	r.progress = NewProgress(d, plan.Scenario, plan.Title, plan.Share(), plan.Clock(), r.observer, r.load.closedGuests)
	return r
}

// Verifier is told of what is known only to the process that judges the run.
func (r *Run) Verifier() *verify.Verifier { return r.load.verifier }

// Tap has what guests are told, for a process that judges the run.
func (r *Run) Tap() *verify.Tap { return r.load.tap }

// Play plays until the last guest has left, and makes the record.
func (r *Run) Play(ctx context.Context) (Result, error) {
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { r.load.meter.Watch(watching, r.load.late) })
	watch.Go(func() { r.observer.Watch(watching) })
	watch.Go(func() { r.observer.injector.Run(watching, r.plan.Scenario.Faults) })
	tally, err := r.load.play(ctx, r.tick)
	o := outcome{tally: tally, end: r.plan.Clock().Now(), health: r.load.meter.Health()}
	if err == nil && !tally.Interrupted {
		r.progress.WaitFor(timeline.ForFaults, tally, r.observer.injector.Settle)
	}
	stop()
	watch.Wait()
	r.observer.injector.Wait()
	if err != nil {
		return Result{}, err
	}
	r.progress.timeline.Add(r.load.book.Finish(o.end), tally)
	return r.conclude(ctx, o), nil
}

func (r *Run) tick(at time.Duration, now executor.Tally) {
	before := r.progress.timeline.Add(r.load.book.Tick(at), now)
	notice := r.news()
	r.progress.display.Notice(at, notice)
	if r.plan.Tick != nil {
		r.plan.Tick(r.progress.timeline.Seconds()[before:], now, notice)
	}
	r.progress.Publish(at, now, before)
}
