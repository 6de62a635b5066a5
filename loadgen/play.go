package main

import (
	"context"
	"errors"
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
	"guestload/loadgen/schedule"
	"guestload/loadgen/session"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
)

// recordsRoot is where records go that were given no folder.
var recordsRoot = filepath.Join("results", "runs")

// play runs the scenario, reports it, and returns the exit code. The report comes
// first and the record after it: whatever is full or gone, the result is seen.
func play(ctx context.Context, o options, s scenarios.Scenario, getenv func(string) string, out, errs *report.Outlet) (int, error) {
	machine, err := measureMachine(within(executor.Share{N: s.Processes}, peakLive(highest(s))), o.conns)
	if err != nil {
		return 0, err
	}
	journal, err := claim(o, s)
	if err != nil {
		return 0, err
	}
	live := report.NewLive(io.Discard, report.Terminal{})
	if !o.quiet && !o.json {
		live = report.NewLive(errs, report.Detect(errs, getenv))
	}
	st := &stage{options: o, machine: machine, live: live, stderr: errs}
	defer func() { st.audience.close() }()
	whole, err := st.whole(ctx, s, journal)
	if err != nil {
		err = errors.Join(err, journal.Abandon())
		if ctx.Err() == nil {
			return 0, err
		}
		live.Clear()
		fmt.Fprintln(errs, "loadgen: interrupted before the first guest: nothing was measured, and no record was written")
		return results.ExitInvalid, nil
	}
	live.Clear() // a screen that has gone is no reason to keep the report back
	flush(errs)
	record := whole.Run.Record
	if o.json {
		err = record.WriteJSON(out)
	} else {
		_, err = io.WriteString(out, report.Detect(out, getenv).Final(record, journal.Dir()))
	}
	if err != nil {
		fmt.Fprintf(errs, "loadgen: the report could not be printed: %v\n", err)
	}
	flush(out)
	st.unwritten = append(st.unwritten, writeFiles(journal, whole)...)
	for _, err := range st.unwritten {
		fmt.Fprintf(errs, "loadgen: the record is incomplete: %v\n", err)
	}
	if err := st.audience.finish(whole); err != nil {
		fmt.Fprintf(errs, "loadgen: %v\n", err)
	}
	code := record.Outcome.ExitCode()
	if len(st.unwritten) > 0 {
		code = max(code, results.ExitCouldNotRun)
	}
	return code, nil
}

// stage is where runs are played: what all of one invocation share.
type stage struct {
	options   options
	machine   machine
	live      *report.Live
	audience  *audience // nil: nobody watches
	stderr    io.Writer
	searching bool    // the runs are those of a search for the capacity
	unwritten []error // files of records
}

// whole plays all that the scenario asks for: one run, or the many of a search.
func (st *stage) whole(ctx context.Context, s scenarios.Scenario, journal *results.Journal) (page.Page, error) {
	if st.searching = s.Capacity != nil; st.searching {
		return st.search(ctx, s, journal)
	}
	if s.Processes > 1 {
		return st.together(ctx, s, journal)
	}
	p, err := st.perform(ctx, s, s.Name, journal)
	if err != nil {
		return page.Page{}, err
	}
	return p.page(), nil
}

// perform plays one run against a target that is opened for it; title is what
// the screen calls it.
func (st *stage) perform(ctx context.Context, s scenarios.Scenario, title string, journal *results.Journal) (*performance, error) {
	t, err := openTarget(ctx, st.options, s, st.machine, journal.Dir())
	if err != nil {
		return nil, err
	}
	defer t.close(ctx)
	here := results.Here(ctx)
	p := newPerformance(st.options, s, t, st.machine, st.live, time.Now())
	p.surroundings(here)
	p.tape.title = title
	rate := 0.0
	if st.searching {
		rate = s.Phases[len(s.Phases)-1].From
		p.world.Guests = p.open // an odd guest does not prolong each step
	}
	st.warn(p, demandOf(s, t, p.plan.Share), rate)
	if st.audience, err = st.audience.invite(st.options, p, st.stderr); err != nil {
		return nil, err
	}
	p.audience = st.audience
	p.notices = st.notices()
	if err := p.begin(journal); err != nil {
		return nil, err
	}
	p.run, err = p.perform(ctx)
	return p, err
}

// warn tells what the machine has too little of; rate is that of a search's run,
// else 0.
func (st *stage) warn(p *performance, d demand, rate float64) {
	for _, short := range st.machine.short(d, st.options.fewer(rate)) {
		p.run.Record.Warnings = append(p.run.Record.Warnings, short)
		if !st.options.json {
			fmt.Fprintf(st.stderr, "loadgen: %s\n", short)
		}
	}
}

// notices is where is written what is wrong while a run goes on.
func (st *stage) notices() io.Writer {
	if st.options.json {
		return io.Discard
	}
	return st.stderr
}

