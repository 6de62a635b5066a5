package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/measure"
	"guestload/loadgen/report"
	"guestload/loadgen/report/page"
	"guestload/loadgen/session"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
)

// recordsRoot is where records go that were given no folder.
var recordsRoot = filepath.Join("results", "runs")

// play runs the scenario, reports it, and returns the exit code.
func play(ctx context.Context, o options, s scenarios.Scenario, getenv func(string) string, stdout, stderr io.Writer) (int, error) {
	machine, err := measureCapacity()
	if err != nil {
		return 0, err
	}
	if warning := machine.warn(s); warning != "" {
		fmt.Fprintf(stderr, "loadgen: %s\n", warning)
	}
	dir, err := folder(o, s)
	if err != nil {
		return 0, err
	}
	t, err := openTarget(ctx, o, s, machine, dir)
	if err != nil {
		return 0, err
	}
	defer t.close()

	live := report.NewLive(io.Discard, report.Terminal{})
	if !o.quiet && !o.json {
		live = report.NewLive(stderr, report.Detect(stderr, getenv))
	}
	p := newPerformance(o, s, t, machine, live)
	if p.audience, err = invite(o, p, stderr); err != nil {
		return 0, err
	}
	defer p.audience.close()
	run, err := p.perform(ctx)
	if err != nil {
		return 0, err
	}
	if err := live.Clear(); err != nil {
		return 0, fmt.Errorf("clear the screen: %w", err)
	}
	whole := page.Page{Run: run, Scenario: s.Source}
	if err := writeRecord(dir, whole); err != nil {
		return 0, err
	}
	if err := p.audience.finish(whole); err != nil {
		fmt.Fprintf(stderr, "loadgen: %v\n", err)
	}
	if o.json {
		err = run.Record.WriteJSON(stdout)
	} else {
		_, err = io.WriteString(stdout, report.Detect(stdout, getenv).Final(run.Record, dir))
	}
	if err != nil {
		return 0, fmt.Errorf("report: %w", err)
	}
	return run.Record.Outcome.ExitCode(), nil
}

// folder makes the record's folder.
func folder(o options, s scenarios.Scenario) (string, error) {
	if o.out != "" {
		return o.out, results.Claim(o.out)
	}
	return results.NewDir(recordsRoot, s.Name, time.Now())
}

// performance is one run of a scenario against a target.
type performance struct {
	scenario  scenarios.Scenario
	transport string
	target    *target
	live      *report.Live
	audience  *audience // nil: nobody watches
	plan      executor.Plan
	book      *measure.Book
	meter     *measure.Meter
	verifier  *verify.Verifier
	world     *session.World
	tape      *tape
	run       results.Run
	closed    atomic.Int64 // guests who came to closed phases
	blows     *blows       // faults of the scenario
	shown     error        // why the screen could not be drawn
}

func newPerformance(o options, s scenarios.Scenario, t *target, machine capacity, live *report.Live) *performance {
	workers := 2 * runtime.GOMAXPROCS(0)
	p := &performance{
		scenario: s, transport: o.transport.String(), target: t, live: live,
		book: measure.NewBook(workers), verifier: verify.New(verify.Contract()), tape: newTape(s),
	}
	started := time.Now()
	clock := session.Clock{Epoch: started}
	p.world = session.NewWorld(session.Setting{
		Backend: t, Clock: clock, Verifier: p.verifier, Scripts: s.Scripts, Feeds: s.Feeds, Paths: s.Wire.Paths,
		Seed: s.Seed, Without: o.without,
	})
	p.meter = measure.NewMeter()
	p.plan = executor.Plan{
		Phases: s.Phases, Seed: s.Seed, Clock: clock, Book: p.book, Workers: workers,
		MaxLive: machine.live, Grace: grace(s), Play: p.play, Started: p.started, Tick: p.tick,
	}
	r := &p.run.Record
	r.Scenario, r.ScenarioHash, r.Seed, r.Started = s.Name, s.Hash, s.Seed, started.UTC()
	return p
}

// started hears of every start. A late generator hears late, too.
func (p *performance) started(intended, actual time.Duration) {
	p.meter.Started(intended, actual)
	if late := actual - intended; late > time.Millisecond {
		p.verifier.Lagged(late)
	}
}

// play plays one guest. Those of closed phases have their numbers after all others.
func (p *performance) play(ctx context.Context, g session.Guest) session.Fate {
	if g.Index >= p.tape.planned {
		p.closed.Add(1)
	}
	return p.world.Play(ctx, g)
}

func (p *performance) tick(at time.Duration, now executor.Tally) {
	before := len(p.tape.seconds)
	p.tape.add(p.book.Tick(at), now)
	snapshot := p.tape.snapshot(at, now)
	p.audience.show(p.tape.seconds[before:], snapshot)
	if err := p.live.Show(snapshot); err != nil && p.shown == nil {
		p.shown = err // the load is worth more than the screen
	}
}

// perform plays until the last guest has gone and concludes.
func (p *performance) perform(ctx context.Context) (results.Run, error) {
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { p.meter.Watch(watching) })
	p.blows = newBlows(p.target, p.plan.Clock)
	watch.Go(func() { p.blows.deal(watching, p.scenario.Faults) })
	tally, err := executor.Run(ctx, p.plan)
	end := p.plan.Clock.Now()
	health := p.meter.Health()
	if err == nil && !tally.Interrupted {
		p.blows.settle()
	}
	stop()
	watch.Wait()
	p.blows.effect.Wait()
	if err != nil {
		return results.Run{}, err
	}
	p.tape.add(p.book.Finish(end), tally)
	p.conclude(context.WithoutCancel(ctx), tally, end, health)
	return p.run, nil
}
