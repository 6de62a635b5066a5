package memory

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// maxTombstones bounds the deleted sessions that a process remembers, at about 40 bytes
// each. Beyond that it forgets the older half, and relies on Redis.
const maxTombstones = 1 << 18

// tombstones remembers deleted sessions: neither a valid token nor a copy of the document
// must bring them back. Each is kept for at least the lifetime and at most twice that:
// entries age by generation, which needs no timestamp for each entry and no sweep.
type tombstones struct {
	now      func() time.Time
	lifetime time.Duration
	max      int

	mu struct {
		sync.RWMutex
		young, old map[uuid.UUID]struct{}
		since      time.Time // start of young
	}
}

func newTombstones(now func() time.Time, lifetime time.Duration) *tombstones {
	return &tombstones{now: now, lifetime: lifetime, max: maxTombstones}
}

// add records that a session is deleted, and reports whether that is new.
func (t *tombstones) add(sessionID string) (fresh bool) {
	id, err := uuid.Parse(sessionID)
	if err != nil {
		return false
	}
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if age := now.Sub(t.mu.since); t.mu.young == nil || age >= t.lifetime || len(t.mu.young) >= t.max/2 {
		t.mu.old, t.mu.young, t.mu.since = t.mu.young, make(map[uuid.UUID]struct{}), now
		if age >= 2*t.lifetime {
			t.mu.old = nil
		}
	}
	_, young := t.mu.young[id]
	_, old := t.mu.old[id]
	t.mu.young[id] = struct{}{}
	return !young && !old
}

// has reports whether a session was deleted, as far as this process remembers.
func (t *tombstones) has(sessionID string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.mu.young)+len(t.mu.old) == 0 {
		return false
	}
	id, err := uuid.Parse(sessionID)
	if err != nil {
		return false
	}
	_, young := t.mu.young[id]
	_, old := t.mu.old[id]
	return young || old
}

// all returns the deleted sessions.
func (t *tombstones) all() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	ids := make([]string, 0, len(t.mu.young)+len(t.mu.old))
	for _, generation := range []map[uuid.UUID]struct{}{t.mu.young, t.mu.old} {
		for id := range generation {
			ids = append(ids, id.String())
		}
	}
	return ids
}
