package sessions

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// Deletion. A session that was deleted must not come back: not by a valid token,
// not by the copy that an instance holds, not by a Redis that has read an old file.
// So a deletion leaves a tombstone in Redis, for as long as a token can be valid.
// What could bring a session back looks for it in the same script: join.lua and
// restore.lua. Each instance reads the tombstones with its beat and remembers them
// (see tombstones), serves nobody whom they name while Redis is away, and writes
// them back to a Redis that has lost them.
//
// On a cluster, the tombstones and a document are in different slots, so no script
// sees both. There each deletion leaves a second tombstone in the slot of the document
// (see tombstoneKey), in the script that deletes the document: that is the one that
// restore.lua looks for. Then the session joins the others in the list of tombstones.

// Delete removes the session and leaves a tombstone; guest.ErrNotFound where there
// is none. One script, on a cluster two.
func (s *Store) Delete(ctx context.Context, sessionID string) error {
	if !guest.ValidSessionID(sessionID) {
		return fmt.Errorf("%s: %w", deleting, guest.ErrNotFound)
	}
	there, err := s.Bury(ctx, []string{sessionID})
	if err == nil && !there[0] {
		err = fmt.Errorf("%s: %w", deleting, guest.ErrNotFound)
	}
	return err
}

const deleting = "delete session"

// Bury deletes sessions, at most Batch, and reports which there were.
func (s *Store) Bury(ctx context.Context, ids []string) (there []bool, err error) {
	l, err := s.redis.Up()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", deleting, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	keys := make([]string, 1, 1+len(ids))
	keys[0] = l.Keys.Tombstones
	for _, id := range ids {
		s.drafts.take(id)
		keys = append(keys, redis.SessionKey(id))
	}
	defer func() {
		for _, key := range keys[1:] {
			s.redis.Cache.Forget(key)
		}
	}()
	args := append([]string{s.TombstoneLife()}, ids...)
	var deleted []int64
	if l.Cluster {
		if deleted, err = s.buryEach(ctx, l, ids); err == nil {
			err = s.scripts.remove.Exec(ctx, l.Client, keys[:1], args).Error()
		}
	} else {
		deleted, err = s.scripts.remove.Exec(ctx, l.Client, keys, args).AsIntSlice()
	}
	if err == nil && len(deleted) != len(ids) {
		err = fmt.Errorf("%d replies for %d sessions", len(deleted), len(ids))
	}
	if err != nil {
		return nil, s.redis.Failure(deleting, err)
	}
	there = make([]bool, len(ids))
	for i, n := range deleted {
		there[i] = n > 0
	}
	return there, nil
}

// TombstoneLife is how long tombstones live, in µs.
func (s *Store) TombstoneLife() string {
	return strconv.FormatInt(s.Tombstones.Microseconds(), 10)
}

// buryEach deletes documents that are in slots of their own, with a tombstone each.
func (s *Store) buryEach(ctx context.Context, l *redis.Link, ids []string) (deleted []int64, err error) {
	deleted = make([]int64, len(ids))
	calls := make([]rueidis.LuaExec, len(ids))
	life := strconv.FormatInt(s.Tombstones.Milliseconds(), 10)
	for i, id := range ids {
		calls[i] = rueidis.LuaExec{Keys: []string{redis.SessionKey(id), redis.TombstoneKey(id)}, Args: []string{life}}
	}
	for i, result := range s.scripts.bury.ExecMulti(ctx, l.Client, calls...) {
		if deleted[i], err = result.AsInt64(); err != nil {
			return nil, err
		}
	}
	return deleted, nil
}

// Deleted reports which of the sessions, at least one, have a tombstone.
func (s *Store) Deleted(ctx context.Context, ids []string) (map[string]bool, error) {
	l, err := s.redis.Up()
	if err != nil {
		return nil, fmt.Errorf("look for tombstones: %w", err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	scores, err := l.Client.Do(ctx, l.Client.B().Zmscore().Key(l.Keys.Tombstones).Member(ids...).Build()).ToArray()
	if err == nil && len(scores) != len(ids) {
		err = fmt.Errorf("%d replies for %d sessions", len(scores), len(ids))
	}
	if err != nil {
		return nil, s.redis.Failure("look for tombstones", err)
	}
	found := make(map[string]bool)
	for i := range scores {
		if !scores[i].IsNil() {
			found[ids[i]] = true
		}
	}
	return found, nil
}
