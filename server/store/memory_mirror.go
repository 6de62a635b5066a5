package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"guestload/server/guest"
)

// What memory does beside its ports, as the understudy of Redis: it holds copies
// of sessions whose truth is elsewhere, and takes over pairs made elsewhere.

// hold keeps a copy of a session until it lapses. One that has been seen later is
// kept instead.
func (m *MemorySessions) hold(s guest.Session, lapses time.Time) {
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

// holds reports whether a session is here and alive.
func (m *MemorySessions) holds(sessionID string) bool {
	now := m.now()
	sh := m.shard(sessionID)
	sh.RLock()
	defer sh.RUnlock()
	k := sh.sessions[sessionID]
	return k != nil && now.Before(k.lapses)
}

// seenBefore reports whether a session is here in a state older than s.
func (m *MemorySessions) seenBefore(s guest.Session) bool {
	sh := m.shard(s.SessionID)
	sh.RLock()
	defer sh.RUnlock()
	k := sh.sessions[s.SessionID]
	return k != nil && k.session.LastSeen.Before(s.LastSeen)
}

// kept returns a session and when it lapses.
func (m *MemorySessions) kept(sessionID string) (Kept, bool) {
	now := m.now()
	sh := m.shard(sessionID)
	sh.RLock()
	defer sh.RUnlock()
	k := sh.sessions[sessionID]
	if k == nil || !now.Before(k.lapses) {
		return Kept{}, false
	}
	return Kept{Session: k.session, Expires: k.lapses}, true
}

// ids returns whose sessions are here.
func (m *MemorySessions) ids() []string {
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

// ids returns who has a socket, in order.
func (m *MemoryPresence) ids() []string {
	m.online.RLock()
	defer m.online.RUnlock()
	return slices.Clone(m.online.ids.Keys())
}

// count returns how many have a socket.
func (m *MemoryPresence) count() int {
	m.online.RLock()
	defer m.online.RUnlock()
	return m.online.ids.Len()
}

// Restore records a pair that was made elsewhere; see FailoverMatcher.Restore.
func (m *MemoryMatcher) Restore(_ context.Context, p guest.Pair) (guest.Pair, error) {
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

// Move records that the guest of a pair lives on another instance now, and reports
// whether the guest is in that pair.
func (m *MemoryMatcher) Move(_ context.Context, id, pair, instance string) (moved bool, err error) {
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

// forget empties the queue and dissolves all pairs: another matcher has them now.
func (m *MemoryMatcher) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.mu.waiting)
	clear(m.mu.pairs)
	clear(m.mu.lists)
}
