package failover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redis/presence"
)

const (
	sweepMemoryEvery = 10 * time.Minute
	// recoverPause is the first rest between attempts to recover from a Redis that
	// answers the prober and not us; it doubles, up to longestRest.
	recoverPause = 200 * time.Millisecond
)

// Run watches Redis, keeps this instance's lease, cleans up after others and
// moves between the states, until ctx ends. Start comes first.
func (f *Store) Run(ctx context.Context, local Local) {
	f.local = local
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { f.redis.Watch(ctx, f.hear) })
	work.Go(func() { f.Broker.redis.Run(ctx) })
	work.Go(func() {
		f.Presence.redis.Run(ctx, presence.Events{
			Beaten:   f.beaten,
			Lost:     f.lostLease,
			Released: local.Release,
			Failed:   f.failed,
		})
	})
	work.Go(func() { f.sweep(ctx) })
	work.Go(func() { f.examine(ctx) })
	f.govern(ctx, local)
}

func (f *Store) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepMemoryEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if n := f.Sessions.memory.Sweep(); n > 0 {
				f.log.Info("swept lapsed sessions from memory", "sessions", n)
			}
		case <-ctx.Done():
			return
		}
	}
}

var errLeaseLost = fmt.Errorf("%w: our lease had lapsed, others have cleaned up after us", guest.ErrUnavailable)

// lostLease is told when others may have taken us for dead. What they undid is
// done again, as after an outage.
func (f *Store) lostLease() {
	if f.State() == StateRedis {
		f.fall(errLeaseLost)
	}
}

// emptied reports whether Redis may not be the one that we wrote to. Where it
// is another, we fall back; where it does not say, memory's word counts for now.
func (f *Store) emptied(ctx context.Context) bool {
	now, err := f.redis.Epoch(ctx)
	if err != nil {
		return true
	}
	f.mu.Lock()
	same := now.ID == f.mu.epoch
	state := f.mu.state
	f.mu.Unlock()
	if same {
		return false
	}
	if state == StateRedis {
		f.fall(fmt.Errorf("%w: redis has lost its data", guest.ErrUnavailable))
	}
	return true
}

// govern does what each state asks for. It alone leads out of fallback.
func (f *Store) govern(ctx context.Context, local Local) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	resting, rest := false, recoverPause
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
			if fresh := f.fresh.Swap(false); fresh {
				rest = recoverPause
			} else if resting {
				continue
			}
		case <-pause.C:
		}
		err := f.step(ctx, local)
		if resting = err != nil; !resting {
			rest = recoverPause
		} else if ctx.Err() == nil {
			f.rarely.say(slog.LevelWarn, "not recovered "+redis.CodeOf(err), 1, "not recovered yet", "error", err)
			pause.Reset(rest)
			rest = min(2*rest, longestRest)
		}
	}
}

func (f *Store) step(ctx context.Context, local Local) error {
	f.mu.Lock()
	state, up, wait := f.mu.state, f.mu.up, f.restFor(time.Now())
	f.mu.Unlock()
	if state == StateRedis {
		err := f.repay(ctx)
		if err == nil && f.Broker.deaf.Load() {
			err = f.catchUp(ctx, local)
		}
		if unavailable(err) && f.isUp() {
			f.fall(err)
		}
		return nil
	}
	var err error
	if up && wait > 0 {
		time.AfterFunc(wait, f.poke)
	} else if up {
		if err = f.recover(ctx, local); err == nil {
			return nil
		}
		if !f.isUp() {
			err = nil // the prober tells when to try again
		}
	}
	return errors.Join(err, f.settleIn(ctx, local))
}

// untilFall ends with the next fall too: a Redis that hangs holds up nobody who
// has to go on without it.
func (f *Store) untilFall(ctx context.Context) (context.Context, context.CancelFunc) {
	f.mu.Lock()
	fallen := f.mu.fallen
	f.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-fallen:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (f *Store) isUp() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.up
}

// settleIn lets the node know, once a fall, that memory is the matcher now.
func (f *Store) settleIn(ctx context.Context, local Local) error {
	f.mu.Lock()
	falls, done := f.mu.falls, f.mu.resynced
	f.mu.Unlock()
	if falls == done {
		return nil
	}
	if err := local.Resync(ctx, nil); err != nil {
		return fmt.Errorf("go on in memory: %w", err)
	}
	f.mu.Lock()
	f.mu.resynced = falls
	f.mu.Unlock()
	return nil
}

