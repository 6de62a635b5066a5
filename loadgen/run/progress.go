package run

import (
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/session"
	"guestload/loadgen/timeline"
	"guestload/results"
	"guestload/scenarios"
)

// Progress keeps, stores and shows a run while it goes on. One goroutine at a time uses it.
type Progress struct {
	display  *Display
	timeline *timeline.Timeline
	observer *Observer
	clock    session.Clock
	closed   func() int       // guests who came to closed phases
	journal  *results.Journal // nil: a worker has none
	failed   error            // the first error of the screen
}

// NewProgress returns the progress of a run, or of a share of it, that has not begun; closed
// returns how many guests have come to closed phases.
func NewProgress(d *Display, s scenarios.Scenario, title string, share executor.Share, clock session.Clock, o *Observer, closed func() int) *Progress {
	return &Progress{display: d, timeline: timeline.New(s, title, share), observer: o, clock: clock, closed: closed}
}

// Begin begins to serve the live page, where one is asked for, and the journal.
func (p *Progress) Begin(start results.Start, j *results.Journal) error {
	start.Record.Guests.Planned = p.timeline.Planned()
	if err := p.display.open(start); err != nil {
		return err
	}
	p.journal = j
	return j.Begin(start)
}

// Timeline is the run second by second.
func (p *Progress) Timeline() *timeline.Timeline { return p.timeline }

// Failed is the first error of the screen, nil for none.
func (p *Progress) Failed() error { return p.failed }

// Publish stores and shows the seconds of the timeline from the one at before on.
func (p *Progress) Publish(at time.Duration, now executor.Tally, before int) {
	p.timeline.Used(p.observer.sampler.Take())
	p.store(now, before)
	p.show(at, now, before)
}

// store appends the seconds from the one at before on to the journal.
func (p *Progress) store(now executor.Tally, before int) {
	if p.journal == nil {
		return
	}
	now.Interrupted, now.Stopped = true, now.Stopped+now.Live
	guests, violations := accounts(now, p.timeline.Planned(), p.closed()), p.observer.verifier.Count()
	seconds, samples := p.timeline.Seconds()[before:], p.timeline.Samples()[before:]
	progress := make([]results.Progress, len(seconds))
	for i, s := range seconds {
		progress[i] = results.NewProgress(s)
		progress[i].Guests, progress[i].Violations, progress[i].Usage = guests, violations, samples[i].Of
	}
	p.journal.Add(seconds, progress)
}

func (p *Progress) show(at time.Duration, now executor.Tally, before int) {
	snapshot := p.timeline.Snapshot(at, now)
	snapshot.Violations = p.observer.verifier.Count()
	if err := p.display.show(p.timeline, before, snapshot); err != nil && p.failed == nil {
		p.failed = err // the load matters more than the screen
	}
}

// WaitFor does what the run waits for once its guests have left, and shows meanwhile what
// that is.
func (p *Progress) WaitFor(what string, now executor.Tally, do func()) {
	p.timeline.WaitFor(what)
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		p.show(p.clock.Now(), now, len(p.timeline.Seconds()))
		select {
		case <-again.C:
		case <-done:
			return
		}
	}
}

// accounts returns the guests of the record. All guests of the open phases are planned,
// however early the run ended, and those who came to closed ones; guests whom an interrupt
// kept from coming or cut short are dropped.
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
