package failover

import (
	"context"
	"sync/atomic"
	"time"

	"guestload/server/store/redis/presence"
)

// Redis may lose presence while this instance holds its lease: somebody evicts, deletes or
// corrupts a key. Each heartbeat returns the counts; if they differ from memory, they are
// repaired.

// drift is the state of the comparison.
type drift struct {
	found     atomic.Bool  // the set must be repaired
	elsewhere atomic.Int64 // guests in memory whom Redis had on another instance at the last repair
	owners    atomic.Bool  // owners must be rewritten

	// Used by the goroutine of heartbeats.
	odd     int       // heartbeats in a row in which owners and sets differed
	rewrote time.Time // when owners were last rewritten
}

const (
	// compareTimeout bounds how long joins and leaves wait for a comparison.
	compareTimeout = 300 * time.Millisecond
	// oddBeats heartbeats in a row are not just another instance that acquires its lease.
	oddBeats = 2
	// rewriteEvery bounds how often all owners are rewritten: if another program keeps
	// writing there, rewriting does not help.
	rewriteEvery = time.Minute
)

// compare checks that Redis has as many guests on this instance as memory, and has
// differences repaired.
func (p *Presence) compare(b presence.Beat) {
	d := &p.drift
	if b.Here != p.expected() && p.differs() {
		p.failover.log.Warn("redis does not have the guests who are here: repairing", "guests", p.memory.Count(), "redis", b.Here)
		d.found.Store(true)
		p.failover.poke()
	}
	if b.Owners == b.Sockets {
		d.odd = 0
		return
	}
	if d.odd++; d.odd >= oddBeats && time.Since(d.rewrote) > rewriteEvery {
		p.failover.log.Warn("redis does not have where guests are: repairing", "recorded", b.Owners, "guests", b.Sockets)
		d.rewrote = time.Now()
		d.owners.Store(true)
		p.failover.poke()
	}
}

func (p *Presence) expected() int64 {
	return int64(p.memory.Count()) - p.drift.elsewhere.Load()
}

// differs compares while nobody joins or leaves.
func (p *Presence) differs() bool {
	ctx, cancel := context.WithTimeout(context.Background(), compareTimeout)
	defer cancel()
	p.gate.Lock()
	defer p.gate.Unlock()
	n, err := p.redis.Here(ctx)
	return err == nil && n != p.expected()
}

// repair makes the set in Redis equal to memory. Guests whom Redis has on another
// instance stay there: this instance is about to learn of it.
func (p *Presence) repair(ctx context.Context) error {
	d := &p.drift
	if d.owners.Load() {
		if err := p.redis.Rejoin(ctx, p.memory.IDs()); err != nil {
			return err
		}
		d.owners.Store(false)
		d.found.Store(true) // somebody may have left meanwhile
	}
	if !d.found.Load() {
		return nil
	}
	if _, err := p.redis.Reconcile(ctx, p.memory.IDs(), presence.LeaveThere); err != nil {
		return err
	}
	p.gate.Lock()
	defer p.gate.Unlock()
	elsewhere, err := p.redis.Reconcile(ctx, p.memory.IDs(), presence.LeaveThere)
	if err != nil {
		return err
	}
	d.elsewhere.Store(int64(len(elsewhere)))
	d.found.Store(false)
	return nil
}
