package failover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guestload/server/guest"
	"guestload/server/store/memory"
	"guestload/server/store/redis/sessions"
)

// Sessions keeps sessions in Redis, and those of this instance's guests in memory as
// well.
type Sessions struct {
	failover *Store
	redis    *sessions.Store
	memory   *memory.Sessions
	dirtySet *dirtySet
}

// Create stores a new session.
func (s *Sessions) Create(ctx context.Context, g guest.Session) error {
	if s.direct(g.SessionID) {
		err := s.redis.Create(ctx, g)
		if err == nil {
			s.memory.Hold(g, s.lapse())
		}
		if err == nil || !unavailable(err) {
			return err
		}
	}
	if !guest.ValidSessionID(g.SessionID) {
		return fmt.Errorf("create session: %.64q is not a session id, it must be a UUID in lower case", g.SessionID)
	}
	sh := s.dirtySet.shard(g.SessionID)
	sh.Lock()
	defer sh.Unlock()
	if err := s.memory.Create(ctx, g); err != nil {
		return err
	}
	s.mark(sh, g.SessionID).created = true
	return nil
}

// Get returns the session as it is stored.
func (s *Sessions) Get(ctx context.Context, sessionID string) (guest.Session, error) {
	if s.direct(sessionID) {
		g, err := s.redis.Get(ctx, sessionID)
		switch {
		case err == nil:
			if s.memory.SeenBefore(g) {
				s.memory.Hold(g, g.LastSeen.Add(guest.Lifetime))
			}
			return g, nil
		case !unavailable(err) && !s.lost(ctx, sessionID, err) && !s.missing(sessionID, err):
			return g, err
		}
	}
	sh := s.dirtySet.shard(sessionID)
	sh.Lock()
	defer sh.Unlock()
	return s.known(sh, sessionID, func() (guest.Session, error) { return s.memory.Get(ctx, sessionID) })
}

// Patch changes the named fields and returns the session as it is afterwards.
func (s *Sessions) Patch(ctx context.Context, sessionID string, p guest.Patch) (guest.Session, error) {
	c := guest.Change{SessionID: sessionID, Patch: p}
	if !s.direct(sessionID) {
		return s.patchHere(ctx, c)
	}
	g, err := s.redis.Patch(ctx, sessionID, p)
	return s.patched(ctx, c, g, err)
}

// PatchAll is Patch for many different sessions, with a result each and few round trips.
func (s *Sessions) PatchAll(ctx context.Context, changes []guest.Change) []error {
	errs := make([]error, len(changes))
	direct := make([]guest.Change, 0, len(changes))
	index := make([]int, 0, len(changes))
	for i, c := range changes {
		if s.direct(c.SessionID) {
			direct, index = append(direct, c), append(index, i)
		} else {
			_, errs[i] = s.patchHere(ctx, c)
		}
	}
	sessions, results := s.redis.PatchEach(ctx, direct)
	for k, i := range index {
		_, errs[i] = s.patched(ctx, changes[i], sessions[k], results[k])
	}
	return errs
}

// patched takes over Redis's result of a patch, and patches in memory if Redis did not
// reply or has lost the session.
func (s *Sessions) patched(ctx context.Context, c guest.Change, g guest.Session, err error) (guest.Session, error) {
	switch {
	case err == nil:
		s.landed(ctx, g, c.Patch)
		return g, nil
	case !unavailable(err) && !s.lost(ctx, c.SessionID, err):
		return g, err
	}
	return s.patchHere(ctx, c)
}

// patchHere is Patch in memory, to be written back.
func (s *Sessions) patchHere(ctx context.Context, c guest.Change) (guest.Session, error) {
	sh := s.dirtySet.shard(c.SessionID)
	sh.Lock()
	defer sh.Unlock()
	_, lapses, _ := s.memory.Kept(c.SessionID)
	g, err := s.known(sh, c.SessionID, func() (guest.Session, error) { return s.memory.Patch(ctx, c.SessionID, c.Patch) })
	if err == nil {
		o := s.mark(sh, c.SessionID)
		o.fields |= c.Patch.Fields
		if o.until.IsZero() {
			o.until = lapses
		}
	}
	return g, err
}

// Delete deletes the session.
func (s *Sessions) Delete(ctx context.Context, sessionID string) error {
	if s.direct(sessionID) {
		err := s.redis.Delete(ctx, sessionID)
		if err == nil || !unavailable(err) {
			if s.memory.Drop(sessionID); guest.ValidSessionID(sessionID) {
				s.memory.AddTombstone(sessionID) // even if another instance deleted it first
			}
			return err
		}
	}
	sh := s.dirtySet.shard(sessionID)
	sh.Lock()
	defer sh.Unlock()
	_, err := s.known(sh, sessionID, func() (guest.Session, error) {
		return guest.Session{}, s.memory.Delete(ctx, sessionID)
	})
	if err == nil {
		s.mark(sh, sessionID).deleted = true
	}
	return err
}

