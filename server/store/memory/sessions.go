// Package memory keeps guests in this process: the whole store of a single instance, and
// the standby of Redis.
package memory

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/guest"
)

// Store is a whole store in memory, for one instance.
type Store struct {
	Sessions *Sessions
	Presence *Presence
	Matcher  *Matcher
}

// New makes an empty store for the named instance. now is its clock.
func New(instance string, now func() time.Time) *Store {
	m := &Store{Sessions: newSessions(now), Matcher: newMatcher(instance)}
	m.Presence = &Presence{instance: instance, sessions: m.Sessions, matcher: m.Matcher}
	return m
}

// shards spread sessions over locks.
const shards = 64

// Sessions keeps sessions, each for guest.Lifetime after its last write.
type Sessions struct {
	now        func() time.Time
	seed       maphash.Seed
	shards     [shards]shard
	alive      atomic.Int64 // sessions here
	tombstones *tombstones
}

type shard struct {
	sync.RWMutex
	sessions map[string]*kept
}

// kept is a session and when it expires.
type kept struct {
	session guest.Session
	lapses  time.Time
}

// alive reports whether there is a session that has not expired; k may be nil.
func (k *kept) alive(now time.Time) bool { return k != nil && now.Before(k.lapses) }

func newSessions(now func() time.Time) *Sessions {
	m := &Sessions{now: now, seed: maphash.MakeSeed(), tombstones: newTombstones(now, guest.Lifetime)}
	for i := range m.shards {
		m.shards[i].sessions = make(map[string]*kept)
	}
	return m
}

func (m *Sessions) shard(sessionID string) *shard {
	return &m.shards[maphash.String(m.seed, sessionID)%shards]
}

// Create stores a new session; guest.ErrExists if the id is taken.
func (m *Sessions) Create(_ context.Context, s guest.Session) error {
	now := m.now()
	sh := m.shard(s.SessionID)
	sh.Lock()
	defer sh.Unlock()
	if k := sh.sessions[s.SessionID]; k.alive(now) {
		return fmt.Errorf("create %s: %w", s.ID, guest.ErrExists)
	} else if k == nil {
		m.alive.Add(1)
	}
	sh.sessions[s.SessionID] = &kept{session: s, lapses: now.Add(guest.Lifetime)}
	return nil
}

// Get returns the session.
func (m *Sessions) Get(_ context.Context, sessionID string) (guest.Session, error) {
	now := m.now()
	sh := m.shard(sessionID)
	sh.RLock()
	defer sh.RUnlock()
	k := sh.sessions[sessionID]
	if !k.alive(now) {
		return guest.Session{}, fmt.Errorf("get %.64q: %w", sessionID, guest.ErrNotFound)
	}
	return k.session, nil
}

// Patch changes the named fields and returns the session as it is afterwards.
func (m *Sessions) Patch(_ context.Context, sessionID string, p guest.Patch) (guest.Session, error) {
	now := m.now()
	sh := m.shard(sessionID)
	sh.Lock()
	defer sh.Unlock()
	k := sh.sessions[sessionID]
	if !k.alive(now) {
		return guest.Session{}, fmt.Errorf("patch %.64q: %w", sessionID, guest.ErrNotFound)
	}
	p.Apply(&k.session)
	k.lapses = now.Add(guest.Lifetime)
	return k.session, nil
}

// PatchAll is Patch for many sessions, with a result each.
func (m *Sessions) PatchAll(ctx context.Context, changes []guest.Change) []error {
	errs := make([]error, len(changes))
	for i, c := range changes {
		_, errs[i] = m.Patch(ctx, c.SessionID, c.Patch)
	}
	return errs
}

// Delete deletes the session and leaves a tombstone.
func (m *Sessions) Delete(_ context.Context, sessionID string) error {
	if !m.Drop(sessionID) {
		return fmt.Errorf("delete %.64q: %w", sessionID, guest.ErrNotFound)
	}
	m.tombstones.add(sessionID)
	return nil
}

// Drop removes a session, and reports whether it was here and alive.
func (m *Sessions) Drop(sessionID string) bool {
	now := m.now()
	sh := m.shard(sessionID)
	sh.Lock()
	defer sh.Unlock()
	k := sh.sessions[sessionID]
	if k != nil {
		delete(sh.sessions, sessionID)
		m.alive.Add(-1)
	}
	return k.alive(now)
}

// Sweep removes expired sessions, and returns how many.
func (m *Sessions) Sweep() (dropped int) {
	now := m.now()
	for i := range m.shards {
		sh := &m.shards[i]
		sh.Lock()
		for id, k := range sh.sessions {
			if !k.alive(now) {
				delete(sh.sessions, id)
				dropped++
			}
		}
		sh.Unlock()
	}
	m.alive.Add(int64(-dropped))
	return dropped
}

// sweepEvery is how often Run removes expired sessions; nobody sees them before.
const sweepEvery = 10 * time.Minute

// Run sweeps regularly until ctx ends.
func (m *Sessions) Run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if n := m.Sweep(); n > 0 {
				log.Info("expired sessions removed from memory", "sessions", n)
			}
		case <-ctx.Done():
			return
		}
	}
}
