package executor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"guestload/loadgen/schedule"
	"guestload/loadgen/session"
	"guestload/scenarios"
)

// errGraceOver is why guests are stopped who take too long.
var errGraceOver = errors.New("the grace after the last arrival is over")

// apart is how far the first guests of a closed phase start from each other:
// all at once would be a burst that nobody asked for.
const apart = time.Millisecond

// run is a plan being run.
type run struct {
	Plan
	guests sync.WaitGroup
	closed struct { // closed phases' guests
		first int          // index of the first
		taken atomic.Int64 // so many have come
	}
	mu struct {
		sync.Mutex
		tally Tally
		idle  chan struct{} // closed when nobody is live any more, and nobody will come
		over  bool          // nobody will come
		final bool          // nothing is counted any more
	}
}

// How long guests who were stopped may take to end: by an interrupt, for which
// somebody waits, and at the end of the grace.
const (
	interruptedPatience = 250 * time.Millisecond
	gracePatience       = 2 * time.Second
)

// Run plays the plan and returns when every guest has ended. When ctx ends, so
// does the run, early. A guest who was stopped and does not end soon after counts as
// stopped, whatever still becomes of it. The error is Validate's.
func Run(ctx context.Context, p Plan) (Tally, error) {
	if err := p.Validate(); err != nil {
		return Tally{}, err
	}
	r := &run{Plan: p}
	r.mu.idle = make(chan struct{})
	guests, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	ticking, stopTicking := context.WithCancel(context.Background())
	var ticker sync.WaitGroup
	ticker.Go(func() { r.tick(ticking) })

	ended := make(chan struct{})
	go func() {
		r.arrive(ctx, guests)
		r.await(ctx, stop)
		r.guests.Wait()
		close(ended)
	}()
	r.leave(ctx, guests, ended)
	stopTicking()
	ticker.Wait()
	return r.settle(ctx), nil
}

// leave waits until every guest has ended, or has had the time for it after it was
// stopped.
func (r *run) leave(ctx, guests context.Context, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-guests.Done():
	}
	wait := func(patience time.Duration, interrupt <-chan struct{}) (interrupted bool) {
		late := time.NewTimer(patience)
		defer late.Stop()
		select {
		case <-ended:
		case <-late.C:
		case <-interrupt:
			return true
		}
		return false
	}
	if ctx.Err() != nil || wait(gracePatience, ctx.Done()) {
		wait(interruptedPatience, nil)
	}
}

// settle accounts for guests who have not ended, and returns the tally, which does not
// change any more.
func (r *run) settle(ctx context.Context) Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.mu.tally
	t.Interrupted = ctx.Err() != nil
	if t.Interrupted {
		t.Stopped += t.Live
	} else {
		t.Unfinished, t.Failed = t.Unfinished+t.Live, t.Failed+t.Live
	}
	t.Live, r.mu.final = 0, true
	return *t
}

// arrive starts everybody, and returns when the last phase is over.
func (r *run) arrive(ctx, guests context.Context) {
	var phases sync.WaitGroup
	var begin time.Duration
	r.closed.first = r.plannedOpen()
	for i, phase := range r.Phases {
		if phase.Shape == scenarios.Closed {
			start := begin
			phases.Go(func() { r.closedPhase(ctx, guests, i, start) })
		}
		begin += phase.For
	}
	r.open(ctx, guests)
	r.waitUntil(ctx, begin)
	phases.Wait()
	r.mu.Lock()
	r.mu.over = true
	r.mu.tally.Phase = len(r.Phases)
	r.finish()
	r.mu.Unlock()
}

// plannedOpen is how many guests the open phases bring, in all shares, where
// closed phases need to know.
func (r *run) plannedOpen() int {
	for _, phase := range r.Phases {
		if phase.Shape == scenarios.Closed {
			return schedule.Planned(Schedule(r.Phases), r.Seed)
		}
	}
	return 0
}