// repay tells Redis what single operations could not, though it was there.
func (f *Store) repay(ctx context.Context) error {
	ctx, done := f.untilFall(ctx)
	defer done()
	if f.Sessions.Owed() > 0 {
		if err := f.Sessions.writeBack(ctx); err != nil {
			return fmt.Errorf("what is owed cannot be written: %w", err)
		}
	}
	if err := insist(ctx, ctx.Done, func() error { return f.Presence.repair(ctx) }); err != nil {
		return fmt.Errorf("who is here cannot be repaired: %w", err)
	}
	if !f.Presence.stale.Load() {
		return nil
	}
	if _, err := f.settlePresence(ctx); err != nil {
		return fmt.Errorf("who is here cannot be written: %w", err)
	}
	return nil
}

// catchUp finds out what other instances have told us while our subscription
// alone was lost: whom they matched, who left, who is there now.
func (f *Store) catchUp(node context.Context, local Local) error {
	ctx, done := f.untilFall(node)
	defer done()
	moved, err := f.listen(ctx)
	if err == nil {
		err = local.Resync(node, moved)
	}
	if err != nil {
		f.Broker.deaf.Store(true)
		return fmt.Errorf("what other instances told was missed: %w", err)
	}
	return nil
}

// listen makes sure that other instances reach us, and that Redis knows who is
// here; moved are the guests whom another instance had.
func (f *Store) listen(ctx context.Context) (moved map[string]string, err error) {
	if err := insist(ctx, ctx.Done, func() error { return f.Broker.hears(ctx) }); err != nil {
		return nil, fmt.Errorf("hear other instances: %w", err)
	}
	if moved, err = f.settlePresence(ctx); err != nil {
		return nil, fmt.Errorf("settle presence: %w", err)
	}
	return moved, nil
}

func (f *Store) settlePresence(ctx context.Context) (moved map[string]string, err error) {
	err = insist(ctx, ctx.Done, func() error {
		moved, err = f.Presence.settle(ctx)
		return err
	})
	return moved, err
}

// recover brings Redis to what is true here, and makes it the truth again. An
// outage at any point leaves what is not done yet to the next attempt.
func (f *Store) recover(ctx context.Context, local Local) error {
	began := time.Now()
	f.mu.Lock()
	falls, before := f.mu.falls, f.mu.epoch
	f.mu.Unlock()
	if refused := f.Broker.redis.Refused(); refused != nil {
		f.explain(refused)
		return refused
	}
	if err := f.redis.Check(ctx, f.instance); err != nil {
		f.explain(err)
		return err
	}
	now, err := f.redis.Epoch(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.mu.found = now
	f.mu.Unlock()
	if now.ID != before {
		f.Sessions.oweAll()
		f.Presence.redis.Reread() // by the clock of another
	}
	owed := f.Sessions.Owed()
	if err := f.advance(falls, StateRecovering); err != nil {
		return err
	}
	if err := f.restore(ctx, falls, local); err != nil {
		f.fallFrom(falls, err)
		return err
	}
	f.mu.Lock()
	if f.mu.falls != falls {
		f.mu.Unlock()
		return errFell
	}
	f.mu.epoch, f.mu.resynced = now.ID, falls
	back := time.Now()
	f.back.Store(&back)
	report := f.setState(StateRedis)
	f.explain(nil)
	f.mu.Unlock()
	report(nil)
	f.rarely.say(slog.LevelInfo, "recovered", statesLogged, "recovered", "sessions", owed, "took", time.Since(began))
	f.poke()
	time.AfterFunc(othersTake+time.Millisecond, f.poke) // for what waits until Redis is complete
	return nil
}

// passes is how often the write-back looks for what came meanwhile. Whatever is
// left then belongs to guests who write without pause, and is paid in passing.
const passes = 3

func (f *Store) restore(node context.Context, falls uint64, local Local) error {
	ctx, done := f.untilFall(node) // but the node's guests are not to hear of it
	defer done()
	err := insist(ctx, ctx.Done, func() error { return f.beat(ctx) })
	if err != nil {
		return fmt.Errorf("take lease: %w", err)
	}
	for range passes {
		if f.Sessions.Owed() == 0 {
			break
		}
		if err := f.Sessions.writeBack(ctx); err != nil {
			return fmt.Errorf("write sessions back: %w", err)
		}
	}
	moved, err := f.listen(ctx)
	if err != nil {
		return err
	}
	var dissolved []guest.Pair
	err = insist(ctx, ctx.Done, func() error {
		some, err := f.Matcher.goHome(ctx, falls, local)
		dissolved = append(dissolved, some...)
		return err
	})
	if len(dissolved) > 0 {
		err = errors.Join(err, local.Release(node, f.instance, dissolved))
	}
	if err != nil {
		return fmt.Errorf("settle pairs: %w", err)
	}
	if err := local.Resync(node, moved); err != nil {
		return fmt.Errorf("go on in redis: %w", err)
	}
	return nil
}
