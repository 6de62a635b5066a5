package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// Deletion. A session that was deleted must not come back: not by a valid token,
// not by the copy that an instance holds, not by a Redis that has read an old file.
// So a deletion leaves a tombstone in Redis, for as long as a token can be valid.
// What could bring a session back looks for it in the same script: join.lua and
// restore.lua. Each instance reads the tombstones with its beat and remembers them
// (see tombstones), serves nobody whom they name while Redis is away, and writes
// them back to a Redis that has lost them.
//
// On a cluster, a document is not where the tombstones are, so no script sees both.
// There the tombstone is set before the document is deleted, and whoever restores a
// document looks afterwards and deletes it where it has one: of the two, the later
// deletes it.

// Delete removes the session and leaves a tombstone; guest.ErrNotFound where there
// is none. One script, on a cluster one and a command.
func (s *RedisSessions) Delete(ctx context.Context, sessionID string) error {
	if !guest.ValidSessionID(sessionID) {
		return fmt.Errorf("%s: %w", deleting, guest.ErrNotFound)
	}
	there, err := s.bury(ctx, []string{sessionID})
	if err == nil && !there[0] {
		err = fmt.Errorf("%s: %w", deleting, guest.ErrNotFound)
	}
	return err
}

const deleting = "delete session"

// bury deletes sessions, at most restoreBatch, and reports which there were.
func (s *RedisSessions) bury(ctx context.Context, ids []string) (there []bool, err error) {
	l, err := s.redis.up()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", deleting, err)
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	keys := make([]string, 1, 1+len(ids))
	keys[0] = l.keys.tombstones
	for _, id := range ids {
		s.drafts.take(id)
		keys = append(keys, sessionKey(id))
	}
	defer func() {
		for _, key := range keys[1:] {
			s.redis.copies.forget(key)
		}
	}()
	scripted := keys
	if l.cluster {
		scripted = keys[:1]
	}
	args := append([]string{s.tombstoneLife()}, ids...)
	deleted, err := s.scripts.remove.Exec(ctx, l.client, scripted, args).AsIntSlice()
	if err == nil && l.cluster {
		deleted, err = s.deleteEach(ctx, l, keys[1:])
	}
	if err == nil && len(deleted) != len(ids) {
		err = fmt.Errorf("%d replies for %d sessions", len(deleted), len(ids))
	}
	if err != nil {
		return nil, s.redis.failure(deleting, err)
	}
	there = make([]bool, len(ids))
	for i, n := range deleted {
		there[i] = n > 0
	}
	return there, nil
}

// tombstoneLife is how long tombstones live, in µs.
func (s *RedisSessions) tombstoneLife() string {
	return strconv.FormatInt(s.tombstones.Microseconds(), 10)
}

// deleteEach deletes keys that are anywhere on a cluster.
func (s *RedisSessions) deleteEach(ctx context.Context, l *link, keys []string) (deleted []int64, err error) {
	deleted = make([]int64, len(keys))
	commands := make(rueidis.Commands, len(keys))
	for i, key := range keys {
		commands[i] = l.client.B().Del().Key(key).Build()
	}
	for i, result := range l.client.DoMulti(ctx, commands...) {
		if deleted[i], err = result.AsInt64(); err != nil {
			return nil, err
		}
	}
	return deleted, nil
}

// deleted reports which of the sessions, at least one, have a tombstone.
func (s *RedisSessions) deleted(ctx context.Context, ids []string) (map[string]bool, error) {
	l, err := s.redis.up()
	if err != nil {
		return nil, fmt.Errorf("look for tombstones: %w", err)
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	scores, err := l.client.Do(ctx, l.client.B().Zmscore().Key(l.keys.tombstones).Member(ids...).Build()).ToArray()
	if err == nil && len(scores) != len(ids) {
		err = fmt.Errorf("%d replies for %d sessions", len(scores), len(ids))
	}
	if err != nil {
		return nil, s.redis.failure("look for tombstones", err)
	}
	found := make(map[string]bool)
	for i := range scores {
		if !scores[i].IsNil() {
			found[ids[i]] = true
		}
	}
	return found, nil
}
