package run

import (
	"context"
	"fmt"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/limits"
	"guestload/loadgen/session"
	"guestload/loadgen/target"
	"guestload/results"
	"guestload/results/series"
	"guestload/scenarios"
)

// Config is what all runs of one invocation have in common.
type Config struct {
	Target    target.Config
	Without   map[scenarios.Kind]bool // steps that the target does not have
	Part      *results.Part           // nil: the whole run
	Machine   limits.Machine
	Searching bool // the runs are those of a search for the capacity
	// Fewer returns the flag that plays such a share of the guests; rate is that of a
	// search's run, else 0.
	Fewer func(share, rate float64) string
}

// TargetConfig is the configuration of the target, with what follows from the rest.
func (c Config) TargetConfig() target.Config {
	t := c.Target
	t.Conns, t.Share = c.Machine.Conns, c.Share()
	return t
}

// Share is the part as the executor counts it.
func (c Config) Share() executor.Share { return executor.ShareOf(c.Part) }

// Plan is one run, or one process's share of it, before its first guest. It does not change
// afterwards.
type Plan struct {
	Config
	Scenario    scenarios.Scenario
	Title       string // on the screen
	Started     time.Time
	Environment results.Environment
	Warnings    []string

	// Worker is a process whose guests another process judges, together with others'.
	Worker bool
	// Tick hears of the seconds that have ended, and of what was found to be wrong with the
	// target. It may be nil.
	Tick func(seconds []series.Second, now executor.Tally, notice string)
}

// NewPlan returns the plan of a run against a target that is open, which starts now. It prints
// what this machine has too little of.
func NewPlan(ctx context.Context, c Config, d *Display, t *target.Target, s scenarios.Scenario, title string) Plan {
	p := Plan{Config: c, Scenario: s, Title: title, Environment: Environment(ctx, t), Started: time.Now()}
	rate := 0.0
	if c.Searching {
		rate = s.Phases[len(s.Phases)-1].From
	}
	demand := limits.DemandOf(s, p.Share())
	demand.Sources = len(t.Clients) * t.Clients[0].Sources() // each instance has an address of its own
	if own := t.Fleet(); own != nil {
		demand.Servers = len(own.Servers)
	}
	p.Warnings = c.Machine.Shortages(demand, func(share float64) string { return c.Fewer(share, rate) })
	for _, short := range p.Warnings {
		fmt.Fprintf(d.Notices, "loadgen: %s\n", short)
	}
	return p
}

// Clock is the clock of the run.
func (p Plan) Clock() session.Clock { return session.Clock{Epoch: p.Started} }

// record is what the record says before the first guest.
func (p Plan) record() results.Record {
	s := p.Scenario
	return results.Record{
		Part: p.Part, Scenario: s.Name, ScenarioHash: s.Hash, Seed: s.Seed, Started: p.Started.UTC(),
		Environment: p.Environment, Warnings: p.Warnings,
	}
}

// Start is what the journal says before the first guest.
func (p Plan) Start() results.Start {
	s := results.Start{Record: p.record(), Scenario: string(p.Scenario.Source)}
	for _, f := range p.Scenario.Faults {
		s.Record.Faults = append(s.Record.Faults, results.Fault{At: f.At.Seconds(), Action: string(f.Action), Victim: f.Victim()})
	}
	for _, t := range p.Scenario.Thresholds {
		s.Thresholds = append(s.Thresholds, t.Expression)
	}
	return s
}

// Environment is where a run against this target takes place.
func Environment(ctx context.Context, t *target.Target) results.Environment {
	e := results.Here(ctx)
	e.Target, e.Transport, e.Storage = t.Name(), t.Transport().String(), t.Storage()
	return e
}
