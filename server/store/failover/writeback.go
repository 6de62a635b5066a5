package failover

import (
	"context"
	"errors"

	"guestload/server/guest"
	"guestload/server/store/redis/sessions"
)

// oweAll owes Redis every session that is known here, and every deletion.
func (s *Sessions) oweAll() {
	for _, id := range s.memory.Tombstones() {
		sh := s.debts.shard(id)
		sh.Lock()
		s.debts.owe(sh, id).deleted = true
		sh.Unlock()
	}
	for _, id := range s.memory.IDs() {
		sh := s.debts.shard(id)
		sh.Lock()
		s.debts.owe(sh, id)
		sh.Unlock()
	}
}

// writeBack pays what is owed at this moment, and returns with the first word of
// an outage. Deletions go first. What is damaged in Redis is not ours to mend: it is
// said, and left.
func (s *Sessions) writeBack(ctx context.Context) error {
	var deletes, restores []snapshot
	var kept []sessions.Kept
	epoch, now := s.failover.since(), s.redis.Now()
	for _, owed := range s.debts.all() {
		if owed.deleted {
			deletes = append(deletes, owed)
			continue
		}
		if owed.adopted {
			var waits bool
			err := insist(ctx, ctx.Done, func() (err error) { waits, err = s.complete(ctx, owed); return err })
			if err != nil {
				return err
			}
			if waits {
				continue
			}
		}
		g, lapses, ok := s.memory.Kept(owed.sessionID)
		if !ok {
			s.debts.paid(owed) // it has lapsed, or is gone
			continue
		}
		k := sessions.Kept{Session: g, Expires: lapses}
		if !owed.created && now.Before(owed.until) {
			k.Epoch = epoch
		}
		restores, kept = append(restores, owed), append(kept, k)
	}
	for len(deletes) > 0 {
		n := min(len(deletes), sessions.Batch)
		if err := insist(ctx, ctx.Done, func() error { return s.deleteSome(ctx, deletes[:n]) }); err != nil {
			return err
		}
		deletes = deletes[n:]
	}
	for len(restores) > 0 {
		n := min(len(restores), sessions.Batch)
		err := insist(ctx, ctx.Done, func() error { return s.settle(restores[:n], s.redis.Restore(ctx, kept[:n])) })
		if err != nil {
			return err
		}
		restores, kept = restores[n:], kept[n:]
	}
	return nil
}

func (s *Sessions) deleteSome(ctx context.Context, owed []snapshot) error {
	ids := make([]string, len(owed))
	for i := range owed {
		ids[i] = owed[i].sessionID
	}
	if _, err := s.redis.DeleteAll(ctx, ids); err != nil {
		return err
	}
	for _, o := range owed {
		s.debts.paid(o)
	}
	return nil
}

func (s *Sessions) settle(owed []snapshot, results []error) (outage error) {
	for i, err := range results {
		switch {
		case unavailable(err):
			outage = err
			continue
		case errors.Is(err, guest.ErrNotFound):
			s.bury([]string{owed[i].sessionID})
		case err != nil:
			s.failover.log.Error("session not written back", "session", owed[i].sessionID, "error", err)
		}
		s.debts.paid(owed[i])
	}
	return outage
}

// complete puts what has changed of an adopted guest over what Redis stores, so
// that it can be written back as any other. Where Redis has none of a guest whom it
// cannot have lost, the session is gone, once others had time to write theirs back:
// until then it waits.
func (s *Sessions) complete(ctx context.Context, owed snapshot) (waits bool, err error) {
	stored, err := s.redis.Get(ctx, owed.sessionID)
	if unavailable(err) {
		return false, err
	}
	if errors.Is(err, guest.ErrNotFound) {
		if g, _, held := s.memory.Kept(owed.sessionID); held && !s.failover.lostBefore(g) {
			if !s.failover.complete() {
				return true, nil
			}
			s.gone(owed.sessionID)
			return false, nil
		}
	}
	sh := s.debts.shard(owed.sessionID)
	sh.Lock()
	defer sh.Unlock()
	o := sh.owed[owed.sessionID]
	if o == nil {
		return false, nil
	}
	if err == nil && !o.deleted {
		if mine, lapses, held := s.memory.Kept(owed.sessionID); held {
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
