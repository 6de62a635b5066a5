package main

import (
	"guestload/loadgen/executor"
	"guestload/loadgen/report/page"
	"guestload/results"
)

// start is what is known of the run before its first guest comes.
func (p *performance) start() results.Start {
	s := results.Start{Record: p.run.Record, Scenario: string(p.scenario.Source)}
	s.Record.Guests.Planned = p.tape.planned
	for _, f := range p.scenario.Faults {
		s.Record.Faults = append(s.Record.Faults, results.Fault{At: f.At.Seconds(), Blow: string(f.Blow), Victim: f.Victim()})
	}
	for _, t := range p.scenario.Thresholds {
		s.Thresholds = append(s.Thresholds, t.Expression)
	}
	return s
}

// begin has the run appended to a journal from now on.
func (p *performance) begin(j *results.Journal) error {
	p.journal = j
	return j.Begin(p.start())
}

// note appends what is on the tape from the second before on.
func (p *performance) note(now executor.Tally, before int) {
	if p.journal == nil {
		return
	}
	now.Interrupted, now.Stopped = true, now.Stopped+now.Live
	guests, violations := accounts(now, p.tape.planned, int(p.closed.Load())), p.verifier.Count()
	seconds := p.tape.seconds[before:]
	progress := make([]results.Progress, len(seconds))
	for i, s := range seconds {
		progress[i] = results.NewProgress(s)
		progress[i].Guests, progress[i].Violations, progress[i].Usage = guests, violations, p.tape.used[before+i].of
	}
	p.journal.Add(seconds, progress)
}

// writeFiles writes all files of a record that can be written, and returns why the
// others could not.
func writeFiles(j *results.Journal, p page.Page) []error {
	failed := j.Finish(p.Run)
	if err := page.Write(j.Dir(), p); err != nil {
		failed = append(failed, err)
	}
	return failed
}
