package run

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/measure"
	"guestload/loadgen/schedule"
	"guestload/loadgen/session"
	"guestload/loadgen/target"
	"guestload/loadgen/verify"
)

// load plays the guests of a plan, and owns all that measures them.
type load struct {
	plan     executor.Plan
	book     *measure.Book
	meter    *measure.Meter
	verifier *verify.Verifier
	tap      *verify.Tap // what guests are told, where another process judges it
	world    *session.World
	open     int          // guests of open phases, in all parts of the run
	closed   atomic.Int64 // guests who came to closed phases
}

// newLoad returns the load of a plan; failed hears of each failure of a guest.
func newLoad(plan Plan, t *target.Target, failed func(what string, err error)) *load {
	s, workers := plan.Scenario, 2*runtime.GOMAXPROCS(0)
	l := &load{
		book: measure.NewBook(workers), meter: measure.NewMeter(), tap: new(verify.Tap),
		open: schedule.Planned(executor.Schedule(s.Phases), s.Seed),
	}
	limits := verify.Contract().Over(t.Transport())
	if l.verifier = verify.New(limits); plan.Worker {
		l.verifier = verify.NewTapped(limits, l.tap)
	}
	set := session.Setting{
		Backend: t, Clock: plan.Clock(), Verifier: l.verifier, Scripts: s.Scripts, Feeds: s.Feeds, Paths: s.Wire.Paths,
		Seed: s.Seed, Without: plan.Without, Failed: failed,
	}
	if plan.Part != nil && !plan.Worker { // processes of one run share the epoch
		set.Apart = l.apart
	}
	if plan.Searching {
		set.Guests = l.open // an odd guest does not prolong each run
	}
	l.world = session.NewWorld(set)
	l.plan = executor.Plan{
		Phases: s.Phases, Seed: s.Seed, Share: plan.Share(), Clock: plan.Clock(), Book: l.book, Workers: workers,
		MaxLive: plan.Machine.Live, Precise: true, Grace: session.Longest(s.Scripts), Play: l.guest, Started: l.started,
	}
	return l
}

// play plays all guests; tick is called as each second ends.
func (l *load) play(ctx context.Context, tick func(at time.Duration, now executor.Tally)) (executor.Tally, error) {
	plan := l.plan
	plan.Tick = tick
	return executor.Run(ctx, plan)
}

// apart reports whether another generator plays the guest, by its own clock.
func (l *load) apart(guest int) bool {
	if guest >= l.open {
		guest -= l.open // guests of closed phases are counted from there
	}
	return schedule.Owner(guest, l.plan.Share.N) != l.plan.Share.K
}

// started hears of every start.
func (l *load) started(intended, actual time.Duration) {
	l.meter.Started(intended, actual)
	l.late(actual - intended)
}

// late hears how late a guest started or a timer fired: guests may read messages as late.
func (l *load) late(by time.Duration) {
	if by > time.Millisecond {
		l.verifier.Lagged(by)
	}
}

// guest plays one guest. Those of closed phases have their numbers after all others.
func (l *load) guest(ctx context.Context, g session.Guest) session.Fate {
	if g.Index >= l.open {
		l.closed.Add(1)
	}
	return l.world.Play(ctx, g)
}

func (l *load) closedGuests() int { return int(l.closed.Load()) }
