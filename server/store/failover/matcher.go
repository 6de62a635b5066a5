package failover

import (
	"context"
	"fmt"
	"sync"

	"guestload/server/guest"
	"guestload/server/store/memory"
	"guestload/server/store/redis/matcher"
)

// Matcher matches over all instances in Redis, and while Redis is away
// among the guests of this one in memory. One of the two is home at a time.
type Matcher struct {
	failover *Store
	redis    *matcher.Matcher
	memory   *memory.Matcher
	gate     sync.RWMutex // held shared by every call, alone while the home moves to Redis
}

// Search pairs s with the longest waiting guest where both accept each other, or
// leaves s waiting.
func (m *Matcher) Search(ctx context.Context, s guest.Searcher) (p guest.Pair, err error) {
	m.ask(ctx, func() error { p, err = m.redis.Search(ctx, s); return err },
		func() { p, err = m.memory.Search(ctx, s) })
	return p, err
}

// Leave takes the guest from the queue and dissolves the guest's pair, which it
// returns.
func (m *Matcher) Leave(ctx context.Context, id string) (p guest.Pair, err error) {
	m.ask(ctx, func() error { p, err = m.redis.Leave(ctx, id); return err },
		func() { p, err = m.memory.Leave(ctx, id) })
	return p, err
}

// LeaveAt is Leave where the guest is recorded for an instance, "" for any.
func (m *Matcher) LeaveAt(ctx context.Context, id, instance string) (p guest.Pair, err error) {
	m.ask(ctx, func() error { p, err = m.redis.LeaveAt(ctx, id, instance); return err },
		func() { p, err = m.memory.LeaveAt(ctx, id, instance) })
	return p, err
}

// Move records that the guest of a pair lives on another instance now, and reports
// whether the guest is in that pair.
func (m *Matcher) Move(ctx context.Context, id, pair, instance string) (moved bool, err error) {
	m.ask(ctx, func() error { moved, err = m.redis.Move(ctx, id, pair, instance); return err },
		func() { moved, err = m.memory.Move(ctx, id, pair, instance) })
	return moved, err
}

// Restore records a pair that the matcher may have forgotten, and returns it. It
// refuses with guest.ErrPaired where one of the two is in another pair, which it
// returns, or waits on another instance. Doing it again changes nothing.
func (m *Matcher) Restore(ctx context.Context, p guest.Pair) (stands guest.Pair, err error) {
	m.ask(ctx, func() error { stands, err = m.redis.Restore(ctx, p, m.failover.instance); return err },
		func() { stands, err = m.memory.Restore(ctx, p) })
	return stands, err
}

// ask calls redis where it is home, and memory where it is not or does not answer.
func (m *Matcher) ask(ctx context.Context, redis func() error, memory func()) {
	m.gate.RLock()
	defer m.gate.RUnlock()
	if m.failover.home.Load() {
		err := insist(ctx, m.failover.fallen, redis)
		if !unavailable(err) || ctx.Err() != nil {
			return
		}
		if m.failover.home.Load() {
			m.failover.fall(fmt.Errorf("the prober sees nothing, but calls fail: %w", err))
		}
	}
	memory()
}

// goHome makes Redis the home: what it remembers of this instance and is no
// longer so is taken from it, and returned where it was a pair. Then the node
// must restore its chats and search again.
func (m *Matcher) goHome(ctx context.Context, falls uint64, local Local) ([]guest.Pair, error) {
	m.gate.Lock()
	defer m.gate.Unlock()
	dissolved, err := m.redis.Purge(ctx, m.failover.instance, local)
	if err != nil {
		return dissolved, err
	}
	f := m.failover
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.falls != falls {
		return dissolved, errFell
	}
	m.memory.Forget()
	f.home.Store(true)
	return dissolved, nil
}