// open starts the guests of open phases, each when it is due. One that is late
// is started at once: none is ever left out.
func (r *run) open(ctx, guests context.Context) {
	alarm := newGoTimer
	if r.Precise {
		alarm = newPreciseAlarm
	}
	bell := alarm(ctx)
	defer bell.close()
	for a := range r.arrivals() {
		if wait := a.At - r.Clock.Now(); wait > 0 {
			if !bell.sleep(wait) {
				return
			}
		} else if ctx.Err() != nil {
			return
		}
		if r.admit(a.Phase) {
			go r.play(guests, r.guest(a.Index, a.Phase, a.At))
		}
	}
}

// admit makes room for one more guest, or counts it as dropped.
func (r *run) admit(phase int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.final {
		return false
	}
	t := &r.mu.tally
	t.Arrived++
	t.Phase = max(t.Phase, phase)
	if r.MaxLive > 0 && t.Live >= r.MaxLive {
		t.Dropped++
		return false
	}
	t.Live++
	r.guests.Add(1)
	return true
}

// play plays an admitted guest.
func (r *run) play(ctx context.Context, g session.Guest) {
	defer r.guests.Done()
	if r.Started != nil {
		r.Started(g.Intended, r.Clock.Now())
	}
	r.count(ctx, r.Play(ctx, g))
}

// count accounts for a guest whose part is over.
func (r *run) count(ctx context.Context, fate session.Fate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.final {
		return
	}
	t := &r.mu.tally
	t.Live--
	switch {
	case fate == session.Completed:
		t.Completed++
	case fate == session.Unmatched:
		t.Unmatched++
	case fate == session.Stopped && errors.Is(context.Cause(ctx), errGraceOver):
		t.Unfinished++
		t.Failed++
	case fate == session.Stopped:
		t.Stopped++
	default:
		t.Failed++
	}
	r.finish()
}

// finish tells who waits for it that the last guest has gone. The lock is held.
func (r *run) finish() {
	if r.mu.over && r.mu.tally.Live == 0 {
		close(r.mu.idle)
		r.mu.over = false // once
	}
}

// closedPhase keeps the phase's number of guests at play until its time is over.
func (r *run) closedPhase(ctx, guests context.Context, phase int, begin time.Duration) {
	p := r.Phases[phase]
	end := begin + p.For
	var slots sync.WaitGroup
	for i := range p.Guests {
		if !r.Share.whole() && schedule.Owner(i, r.Share.N) != r.Share.K {
			continue
		}
		start := begin + min(time.Duration(i)*apart, p.For/2)
		if !r.waitUntil(ctx, start) {
			break
		}
		slots.Go(func() { r.slot(ctx, guests, phase, start, end) })
	}
	slots.Wait()
}

// slot plays one guest after the other.
func (r *run) slot(ctx, guests context.Context, phase int, start, end time.Duration) {
	for start < end && ctx.Err() == nil && r.admit(phase) {
		n := int(r.closed.taken.Add(1)) - 1
		if !r.Share.whole() {
			n = schedule.Nth(n, r.Share.K, r.Share.N)
		}
		r.play(guests, r.guest(r.closed.first+n, phase, start))
		start = r.Clock.Now()
	}
}

// waitUntil returns false when ctx ended before.
func (r *run) waitUntil(ctx context.Context, at time.Duration) bool {
	wait := at - r.Clock.Now()
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// await waits for the last guest, the end of the grace, or the end of ctx, which
// has stopped the guests already.
func (r *run) await(ctx context.Context, stop context.CancelCauseFunc) {
	timer := time.NewTimer(r.Grace)
	defer timer.Stop()
	select {
	case <-r.mu.idle:
	case <-ctx.Done():
	case <-timer.C:
		stop(errGraceOver)
	}
}

func (r *run) tick(ctx context.Context) {
	if r.Tick == nil {
		return
	}
	// On the run's own seconds, also where the run begins later than this: a tick in
	// the middle of a second would tell of it only in the next.
	untilNext := func() time.Duration {
		now := r.Clock.Now()
		return max(now.Truncate(time.Second), 0) + time.Second - now
	}
	next := time.NewTimer(untilNext())
	defer next.Stop()
	for {
		select {
		case <-next.C:
			r.Tick(r.Clock.Now(), r.now())
			next.Reset(untilNext())
		case <-ctx.Done():
			return
		}
	}
}

func (r *run) now() Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.tally
}
