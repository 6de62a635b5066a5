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

// dirtySet is the sessions with changes that Redis does not have yet. While a session is
// dirty, memory is authoritative and all operations use it; so a client reads its own
// writes, and writes keep their order.
type dirtySet struct {
	seed   maphash.Seed
	count  atomic.Int64
	shards [shards]dirtyShard
}

// dirtyShard locks its sessions: a change in memory and its entry here are one step.
type dirtyShard struct {
	sync.Mutex
	dirty map[string]*dirtyEntry
}

// dirtyEntry describes the pending changes of a session.
type dirtyEntry struct {
	revision uint64 // changes with each write
	deleted  bool
	created  bool      // Redis has never had it
	until    time.Time // it does not expire in Redis before
	// adopted: memory has the claims of the guest's token, and the changes since.
	adopted bool
	fields  guest.Field // changed since
}

// snapshot is an entry at the time when its write-back began.
type snapshot struct {
	sessionID string
	dirtyEntry
}

func newDirtySet() *dirtySet {
	d := &dirtySet{seed: maphash.MakeSeed()}
	for i := range d.shards {
		d.shards[i].dirty = make(map[string]*dirtyEntry)
	}
	return d
}

func (d *dirtySet) shard(sessionID string) *dirtyShard {
	return &d.shards[maphash.String(d.seed, sessionID)%shards]
}

// has reports whether a session is dirty.
func (d *dirtySet) has(sessionID string) bool {
	if d.count.Load() == 0 {
		return false
	}
	sh := d.shard(sessionID)
	sh.Lock()
	defer sh.Unlock()
	return sh.dirty[sessionID] != nil
}

// mark returns the session's entry, a new one if there is none. The caller holds the
// shard.
func (d *dirtySet) mark(sh *dirtyShard, sessionID string) *dirtyEntry {
	o := sh.dirty[sessionID]
	if o == nil {
		o = &dirtyEntry{}
		sh.dirty[sessionID] = o
		d.count.Add(1)
	}
	o.revision++
	return o
}

// clean removes an entry that has not changed since the snapshot.
func (d *dirtySet) clean(s snapshot) {
	sh := d.shard(s.sessionID)
	sh.Lock()
	defer sh.Unlock()
	if o := sh.dirty[s.sessionID]; o != nil && o.revision == s.revision {
		d.settle(sh, s.sessionID)
	}
}

// settle removes an entry. The caller holds the shard.
func (d *dirtySet) settle(sh *dirtyShard, sessionID string) {
	delete(sh.dirty, sessionID)
	d.count.Add(-1)
}

// all returns a snapshot of all entries.
func (d *dirtySet) all() []snapshot {
	all := make([]snapshot, 0, d.count.Load())
	for i := range d.shards {
		sh := &d.shards[i]
		sh.Lock()
		for id, o := range sh.dirty {
			all = append(all, snapshot{id, *o})
		}
		sh.Unlock()
	}
	return all
}