// Adopt makes a guest known who has nothing but a valid token, after Get returned
// guest.ErrUnavailable: g is from its claims, created when the token was issued. Once
// Redis is back, its document is kept, except for what has changed since; if Redis has
// lost no data and does not have the session, it is gone. A known guest stays unchanged;
// guest.ErrNotFound for a deleted session.
func (s *Sessions) Adopt(ctx context.Context, g guest.Session) error {
	if !guest.ValidSessionID(g.SessionID) {
		return fmt.Errorf("adopt session: %w", guest.ErrNotFound)
	}
	if s.failover.direct() { // it may have been deleted since the last heartbeat
		if deleted, err := s.redis.Deleted(ctx, []string{g.SessionID}); err == nil && deleted[g.SessionID] {
			s.tombstone([]string{g.SessionID})
		}
	}
	sh := s.dirtySet.shard(g.SessionID)
	sh.Lock()
	defer sh.Unlock()
	if s.memory.HasTombstone(g.SessionID) {
		return fmt.Errorf("adopt session: it was deleted: %w", guest.ErrNotFound)
	}
	if s.memory.Holds(g.SessionID) {
		return nil
	}
	s.memory.Hold(g, s.lapse())
	s.mark(sh, g.SessionID).adopted = true
	return nil
}

// Dirty is how many sessions have changes that Redis does not have.
func (s *Sessions) Dirty() int { return int(s.dirtySet.count.Load()) }

// direct reports whether Redis is authoritative for the session.
func (s *Sessions) direct(sessionID string) bool {
	return s.failover.direct() && !s.dirtySet.has(sessionID)
}

func (s *Sessions) lapse() time.Time { return s.redis.Now().Add(guest.Lifetime) }

// known asks memory, where a missing guest is unknown rather than not found. The caller
// holds the shard.
func (s *Sessions) known(sh *dirtyShard, sessionID string, ask func() (guest.Session, error)) (guest.Session, error) {
	if !guest.ValidSessionID(sessionID) {
		return guest.Session{}, fmt.Errorf("session %.64q: %w", sessionID, guest.ErrNotFound)
	}
	if s.memory.HasTombstone(sessionID) {
		return guest.Session{}, fmt.Errorf("session %s was deleted: %w", sessionID, guest.ErrNotFound)
	}
	g, err := ask()
	if errors.Is(err, guest.ErrNotFound) {
		return guest.Session{}, fmt.Errorf("session %s is not known here: %w", sessionID, guest.ErrUnavailable)
	}
	return g, err
}

// mark records that memory has a change that Redis does not have. The caller holds the
// shard.
func (s *Sessions) mark(sh *dirtyShard, sessionID string) *dirtyEntry {
	s.failover.poke()
	return s.dirtySet.mark(sh, sessionID)
}

// landed takes over Redis's result of a patch of a known guest. If the session became
// dirty meanwhile, memory gets the change itself.
func (s *Sessions) landed(ctx context.Context, g guest.Session, p guest.Patch) {
	sh := s.dirtySet.shard(g.SessionID)
	sh.Lock()
	defer sh.Unlock()
	if sh.dirty[g.SessionID] != nil {
		p.Fields &^= guest.FieldLastSeen
		_, _ = s.memory.Patch(ctx, g.SessionID, p) // a deleted session stays deleted
	} else if s.memory.Holds(g.SessionID) {
		s.memory.Hold(g, s.lapse())
	}
}

// lost reports whether Redis does not find a guest because it has lost its data: then the
// store falls back and writes everything back. A guest who is really gone is forgotten
// here too.
func (s *Sessions) lost(ctx context.Context, sessionID string, err error) bool {
	if !errors.Is(err, guest.ErrNotFound) || !s.memory.Holds(sessionID) {
		return false
	}
	if s.failover.emptied(ctx) {
		return true
	}
	s.memory.Drop(sessionID)
	return false
}

// missing reports whether a guest that Redis does not find may be one of another instance
// that has not written back yet.
func (s *Sessions) missing(sessionID string, err error) bool {
	return errors.Is(err, guest.ErrNotFound) && guest.ValidSessionID(sessionID) && !s.failover.complete()
}

// know keeps a copy of a guest who has come here.
func (s *Sessions) know(ctx context.Context, sessionID string) {
	if s.memory.Holds(sessionID) || !s.direct(sessionID) {
		return
	}
	if g, err := s.redis.Get(ctx, sessionID); err == nil {
		s.memory.Hold(g, g.LastSeen.Add(guest.Lifetime))
	}
}
