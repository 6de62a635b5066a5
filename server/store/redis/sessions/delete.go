package sessions

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// A deleted session must not come back: not through a valid token, a copy in an
// instance's memory, or a Redis that restarts from an old file. So a deletion leaves a
// tombstone in Redis, for as long as a token can be valid. The scripts that could bring
// a session back check it: join.lua and restore.lua. Each instance reads new tombstones
// with its heartbeat and remembers them, serves none of these sessions while Redis is
// down, and writes the tombstones back to a Redis that has lost them.
//
// On a cluster, the set of tombstones and a document are in different slots, so no
// script sees both. There the script that deletes the document also sets a tombstone in
// its slot (see redis.TombstoneKey), which restore.lua checks; then the session is added
// to the set.

// Delete deletes the session and leaves a tombstone; guest.ErrNotFound if there is no
// session. One script, on a cluster two.
func (s *Store) Delete(ctx context.Context, sessionID string) error {
	if !guest.ValidSessionID(sessionID) {
		return fmt.Errorf("%s: %w", doingDelete, guest.ErrNotFound)
	}
	there, err := s.DeleteAll(ctx, []string{sessionID})
	if err == nil && !there[0] {
		err = fmt.Errorf("%s: %w", doingDelete, guest.ErrNotFound)
	}
	return err
}

const doingDelete = "delete session"

// DeleteAll deletes sessions, at most Batch, and reports which existed.
func (s *Store) DeleteAll(ctx context.Context, ids []string) (there []bool, err error) {
	l, err := s.redis.Up()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doingDelete, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	keys := make([]string, 1, 1+len(ids))
	keys[0] = l.Keys.Tombstones
	for _, id := range ids {
		s.lastWritten.take(id)
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
		if deleted, err = s.deleteEach(ctx, l, ids); err == nil {
			err = s.scripts.remove.Exec(ctx, l.Client, keys[:1], args).Error()
		}
	} else {
		deleted, err = s.scripts.remove.Exec(ctx, l.Client, keys, args).AsIntSlice()
	}
	if err == nil && len(deleted) != len(ids) {
		err = fmt.Errorf("%d replies for %d sessions", len(deleted), len(ids))
	}
	if err != nil {
		return nil, s.redis.Failure(doingDelete, err)
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

// deleteEach deletes documents in different slots, and leaves a tombstone in each.
func (s *Store) deleteEach(ctx context.Context, l *redis.Link, ids []string) (deleted []int64, err error) {
	deleted = make([]int64, len(ids))
	calls := make([]rueidis.LuaExec, len(ids))
	life := strconv.FormatInt(s.Tombstones.Milliseconds(), 10)
	for i, id := range ids {
		calls[i] = rueidis.LuaExec{Keys: []string{redis.SessionKey(id), redis.TombstoneKey(id)}, Args: []string{life}}
	}
	for i, result := range s.scripts.deleteOne.ExecMulti(ctx, l.Client, calls...) {
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
