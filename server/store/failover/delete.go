package failover

import (
	"context"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redis/presence"
)

// beat acquires or renews the lease, and reads all new tombstones.
func (f *Store) beat(ctx context.Context) error {
	for {
		b, err := f.Presence.redis.Beat(ctx)
		if err != nil {
			return err
		}
		f.onBeat(b)
		if !b.More {
			return nil
		}
	}
}

// onBeat acts on the result of a heartbeat.
func (f *Store) onBeat(b presence.Beat) {
	f.lastBeat.Store(time.Now().UnixMilli())
	f.Sessions.tombstone(b.Deleted)
	if b.Held && f.State() == StateRedis {
		f.Presence.compare(b)
	}
}

// tombstone records that sessions were deleted anywhere, and closes the sockets of their
// guests.
func (s *Sessions) tombstone(ids []string) {
	fresh := make([]string, 0, len(ids))
	for _, id := range ids {
		if s.memory.AddTombstone(id) {
			fresh = append(fresh, id)
		}
	}
	for _, id := range fresh {
		s.forget(id)
	}
	s.evict(fresh)
}

// forget drops a session from memory, and its pending changes except a deletion.
func (s *Sessions) forget(sessionID string) {
	sh := s.dirtySet.shard(sessionID)
	sh.Lock()
	defer sh.Unlock()
	s.memory.Drop(sessionID)
	if o := sh.dirty[sessionID]; o != nil && !o.deleted {
		s.dirtySet.settle(sh, sessionID)
	}
}

func (s *Sessions) evict(ids []string) {
	if local := s.failover.local; local != nil && len(ids) > 0 {
		local.Evict(ids)
	}
}

// gone drops a session that Redis does not have, and that only a token or a copy vouched
// for.
func (s *Sessions) gone(sessionID string) {
	s.forget(sessionID)
	s.evict([]string{sessionID})
}

// lostBefore reports whether Redis may have had a session before it lost its data. If
// not, and Redis does not have it, it was deleted: Redis has lost nothing since this
// instance last used it, or since the session's token was issued.
func (f *Store) lostBefore(g guest.Session) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.found.ID != f.mu.epoch && g.CreatedAt.Before(f.mu.found.Began)
}

// since is the epoch in which Redis had the sessions that it was given, "" if that epoch
// has ended.
func (f *Store) since() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.found.ID != f.mu.epoch {
		return ""
	}
	return f.mu.epoch
}
