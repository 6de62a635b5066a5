package run

import (
	"fmt"
	"io"
	"time"

	"guestload/loadgen/report"
	"guestload/loadgen/report/page"
	"guestload/loadgen/timeline"
	"guestload/results"
)

// Display shows the runs of an invocation while they go on: on the screen and, where it is
// asked for, on a live page.
type Display struct {
	Screen  *report.Live
	Notices io.Writer // for what is wrong with the target or this machine
	Address string    // HOST:PORT of the live page, "" for none
	Hints   io.Writer // for the address of the live page

	live *page.Live
	err  error // the first of the page: the load matters more
	// Of the runs before this one, in a search.
	seconds, planned, unmatched int
	violations                  int64
}

// NoDisplay shows nothing.
func NoDisplay() *Display {
	return &Display{Screen: report.NewLive(io.Discard, report.Terminal{}), Notices: io.Discard, Hints: io.Discard}
}

// open begins to serve the page of a run that is about to start, unless it is served already:
// browsers then see each run follow the one before.
func (d *Display) open(start results.Start) error {
	if d.Address == "" || d.live != nil {
		return nil
	}
	live, err := page.Listen(d.Address, page.Start{Record: start.Record, Thresholds: start.Thresholds, Scenario: []byte(start.Scenario)})
	if err != nil {
		return err
	}
	fmt.Fprintf(d.Hints, "loadgen: watch at %s, Prometheus at %smetrics\n", live.URL(), live.URL())
	d.live = live
	return nil
}

// Notice prints what was found to be wrong at that time, above the screen; "" prints nothing.
func (d *Display) Notice(at time.Duration, text string) {
	if text == "" || d.Screen.Clear() != nil {
		return
	}
	fmt.Fprintf(d.Notices, "loadgen: after %v: %s\n", at.Round(time.Second/10), text)
}

// show shows a moment, and the seconds of the timeline from the one at from on. The error is
// that of the screen.
func (d *Display) show(t *timeline.Timeline, from int, s report.Snapshot) error {
	if d.live != nil {
		state := page.State{
			Phase: t.PhaseTitle(s.Phase), Elapsed: s.Elapsed, Left: s.Left, Waiting: s.Waiting, Planned: d.planned + s.Planned,
			Unmatched: d.unmatched + s.Unmatched, Violations: d.violations + s.Violations,
		}
		for i, second := range t.Seconds()[from:] {
			second.Second += d.seconds
			second.Phase = t.PhaseTitle(second.Phase)
			d.keep(d.live.Push(page.Moment{Second: second, Use: t.Samples()[from+i].Of, State: state}))
		}
		d.keep(d.live.Update(state))
	}
	return d.Screen.Show(s)
}

// Next says that another run follows this one.
func (d *Display) Next(r Result) {
	d.seconds, d.planned, d.unmatched = d.seconds+r.Sampled, d.planned+r.Record.Guests.Planned, d.unmatched+r.Record.Guests.Unmatched
	d.violations += r.Violations
}

// Finish shows the record on the live page and ends its server; browsers keep what they show.
func (d *Display) Finish(p page.Page) error {
	if d.live == nil {
		return nil
	}
	d.keep(d.live.Finish(p))
	d.Close()
	if d.err != nil {
		return fmt.Errorf("serve the live page: %w", d.err)
	}
	return nil
}

// Close ends the live page's server. A second call does nothing.
func (d *Display) Close() {
	if d.live != nil {
		d.keep(d.live.Close())
	}
}

func (d *Display) keep(err error) {
	if d.err == nil {
		d.err = err
	}
}
