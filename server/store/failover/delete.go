package failover

import (
	"context"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redis/presence"
)

// beat takes or renews the lease, and reads all tombstones that are new.
func (f *Store) beat(ctx context.Context) error {
	for {
		b, err := f.Presence.redis.Beat(ctx)
		if err != nil {
			return err
		}
		f.beaten(b)
		if !b.More {
			return nil
		}
	}
}

// beaten acts on what Redis says with a beat.
func (f *Store) beaten(b presence.Beat) {
	f.beatenAt.Store(time.Now().UnixMilli())
	f.Sessions.bury(b.Deleted)
	if b.Held && f.State() == StateRedis {
		f.Presence.compare(b)
	}
}

// bury forgets sessions that were deleted, wherever that was, and has the sockets of
// their guests closed.
func (s *Sessions) bury(ids []string) {
	fresh := make([]string, 0, len(ids))
	for _, id := range ids {
		if s.memory.Bury(id) {
			fresh = append(fresh, id)
		}
	}
	for _, id := range fresh {
		s.forget(id)
	}
	s.evict(fresh)
}

// forget drops what is here of a session, and what Redis is owed of it but for the
// deletion itself.
func (s *Sessions) forget(sessionID string) {
	sh := s.debts.shard(sessionID)
	sh.Lock()
	defer sh.Unlock()
	s.memory.Drop(sessionID)
	if o := sh.owed[sessionID]; o != nil && !o.deleted {
		s.debts.settle(sh, sessionID)
	}
}

func (s *Sessions) evict(ids []string) {
	if local := s.failover.local; local != nil && len(ids) > 0 {
		local.Evict(ids)
	}
}

// gone takes note that Redis does not have a session which only a token, or a copy,
// spoke for.
func (s *Sessions) gone(sessionID string) {
	s.forget(sessionID)
	s.evict([]string{sessionID})
}

// lostBefore reports whether Redis may have had a session before it lost its data.
// If not, and Redis does not have it, it is gone: Redis lost nothing since we last
// worked on it, or not since the session's token was issued.
func (f *Store) lostBefore(g guest.Session) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.found.ID != f.mu.epoch && g.CreatedAt.Before(f.mu.found.Began)
}

// since is the epoch in which Redis had the sessions that it was told of, "" where
// that has ended.
func (f *Store) since() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.found.ID != f.mu.epoch {
		return ""
	}
	return f.mu.epoch
}
