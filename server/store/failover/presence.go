package failover

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"guestload/server/guest"
	"guestload/server/store/memory"
	"guestload/server/store/redis/presence"
)

// Presence always knows in memory which guests have a socket here, and records it in
// Redis. While Redis is down, pages and counts are those of this instance.
type Presence struct {
	failover *Store
	redis    *presence.Presence
	memory   *memory.Presence

	gate  sync.RWMutex // shared by changes, exclusive while Redis is reconciled
	stale atomic.Bool  // Redis lacks a change
	drift drift
}

// Join records that the guest's socket is here. The previous instance is known only while
// Redis is up; guest.ErrNotFound for a deleted session.
func (p *Presence) Join(ctx context.Context, sessionID string) (previous string, at int64, err error) {
	p.gate.RLock()
	defer p.gate.RUnlock()
	if p.failover.Sessions.memory.HasTombstone(sessionID) {
		return "", 0, fmt.Errorf("join presence: the session was deleted: %w", guest.ErrNotFound)
	}
	if p.failover.direct() {
		previous, at, err = p.redis.Join(ctx, sessionID)
		if err == nil {
			_, _, err = p.memory.Join(ctx, sessionID)
			p.failover.Sessions.know(ctx, sessionID)
			return previous, at, err
		}
		if !unavailable(err) {
			return "", 0, err
		}
		p.missed()
	}
	return p.memory.Join(ctx, sessionID)
}

// Leave removes the guests from those with a socket here.
func (p *Presence) Leave(ctx context.Context, sessionIDs ...string) error {
	p.gate.RLock()
	defer p.gate.RUnlock()
	if p.failover.direct() {
		if err := p.redis.Leave(ctx, sessionIDs...); unavailable(err) {
			p.missed()
		} else if err != nil {
			return err
		}
	}
	return p.memory.Leave(ctx, sessionIDs...)
}

// Where returns the instance with the guest's socket according to Redis, "" for none.
func (p *Presence) Where(ctx context.Context, sessionID string) (instance string, err error) {
	return p.redis.Where(ctx, sessionID)
}

// Online returns a page of guests with a socket; of this instance's while Redis is down.
// Cursors are valid for both.
func (p *Presence) Online(ctx context.Context, cursor string, limit int) (page []guest.Session, next string, err error) {
	if p.failover.State() == StateRedis {
		page, next, err = p.redis.Online(ctx, cursor, limit)
		if !unavailable(err) {
			return page, next, err
		}
	}
	return p.memory.Online(ctx, cursor, limit)
}

// Stats counts; this instance's guests while Redis is down.
func (p *Presence) Stats(ctx context.Context) (guest.Stats, error) {
	if p.failover.State() == StateRedis {
		stats, err := p.redis.Stats(ctx)
		if !unavailable(err) {
			return stats, err
		}
	}
	return p.memory.Stats(ctx)
}

// Retire ends this instance's lease, after all its guests have left.
func (p *Presence) Retire(ctx context.Context) error { return p.redis.Retire(ctx) }

func (p *Presence) missed() {
	p.stale.Store(true)
	p.failover.poke()
}

// settle makes Redis equal to memory. Nobody joins or leaves meanwhile, so an inexact
// pass does most of the work before.
func (p *Presence) settle(ctx context.Context) (moved map[string]string, err error) {
	moved, err = p.redis.Reconcile(ctx, p.memory.IDs(), presence.TakeHere)
	if err != nil {
		return nil, err
	}
	p.gate.Lock()
	defer p.gate.Unlock()
	p.stale.Store(false)
	p.drift.elsewhere.Store(0)
	more, err := p.redis.Reconcile(ctx, p.memory.IDs(), presence.TakeHere)
	if err != nil {
		p.stale.Store(true)
		return nil, err
	}
	for id, instance := range more {
		moved[id] = instance
	}
	return moved, nil
}
