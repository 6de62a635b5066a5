package main

import (
	"fmt"
	"io"
	"net"
	"strconv"

	"guestload/loadgen/report"
	"guestload/loadgen/report/page"
	"guestload/results"
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
}

// invite begins to serve the page of a run that is about to start, and says where.
func invite(o options, p *performance, stderr io.Writer) (*audience, error) {
	if o.watch == "" {
		return nil, nil
	}
	start := page.Start{Record: p.run.Record, Scenario: p.scenario.Source}
	start.Record.Guests.Planned = p.tape.planned
	e := &start.Record.Environment
	e.Target, e.Transport, e.Storage = p.where(), p.transport, p.target.storage
	for _, t := range p.scenario.Thresholds {
		start.Thresholds = append(start.Thresholds, t.Expression)
	}
	live, err := page.Listen(o.watch, start)
	if err != nil {
		return nil, err
	}
	if !o.quiet {
		fmt.Fprintf(stderr, "loadgen: watch at %s, Prometheus at %smetrics\n", live.URL(), live.URL())
	}
	return &audience{live: live}, nil
}

// show shows seconds that have ended.
func (a *audience) show(seconds []results.Second, s report.Snapshot) {
	if a == nil {
		return
	}
	for _, second := range seconds {
		a.keep(a.live.Push(page.Moment{Second: second, State: page.State{
			Phase: s.Phase, Elapsed: s.Elapsed, Left: s.Left, Planned: s.Planned, Unmatched: s.Unmatched, Violations: s.Violations,
		}}))
	}
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
