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
	// recoverPause is the first pause between attempts to recover while Redis replies to
	// the prober only; it doubles, up to longestRest.
	recoverPause = 200 * time.Millisecond
)

// Run watches Redis, keeps this instance's lease, cleans up after other instances and
// changes state, until ctx ends. Call Start before.
func (f *Store) Run(ctx context.Context, local Local) {
	f.local = local
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { f.redis.Watch(ctx, f.probed) })
	work.Go(func() { f.Broker.redis.Run(ctx) })
	work.Go(func() {
		f.Presence.redis.Run(ctx, presence.Events{
			Beaten:   f.onBeat,
			Lost:     f.lostLease,
			Released: local.Release,
			Failed:   f.failed,
		})
	})
	work.Go(func() { f.Sessions.memory.Run(ctx, f.log) })
	work.Go(func() { f.checkNowAndThen(ctx) })
	f.govern(ctx, local)
}

var errLeaseLost = fmt.Errorf("%w: our lease had lapsed, others have cleaned up after us", guest.ErrUnavailable)

// lostLease is called when others may have cleaned up after this instance. The store
// recovers as after an outage.
func (f *Store) lostLease() {
	if f.State() == StateRedis {
		f.fallBack(errLeaseLost)
	}
}

// emptied reports whether Redis may have lost its data, and falls back if it has. If
// Redis does not say, memory is authoritative for now.
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
		f.fallBack(fmt.Errorf("%w: redis has lost its data", guest.ErrUnavailable))
	}
	return true
}

// govern does the work of each state. It alone leads out of fallback.
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
			f.throttled.log(slog.LevelWarn, "not recovered "+redis.CodeOf(err), 1, "not recovered yet", "error", err)
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
		err := f.flush(ctx)
		if err == nil && f.Broker.missedMessages.Load() {
			err = f.catchUp(ctx, local)
		}
		if unavailable(err) && f.isUp() {
			f.fallBack(err)
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
			err = nil // the prober reports when to try again
		}
	}
	return errors.Join(err, f.resync(ctx, local))
}

// untilFall also ends with the next fallback: a hanging Redis must not delay the switch
// to memory.
func (f *Store) untilFall(ctx context.Context) (context.Context, context.CancelFunc) {
	f.mu.Lock()
	fellBack := f.mu.fellBack
	f.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-fellBack:
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

// resync resynchronises the node once after each fallback: memory matches now.
func (f *Store) resync(ctx context.Context, local Local) error {
	f.mu.Lock()
	fallbacks, done := f.mu.fallbacks, f.mu.resynced
	f.mu.Unlock()
	if fallbacks == done {
		return nil
	}
	if err := local.Resync(ctx, nil); err != nil {
		return fmt.Errorf("go on in memory: %w", err)
	}
	f.mu.Lock()
	f.mu.resynced = fallbacks
	f.mu.Unlock()
	return nil
}

// flush writes what single operations could not write although Redis was up.
func (f *Store) flush(ctx context.Context) error {
	ctx, done := f.untilFall(ctx)
	defer done()
	if f.Sessions.Dirty() > 0 {
		if err := f.Sessions.writeBack(ctx); err != nil {
			return fmt.Errorf("write back: %w", err)
		}
	}
	if err := retryUntilDown(ctx, ctx.Done, func() error { return f.Presence.repair(ctx) }); err != nil {
		return fmt.Errorf("repair presence: %w", err)
	}
	if !f.Presence.stale.Load() {
		return nil
	}
	if _, err := f.settlePresence(ctx); err != nil {
		return fmt.Errorf("write presence: %w", err)
	}
	return nil
}

// catchUp finds out what other instances sent while only the subscription was lost:
// matches, leaves, moves.
func (f *Store) catchUp(node context.Context, local Local) error {
	ctx, done := f.untilFall(node)
	defer done()
	moved, err := f.listen(ctx)
	if err == nil {
		err = local.Resync(node, moved)
	}
	if err != nil {
		f.Broker.missedMessages.Store(true)
		return fmt.Errorf("resynchronise with other instances: %w", err)
	}
	return nil
}

// listen makes sure that other instances reach this one, and that Redis knows its guests;
// moved are guests whom another instance had.
func (f *Store) listen(ctx context.Context) (moved map[string]string, err error) {
	if err := retryUntilDown(ctx, ctx.Done, func() error { return f.Broker.hears(ctx) }); err != nil {
		return nil, fmt.Errorf("hear other instances: %w", err)
	}
	if moved, err = f.settlePresence(ctx); err != nil {
		return nil, fmt.Errorf("reconcile presence: %w", err)
	}
	return moved, nil
}

func (f *Store) settlePresence(ctx context.Context) (moved map[string]string, err error) {
	err = retryUntilDown(ctx, ctx.Done, func() error {
		moved, err = f.Presence.settle(ctx)
		return err
	})
	return moved, err
}

// recover writes this instance's state back to Redis and uses Redis again. After an
// outage in between, the next attempt continues.
func (f *Store) recover(ctx context.Context, local Local) error {
	began := time.Now()
	f.mu.Lock()
	fallbacks, before := f.mu.fallbacks, f.mu.epoch
	f.mu.Unlock()
	if refused := f.Broker.redis.Refused(); refused != nil {
		f.setReason(refused)
		return refused
	}
	if err := f.redis.Check(ctx, f.instance); err != nil {
		f.setReason(err)
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
		f.Sessions.markAll()
		f.Presence.redis.Reread() // another Redis has another clock
	}
	dirty := f.Sessions.Dirty()
	if err := f.advance(fallbacks, StateRecovering); err != nil {
		return err
	}
	if err := f.restore(ctx, fallbacks, local); err != nil {
		f.fallBackFrom(fallbacks, err)
		return err
	}
	f.mu.Lock()
	if f.mu.fallbacks != fallbacks {
		f.mu.Unlock()
		return errFellBack
	}
	f.mu.epoch, f.mu.resynced = now.ID, fallbacks
	back := time.Now()
	f.back.Store(&back)
	report := f.setState(StateRedis)
	f.setReason(nil)
	f.mu.Unlock()
	report(nil)
	f.throttled.log(slog.LevelInfo, "recovered", statesLogged, "recovered", "sessions", dirty, "took", time.Since(began))
	f.poke()
	time.AfterFunc(othersTake+time.Millisecond, f.poke) // for what waits for complete
	return nil
}

// passes is how often the write-back repeats for changes that came meanwhile. What is
// left then is of guests who write all the time, and is written in state redis.
const passes = 3

func (f *Store) restore(node context.Context, fallbacks uint64, local Local) error {
	ctx, done := f.untilFall(node) // the node's own calls do not end with it
	defer done()
	err := retryUntilDown(ctx, ctx.Done, func() error { return f.beat(ctx) })
	if err != nil {
		return fmt.Errorf("take lease: %w", err)
	}
	for range passes {
		if f.Sessions.Dirty() == 0 {
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
	err = retryUntilDown(ctx, ctx.Done, func() error {
		some, err := f.Matcher.moveToRedis(ctx, fallbacks, local)
		dissolved = append(dissolved, some...)
		return err
	})
	if len(dissolved) > 0 {
		err = errors.Join(err, local.Release(node, f.instance, dissolved))
	}
	if err != nil {
		return fmt.Errorf("purge pairs: %w", err)
	}
	if err := local.Resync(node, moved); err != nil {
		return fmt.Errorf("go on in redis: %w", err)
	}
	return nil
}
