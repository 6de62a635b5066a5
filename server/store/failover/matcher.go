package failover

import (
	"context"
	"fmt"
	"sync"

	"guestload/server/guest"
	"guestload/server/store/memory"
	"guestload/server/store/redis/matcher"
)

// Matcher matches the guests of all instances in Redis, and while Redis is down, those of
// this instance in memory. Only one of the two is in use.
type Matcher struct {
	failover *Store
	redis    *matcher.Matcher
	memory   *memory.Matcher
	gate     sync.RWMutex // shared by calls, exclusive in moveToRedis
}

// Search pairs s with the longest waiting guest such that both accept each other, or
// leaves s waiting.
func (m *Matcher) Search(ctx context.Context, s guest.Searcher) (p guest.Pair, err error) {
	m.ask(ctx, func() error { p, err = m.redis.Search(ctx, s); return err },
		func() { p, err = m.memory.Search(ctx, s) })
	return p, err
}

// Leave removes the guest from the queue and dissolves the guest's pair, which it
// returns.
func (m *Matcher) Leave(ctx context.Context, id string) (p guest.Pair, err error) {
	m.ask(ctx, func() error { p, err = m.redis.Leave(ctx, id); return err },
		func() { p, err = m.memory.Leave(ctx, id) })
	return p, err
}

// LeaveAt is Leave if the guest is recorded for the instance, "" for any.
func (m *Matcher) LeaveAt(ctx context.Context, id, instance string) (p guest.Pair, err error) {
	m.ask(ctx, func() error { p, err = m.redis.LeaveAt(ctx, id, instance); return err },
		func() { p, err = m.memory.LeaveAt(ctx, id, instance) })
	return p, err
}

// Move records that the guest of a pair has moved to another instance, and reports
// whether the guest is in that pair.
func (m *Matcher) Move(ctx context.Context, id, pair, instance string) (moved bool, err error) {
	m.ask(ctx, func() error { moved, err = m.redis.Move(ctx, id, pair, instance); return err },
		func() { moved, err = m.memory.Move(ctx, id, pair, instance) })
	return moved, err
}

// Restore records a pair that the matcher may have forgotten, and returns it. It fails
// with guest.ErrPaired if one of the two is in another pair, which it returns, or waits
// on another instance. It is idempotent.
func (m *Matcher) Restore(ctx context.Context, p guest.Pair) (stands guest.Pair, err error) {
	m.ask(ctx, func() error { stands, err = m.redis.Restore(ctx, p, m.failover.instance); return err },
		func() { stands, err = m.memory.Restore(ctx, p) })
	return stands, err
}

// ask calls redis if that is in use, and memory otherwise or if Redis does not reply.
func (m *Matcher) ask(ctx context.Context, redis func() error, memory func()) {
	m.gate.RLock()
	defer m.gate.RUnlock()
	if m.failover.inRedis.Load() {
		err := retryUntilDown(ctx, m.failover.fellBack, redis)
		if !unavailable(err) || ctx.Err() != nil {
			return
		}
		if m.failover.inRedis.Load() {
			m.failover.fallBack(fmt.Errorf("the prober sees nothing, but calls fail: %w", err))
		}
	}
	memory()
}

// moveToRedis lets Redis match again: it purges stale records of this instance and
// returns the dissolved pairs. Afterwards the node must restore its chats and search
// again.
func (m *Matcher) moveToRedis(ctx context.Context, fallbacks uint64, local Local) ([]guest.Pair, error) {
	m.gate.Lock()
	defer m.gate.Unlock()
	dissolved, err := m.redis.Purge(ctx, m.failover.instance, local)
	if err != nil {
		return dissolved, err
	}
	f := m.failover
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.fallbacks != fallbacks {
		return dissolved, errFellBack
	}
	m.memory.Forget()
	f.inRedis.Store(true)
	return dissolved, nil
}
