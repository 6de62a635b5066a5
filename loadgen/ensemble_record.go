package main

import (
	"context"
	"fmt"
	"time"

	"guestload/loadgen/verify"
	"guestload/results"
)

// conclude makes the record of the run of those of its shares.
func (e *ensemble) conclude(ctx context.Context, end time.Duration) error {
	var shares []results.Run
	here, invalid, warnings := e.run.Record.Environment, e.run.Record.Invalid, e.run.Record.Warnings
	for _, m := range e.members {
		share, doubts := e.share(m, end)
		shares = append(shares, share)
		e.slow = e.slow || m.end != nil && m.end.Late
		for _, doubt := range doubts {
			invalid = append(invalid, fmt.Sprintf("process %d of %d: %s", m.part.Share, m.part.Of, doubt))
		}
	}
	whole, err := results.Merge(shares...)
	if err != nil {
		return err
	}
	e.run = whole
	r := &e.run.Record
	r.Invalid, r.Warnings = invalid, append(warnings, r.Warnings...)
	r.Environment = here
	r.Interrupted = r.Interrupted || e.cut
	e.casualties()
	e.target.Spread.Close()
	var left verify.Leftovers
	e.waitFor(forStatistics, e.tally(), func() { left = e.target.leftovers(ctx) })
	e.judge(e.verifier.Finish(end, left), left)
	players := r.Resources.Loadgen
	e.waitFor(forStatistics, e.tally(), func() { e.spent(ctx) })
	if players != nil {
		r.Resources.Loadgen.CPUSec += players.CPUSec
		r.Resources.Loadgen.RSSPeakMB += players.RSSPeakMB
		r.Resources.Loadgen.CPUMsPerSession = 1000 * r.Resources.Loadgen.CPUSec / float64(max(1, r.Guests.Started))
	}
	if e.shown != nil {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the screen could not be drawn: %v", e.shown))
	}
	e.run.Conclude(e.scenario.Thresholds)
	return nil
}

// share is what is known of a process's share, and why it is not to be believed.
func (e *ensemble) share(m *member, end time.Duration) (results.Run, []string) {
	if m.end != nil {
		r := results.Run{Record: m.end.Record, Seconds: m.seconds}
		r.Record.Invalid = nil
		return r, m.end.Invalid
	}
	r := results.Run{Seconds: m.seconds, Record: results.Record{
		Part: &m.part, Scenario: e.scenario.Name, ScenarioHash: e.scenario.Hash, Seed: e.scenario.Seed,
		Started: e.run.Record.Started, DurationSec: end.Seconds(),
	}}
	t := m.now
	planned := max(within(shareOf(&m.part), e.open), t.Arrived)
	told := t.Completed + t.Failed + t.Unmatched
	r.Record.Guests = results.Guests{
		Planned: planned, Started: told, Completed: t.Completed, Failed: t.Failed, Unmatched: t.Unmatched, Dropped: planned - told,
	}
	r.Conclude(e.scenario.Thresholds)
	r.Record.Invalid = nil
	how := "it ended before its share was over, and the run with it"
	switch {
	case m.garbled != nil:
		how = fmt.Sprintf("it sent what cannot be understood (%v), and was killed, and the run with it", m.garbled)
	case e.cut && m.silent:
		how = fmt.Sprintf("it had not ended its share %v after the interrupt, and was killed: what it did last is not known", windDown)
	case m.silent:
		how = "it was silent, and was killed before its share was over, and the run with it"
	}
	return r, []string{how + ": " + m.LastWords()}
}
