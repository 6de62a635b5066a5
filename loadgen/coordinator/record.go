package coordinator

import (
	"context"
	"fmt"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/interrupt"
	"guestload/loadgen/measure"
	"guestload/loadgen/run"
	"guestload/results"
)

// conclude makes the record of the run from those of its shares.
func (c *coordinator) conclude(ctx context.Context, end time.Duration, health measure.Health) (whole results.Run, err error) {
	var shares []results.Run
	var invalid []string
	late := false
	for _, m := range c.members {
		share, doubts := c.sent(m, end), c.failure(m)
		if m.end != nil {
			share, doubts, late = results.Run{Record: m.end.Record, Seconds: m.seconds}, m.end.Invalid, late || m.end.Late
		}
		share.Record.Invalid = nil
		shares = append(shares, share)
		for _, doubt := range doubts {
			invalid = append(invalid, fmt.Sprintf("process %d of %d: %s", m.part.Share, m.part.Of, doubt))
		}
	}
	whole, err = results.Merge(shares...)
	if err != nil { // a worker is wrong about its own share
		invalid = append(invalid, fmt.Sprintf("the records of the %d processes cannot be merged: %v. This record is of the seconds that they sent", len(shares), err))
		for i, m := range c.members {
			shares[i] = c.sent(m, end)
		}
		if whole, err = results.Merge(shares...); err != nil {
			return whole, err
		}
	}
	r := &whole.Record
	r.Invalid, r.Warnings = invalid, append(c.plan.Warnings, r.Warnings...)
	r.Environment = c.plan.Environment
	r.Interrupted = r.Interrupted || c.interrupted
	workers := r.Resources.Loadgen
	r.Resources.Loadgen = run.Usage(health)
	if workers != nil {
		r.Resources.Loadgen.CPUSec += workers.CPUSec
		r.Resources.Loadgen.RSSPeakMB += workers.RSSPeakMB
	}
	wait := func(what string, do func()) { c.progress.WaitFor(what, c.tally(), do) }
	findings := c.observer.Collect(ctx, wait, func() time.Duration { return end })
	findings.Record(r, run.Players{Late: late})
	if err := c.progress.Failed(); err != nil {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the screen could not be drawn: %v", err))
	}
	whole.Conclude(c.plan.Scenario.Thresholds)
	return whole, nil
}

// sent is what a worker's messages say of its share.
func (c *coordinator) sent(m *member, end time.Duration) results.Run {
	s, t := c.plan.Scenario, m.now
	planned := max(executor.ShareOf(&m.part).Of(c.progress.Timeline().Planned()), t.Arrived)
	ended := t.Completed + t.Failed + t.Unmatched
	r := results.Run{Seconds: m.seconds, Record: results.Record{
		Part: &m.part, Scenario: s.Name, ScenarioHash: s.Hash, Seed: s.Seed, Started: c.plan.Started.UTC(), DurationSec: end.Seconds(),
		Guests: results.Guests{
			Planned: planned, Started: ended, Completed: t.Completed, Failed: t.Failed, Unmatched: t.Unmatched, Dropped: planned - ended,
		},
	}}
	r.Conclude(s.Thresholds)
	return r
}

// failure is why a worker did not end its share.
func (c *coordinator) failure(m *member) []string {
	how := "it ended before its share was over, and the run with it"
	switch {
	case m.garbled != nil:
		how = fmt.Sprintf("it sent what cannot be understood (%v), and was killed, and the run with it", m.garbled)
	case c.interrupted && m.silent:
		how = fmt.Sprintf("it had not ended its share %v after the interrupt, and was killed: what it did last is not known", interrupt.CleanupTime)
	case m.silent:
		how = "it was silent, and was killed before its share was over, and the run with it"
	}
	return []string{how + ": " + m.State()}
}
