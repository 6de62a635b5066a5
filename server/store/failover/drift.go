package failover

import (
	"context"
	"sync/atomic"
	"time"

	"guestload/server/store/redis/presence"
)

// Redis may lose what it was told of presence while this instance holds its lease:
// a key is evicted or deleted, or a script of an old release has left it wrong. Each
// beat brings the counts, and what differs from memory is repaired.

// drift is what is known of the differences.
type drift struct {
	found     atomic.Bool  // there is one: the set is to be repaired
	elsewhere atomic.Int64 // guests in memory whom Redis has on another instance, when last repaired
	owners    atomic.Bool  // the record of where guests are is to be written anew

	// Of the goroutine that beats.
	odd     int       // beats in a row in which owners and sets did not agree
	rewrote time.Time // when owners were last written anew
}

const (
	// compareTimeout is how long guests who come and go wait at most for a comparison.
	compareTimeout = 300 * time.Millisecond
	// oddBeats in a row are no instance that is just taking its lease.
	oddBeats = 2
	// rewriteEvery bounds how often all owners are written anew: where that is of no
	// use, as another program has written there, it is not done over and over.
	rewriteEvery = time.Minute
)

// compare looks whether Redis has as many guests on this instance as memory, and
// has what differs repaired.
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

// differs compares while nobody comes or goes.
func (p *Presence) differs() bool {
	ctx, cancel := context.WithTimeout(context.Background(), compareTimeout)
	defer cancel()
	p.gate.Lock()
	defer p.gate.Unlock()
	n, err := p.redis.Here(ctx)
	return err == nil && n != p.expected()
}

// repair makes Redis's set that of memory. Guests whom Redis has on another instance
// by now stay there: this one is about to hear of it.
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
