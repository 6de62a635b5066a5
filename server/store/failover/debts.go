package failover

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/guest"
)

// shards spread sessions over locks.
const shards = 64

// debts are the sessions that Redis has yet to be told of. While a session is
// owed, memory is its truth, and all its operations go there; so whoever is told
// that something was written reads it, and writes keep their order.
type debts struct {
	seed   maphash.Seed
	count  atomic.Int64
	shards [shards]debtShard
}

// debtShard locks its sessions: what is done to one in memory, and that it is
// owed, are one step.
type debtShard struct {
	sync.Mutex
	owed map[string]*debt
}

// debt is what is owed of one session.
type debt struct {
	revision uint64 // changes with each write
	deleted  bool
	created  bool      // Redis has never had it
	until    time.Time // Redis does not drop it by itself before
	// adopted: memory knows what the guest's token said, and what was changed.
	adopted bool
	fields  guest.Field // changed since
}

// snapshot is a debt as it was when it began to be paid.
type snapshot struct {
	sessionID string
	debt
}

func newDebts() *debts {
	d := &debts{seed: maphash.MakeSeed()}
	for i := range d.shards {
		d.shards[i].owed = make(map[string]*debt)
	}
	return d
}

func (d *debts) shard(sessionID string) *debtShard {
	return &d.shards[maphash.String(d.seed, sessionID)%shards]
}

// has reports whether a session is owed.
func (d *debts) has(sessionID string) bool {
	if d.count.Load() == 0 {
		return false
	}
	sh := d.shard(sessionID)
	sh.Lock()
	defer sh.Unlock()
	return sh.owed[sessionID] != nil
}

// owe returns the session's debt, a new one where there was none. The caller
// holds the shard.
func (d *debts) owe(sh *debtShard, sessionID string) *debt {
	o := sh.owed[sessionID]
	if o == nil {
		o = &debt{}
		sh.owed[sessionID] = o
		d.count.Add(1)
	}
	o.revision++
	return o
}

// paid forgets a debt that has not changed since.
func (d *debts) paid(s snapshot) {
	sh := d.shard(s.sessionID)
	sh.Lock()
	defer sh.Unlock()
	if o := sh.owed[s.sessionID]; o != nil && o.revision == s.revision {
		d.settle(sh, s.sessionID)
	}
}

// settle forgets a debt. The caller holds the shard.
func (d *debts) settle(sh *debtShard, sessionID string) {
	delete(sh.owed, sessionID)
	d.count.Add(-1)
}

// all returns what is owed at this moment.
func (d *debts) all() []snapshot {
	all := make([]snapshot, 0, d.count.Load())
	for i := range d.shards {
		sh := &d.shards[i]
		sh.Lock()
		for id, o := range sh.owed {
			all = append(all, snapshot{id, *o})
		}
		sh.Unlock()
	}
	return all
}
