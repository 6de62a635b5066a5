package memory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guestload/server/guest"
)

// As the standby of Redis, memory keeps copies of sessions and takes over pairs.

// Hold keeps a copy of a session until it expires, unless there is one with a later
// lastSeen.
func (m *Sessions) Hold(s guest.Session, lapses time.Time) {
	sh := m.shard(s.SessionID)
	sh.Lock()
	defer sh.Unlock()
	k := sh.sessions[s.SessionID]
	if k == nil {
		m.alive.Add(1)
		sh.sessions[s.SessionID] = &kept{session: s, lapses: lapses}
		return
	}
	if !s.LastSeen.Before(k.session.LastSeen) {
		k.session = s
	}
	if lapses.After(k.lapses) {
		k.lapses = lapses
	}
}

// Holds reports whether a session is here and alive.
func (m *Sessions) Holds(sessionID string) bool {
	now := m.now()
	sh := m.shard(sessionID)
	sh.RLock()
	defer sh.RUnlock()
	k := sh.sessions[sessionID]
	return k.alive(now)
}

// SeenBefore reports whether the copy here has an earlier lastSeen than s.
func (m *Sessions) SeenBefore(s guest.Session) bool {
	sh := m.shard(s.SessionID)
	sh.RLock()
	defer sh.RUnlock()
	k := sh.sessions[s.SessionID]
	return k != nil && k.session.LastSeen.Before(s.LastSeen)
}

// Kept returns a session and when it expires.
func (m *Sessions) Kept(sessionID string) (g guest.Session, lapses time.Time, ok bool) {
	now := m.now()
	sh := m.shard(sessionID)
	sh.RLock()
	defer sh.RUnlock()
	k := sh.sessions[sessionID]
	if !k.alive(now) {
		return guest.Session{}, time.Time{}, false
	}
	return k.session, k.lapses, true
}

// IDs returns the ids of the sessions here.
func (m *Sessions) IDs() []string {
	ids := make([]string, 0, m.alive.Load())
	for i := range m.shards {
		sh := &m.shards[i]
		sh.RLock()
		for id := range sh.sessions {
			ids = append(ids, id)
		}
		sh.RUnlock()
	}
	return ids
}

// IDs returns the sorted ids of guests with a socket.
func (m *Presence) IDs() []string {
	m.online.RLock()
	defer m.online.RUnlock()
	return slices.Clone(m.online.ids.Keys())
}

// Count returns how many guests have a socket.
func (m *Presence) Count() int {
	m.online.RLock()
	defer m.online.RUnlock()
	return m.online.ids.Len()
}

// Restore records a pair that another matcher made; see failover.Matcher.Restore.
func (m *Matcher) Restore(_ context.Context, p guest.Pair) (guest.Pair, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range []string{p.A.ID, p.B.ID} {
		if held, ok := m.mu.pairs[id]; ok && held.ID != p.ID {
			return held, fmt.Errorf("restore pair %s: %w", p.ID, guest.ErrPaired)
		}
	}
	for _, id := range []string{p.A.ID, p.B.ID} {
		if w := m.mu.waiting[id]; w != nil {
			m.dequeue(w)
		}
	}
	m.mu.pairs[p.A.ID], m.mu.pairs[p.B.ID] = p, p
	return p, nil
}

// Move records that the guest of a pair has moved to another instance, and reports
// whether the guest is in that pair.
func (m *Matcher) Move(_ context.Context, id, pair, instance string) (moved bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.mu.pairs[id]
	if !ok || p.ID != pair {
		return false, nil
	}
	p = p.Moved(id, instance)
	m.mu.pairs[p.A.ID], m.mu.pairs[p.B.ID] = p, p
	return true, nil
}

// Forget empties the queue and dissolves all pairs: another matcher has them.
func (m *Matcher) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.mu.waiting)
	clear(m.mu.pairs)
	clear(m.mu.lists)
}

// KeepTombstones sets the lifetime of tombstones, before first use.
func (m *Sessions) KeepTombstones(d time.Duration) { m.tombstones.lifetime = d }

// AddTombstone records that a session was deleted, and reports whether that is new.
func (m *Sessions) AddTombstone(sessionID string) (fresh bool) { return m.tombstones.add(sessionID) }

// HasTombstone reports whether a session was deleted, as far as this process remembers.
func (m *Sessions) HasTombstone(sessionID string) bool { return m.tombstones.has(sessionID) }

// Tombstones returns the deleted sessions.
func (m *Sessions) Tombstones() []string { return m.tombstones.all() }
