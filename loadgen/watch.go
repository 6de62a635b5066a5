package main

import (
	"fmt"
	"io"
	"net"
	"strconv"

	"guestload/loadgen/report"
	"guestload/loadgen/report/page"
)

// parseWatch reads where a run is to be watched: HOST:PORT, or :PORT and PORT
// for this machine alone. "" is nowhere.
func parseWatch(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = "", s
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("--watch %q: want a port, such as :8090, or HOST:PORT", s)
	}
	return net.JoinHostPort(host, port), nil
}

// audience is the live page of a run; nil where nobody wants it.
type audience struct {
	live *page.Live
	err  error // the first that showing gave: the load is worth more than the page

	// Of the runs before this one, in a search.
	seconds, planned, unmatched int
	violations                  int64
}

// invite begins to serve the page of a run that is about to start, and says
// where. Those who watch already see it follow the run before.
func (a *audience) invite(o options, p *performance, stderr io.Writer) (*audience, error) {
	if o.watch == "" || a != nil {
		return a, nil
	}
	start := p.start()
	live, err := page.Listen(o.watch, page.Start{Record: start.Record, Thresholds: start.Thresholds, Scenario: []byte(start.Scenario)})
	if err != nil {
		return nil, err
	}
	if !o.quiet {
		fmt.Fprintf(stderr, "loadgen: watch at %s, Prometheus at %smetrics\n", live.URL(), live.URL())
	}
	return &audience{live: live}, nil
}

// show shows the seconds of the tape that have ended since the one at from.
func (a *audience) show(t *tape, from int, s report.Snapshot) {
	if a == nil {
		return
	}
	state := page.State{
		Phase: t.named(s.Phase), Elapsed: s.Elapsed, Left: s.Left, Waiting: s.Waiting, Planned: a.planned + s.Planned,
		Unmatched: a.unmatched + s.Unmatched, Violations: a.violations + s.Violations,
	}
	for i, second := range t.seconds[from:] {
		second.Second += a.seconds
		second.Phase = t.named(second.Phase)
		a.keep(a.live.Push(page.Moment{Second: second, Use: t.used[from+i].of, State: state}))
	}
	a.keep(a.live.Update(state))
}

// next says that another run follows this one.
func (a *audience) next(p *performance) {
	if a == nil {
		return
	}
	g := p.run.Record.Guests
	a.seconds, a.planned, a.unmatched = a.seconds+p.tape.shown, a.planned+g.Planned, a.unmatched+g.Unmatched
	a.violations += p.verifier.Count()
}

// finish shows the record, and ends the page's server. Those who watch keep
// what they see.
func (a *audience) finish(p page.Page) error {
	if a == nil {
		return nil
	}
	a.keep(a.live.Finish(p))
	a.close()
	if a.err != nil {
		return fmt.Errorf("show the run to those who watch: %w", a.err)
	}
	return nil
}

// close ends the server. A second call does nothing.
func (a *audience) close() {
	if a != nil {
		a.keep(a.live.Close())
	}
}

func (a *audience) keep(err error) {
	if a.err == nil {
		a.err = err
	}
}