// claim takes the record's folder.
func claim(o options, s scenarios.Scenario) (*results.Journal, error) {
	if o.out != "" {
		return results.Claim(o.out)
	}
	return results.ClaimNew(recordsRoot, s.Name, time.Now())
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
	gauges    *gauges
	run       results.Run
	open      int          // guests of open phases, in all parts of the run
	closed    atomic.Int64 // guests who came to closed phases
	blows     *blows       // faults of the scenario
	storage   *storageWatch
	diagnosis *diagnosis
	notices   io.Writer // for what is wrong while the run goes on
	health    measure.Health
	tap       *verify.Tap      // what guests are told, where another process judges it
	teller    *teller          // nil: the run is told of here
	journal   *results.Journal // nil: no record is written here
	died      bool             // the embedded server ended by itself
	slow      bool             // the generator was so late that time limits are not judged
	shown     error            // why the screen could not be drawn
}

func newPerformance(o options, s scenarios.Scenario, t *target, machine machine, live *report.Live, started time.Time) *performance {
	workers := 2 * runtime.GOMAXPROCS(0)
	p := &performance{
		scenario: s, transport: o.transport.String(), target: t, live: live,
		book: measure.NewBook(workers), tap: new(verify.Tap), tape: newTape(s),
	}
	limits := verify.Contract().Over(o.transport)
	p.diagnosis, p.notices = &diagnosis{transport: o.transport}, io.Discard
	p.verifier = verify.New(limits)
	if o.crew {
		p.verifier = verify.NewTapped(limits, p.tap)
	}
	clock := session.Clock{Epoch: started}
	set := session.Setting{
		Backend: t, Clock: clock, Verifier: p.verifier, Scripts: s.Scripts, Feeds: s.Feeds, Paths: s.Wire.Paths,
		Seed: s.Seed, Without: o.without, Failed: p.diagnosis.failed,
	}
	if o.part != nil && !o.crew { // processes of one run share the epoch
		set.Apart = p.apart
	}
	p.world = session.NewWorld(set)
	p.meter = measure.NewMeter()
	p.gauges = newGauges(t.sources()...)
	p.plan = executor.Plan{
		Phases: s.Phases, Seed: s.Seed, Share: shareOf(o.part), Clock: clock, Book: p.book, Workers: workers,
		MaxLive: machine.live, Precise: true, Grace: grace(s), Play: p.play, Started: p.started, Tick: p.tick,
	}
	p.storage = p.newStorageWatch(o.crew)
	p.open = p.tape.planned
	p.tape.planned = within(p.plan.Share, p.open)
	t.empty = t.empty && o.part == nil // the others' guests may be there still when ours have gone
	r := &p.run.Record
	r.Part = o.part
	r.Scenario, r.ScenarioHash, r.Seed, r.Started = s.Name, s.Hash, s.Seed, started.UTC()
	return p
}

// apart tells the guests whom another generator plays, on its own clock.
func (p *performance) apart(guest int) bool {
	if guest >= p.open {
		guest -= p.open // of closed phases, who count anew
	}
	return schedule.Owner(guest, p.plan.Share.N) != p.plan.Share.K
}

// started hears of every start. A late generator hears late, too.
func (p *performance) started(intended, actual time.Duration) {
	p.meter.Started(intended, actual)
	p.late(actual - intended)
}

// late hears how late a guest started or a timer fired: so late may guests hear, too.
func (p *performance) late(by time.Duration) {
	if by > time.Millisecond {
		p.verifier.Lagged(by)
	}
}

// play plays one guest. Those of closed phases have their numbers after all others.
func (p *performance) play(ctx context.Context, g session.Guest) session.Fate {
	if g.Index >= p.open {
		p.closed.Add(1)
	}
	return p.world.Play(ctx, g)
}

func (p *performance) tick(at time.Duration, now executor.Tally) {
	before := len(p.tape.seconds)
	p.tape.add(p.book.Tick(at), now)
	p.tape.spent(p.gauges.take())
	notice := p.diagnosis.line()
	announce(p.live, p.notices, at, notice)
	p.teller.tick(p.tape, now, notice)
	p.note(now, before)
	p.show(at, now, before)
}

// show shows what is on the tape, of which the seconds from before on are new.
func (p *performance) show(at time.Duration, now executor.Tally, before int) {
	snapshot := p.tape.snapshot(at, now)
	snapshot.Violations = p.verifier.Count()
	p.audience.show(p.tape, before, snapshot)
	if err := p.live.Show(snapshot); err != nil && p.shown == nil {
		p.shown = err // the load is worth more than the screen
	}
}

// perform plays until the last guest has gone and concludes.
func (p *performance) perform(ctx context.Context) (results.Run, error) {
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { p.meter.Watch(watching, p.late) })
	watch.Go(func() { p.gauges.watch(watching) })
	p.blows = newBlows(p.target, p.plan.Clock, p.verifier)
	watch.Go(func() { p.blows.deal(watching, p.scenario.Faults) })
	watch.Go(func() { p.storage.watch(watching) })
	tally, err := executor.Run(ctx, p.plan)
	end := p.plan.Clock.Now()
	p.health = p.meter.Health()
	if err == nil && !tally.Interrupted {
		p.waitFor(forFaults, tally, p.blows.settle)
	}
	stop()
	watch.Wait()
	p.blows.effect.Wait()
	if err != nil {
		return results.Run{}, err
	}
	p.tape.add(p.book.Finish(end), tally)
	p.conclude(hurry(ctx), tally, end)
	return p.run, nil
}

// page is what is kept of the run.
func (p *performance) page() page.Page {
	return page.Page{Run: p.run, Scenario: p.scenario.Source, Usage: p.tape.usage()}
}
