package failover

import (
	"context"
	"errors"

	"guestload/server/guest"
	"guestload/server/store/redis/sessions"
)

// markAll marks every known session and every deletion as dirty.
func (s *Sessions) markAll() {
	for _, id := range s.memory.Tombstones() {
		sh := s.dirtySet.shard(id)
		sh.Lock()
		s.dirtySet.mark(sh, id).deleted = true
		sh.Unlock()
	}
	for _, id := range s.memory.IDs() {
		sh := s.dirtySet.shard(id)
		sh.Lock()
		s.dirtySet.mark(sh, id)
		sh.Unlock()
	}
}

// writeBack writes what is dirty at this moment, deletions first, and returns at the
// first sign of an outage. It logs documents that are damaged in Redis, and leaves them.
func (s *Sessions) writeBack(ctx context.Context) error {
	var deletes, restores []snapshot
	var kept []sessions.Kept
	epoch, now := s.failover.since(), s.redis.Now()
	for _, dirty := range s.dirtySet.all() {
		if dirty.deleted {
			deletes = append(deletes, dirty)
			continue
		}
		if dirty.adopted {
			var waits bool
			err := retryUntilDown(ctx, ctx.Done, func() (err error) { waits, err = s.complete(ctx, dirty); return err })
			if err != nil {
				return err
			}
			if waits {
				continue
			}
		}
		g, lapses, ok := s.memory.Kept(dirty.sessionID)
		if !ok {
			s.dirtySet.clean(dirty) // it has expired, or is gone
			continue
		}
		k := sessions.Kept{Session: g, Expires: lapses}
		if !dirty.created && now.Before(dirty.until) {
			k.Epoch = epoch
		}
		restores, kept = append(restores, dirty), append(kept, k)
	}
	for len(deletes) > 0 {
		n := min(len(deletes), sessions.Batch)
		if err := retryUntilDown(ctx, ctx.Done, func() error { return s.deleteSome(ctx, deletes[:n]) }); err != nil {
			return err
		}
		deletes = deletes[n:]
	}
	for len(restores) > 0 {
		n := min(len(restores), sessions.Batch)
		err := retryUntilDown(ctx, ctx.Done, func() error { return s.settle(restores[:n], s.redis.Restore(ctx, kept[:n])) })
		if err != nil {
			return err
		}
		restores, kept = restores[n:], kept[n:]
	}
	return nil
}

func (s *Sessions) deleteSome(ctx context.Context, dirty []snapshot) error {
	ids := make([]string, len(dirty))
	for i := range dirty {
		ids[i] = dirty[i].sessionID
	}
	if _, err := s.redis.DeleteAll(ctx, ids); err != nil {
		return err
	}
	for _, o := range dirty {
		s.dirtySet.clean(o)
	}
	return nil
}

func (s *Sessions) settle(dirty []snapshot, results []error) (outage error) {
	for i, err := range results {
		switch {
		case unavailable(err):
			outage = err
			continue
		case errors.Is(err, guest.ErrNotFound):
			s.tombstone([]string{dirty[i].sessionID})
		case err != nil:
			s.failover.log.Error("session not written back", "session", dirty[i].sessionID, "error", err)
		}
		s.dirtySet.clean(dirty[i])
	}
	return outage
}

// complete merges the changes of an adopted guest into its document in Redis, so that it
// can be written back as any other. If Redis does not have a guest whom it cannot have
// lost, the session is gone, once others had time to write theirs back: until then it
// waits.
func (s *Sessions) complete(ctx context.Context, dirty snapshot) (waits bool, err error) {
	stored, err := s.redis.Get(ctx, dirty.sessionID)
	if unavailable(err) {
		return false, err
	}
	if errors.Is(err, guest.ErrNotFound) {
		if g, _, held := s.memory.Kept(dirty.sessionID); held && !s.failover.lostBefore(g) {
			if !s.failover.complete() {
				return true, nil
			}
			s.gone(dirty.sessionID)
			return false, nil
		}
	}
	sh := s.dirtySet.shard(dirty.sessionID)
	sh.Lock()
	defer sh.Unlock()
	o := sh.dirty[dirty.sessionID]
	if o == nil {
		return false, nil
	}
	if err == nil && !o.deleted {
		if mine, lapses, held := s.memory.Kept(dirty.sessionID); held {
			guest.Patch{Fields: o.fields, To: mine}.Apply(&stored)
			if stored.LastSeen.Before(mine.LastSeen) {
				stored.LastSeen = mine.LastSeen
			}
			s.memory.Hold(stored, lapses)
			o.until = stored.LastSeen.Add(guest.Lifetime)
		}
	}
	o.adopted = false
	return false, nil
}
