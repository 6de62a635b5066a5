// Package matcher matches guests in Redis, over all instances.
package matcher

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/queue"
	"guestload/server/store/redis"
)

// Matcher matches guests of all instances in one script, so that a guest always waits, or
// is in one pair, or neither, whichever process dies. The queue is indexed by wishes and
// traits; a search reads the heads of at most 8 lists, however many guests wait.
type Matcher struct {
	redis   *redis.Client
	scripts scripts
	process string // begins the ids of pairs
	pairs   atomic.Uint64
}

// New matches the guests behind r.
func New(r *redis.Client) *Matcher {
	return &Matcher{redis: r, scripts: newScripts(), process: rand.Text()}
}

// Search pairs s with the longest waiting guest such that both accept each other, or
// leaves s waiting. A guest who is in a pair gets it with guest.ErrPaired: so a search
// that failed, but may have been executed, can be repeated.
func (m *Matcher) Search(ctx context.Context, s guest.Searcher) (guest.Pair, error) {
	const doing = "search partner"
	if !queue.Indexable(s.ID) || !queue.Indexable(s.Avoid) && s.Avoid != "" {
		return guest.Pair{}, fmt.Errorf("%s: %q avoiding %q are not guest ids", doing, s.ID, s.Avoid)
	}
	l, err := m.redis.Up()
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	lookups := queue.Lookups(s.Wants, s.Traits)
	args := make([]string, 0, 5+2*queue.MaxLists)
	args = append(args, s.ID, s.Avoid, m.nextID(), encodeSearcher(s), strconv.Itoa(len(lookups)))
	args = append(append(args, lookups...), queue.Entries(s.Wants, s.Traits)...)
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	keys := []string{redis.MatchQueue, redis.MatchWaiting, redis.MatchPairs, redis.MatchSequence}
	reply, err := m.scripts.search.Exec(ctx, l.Client, keys, args).ToString()
	if err != nil {
		return guest.Pair{}, m.redis.Failure(doing, err)
	}
	reply, paired := strings.CutPrefix(reply, "!")
	_, text, _ := strings.Cut(reply, " ")
	pair, err := decodePair(text)
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	if paired {
		return pair, fmt.Errorf("%s: %w", doing, guest.ErrPaired)
	}
	return pair, nil
}

// Leave removes the guest from the queue and dissolves the guest's pair, which it
// returns; the zero Pair if there was none.
func (m *Matcher) Leave(ctx context.Context, id string) (guest.Pair, error) {
	return m.LeaveRecord(ctx, id, "", "")
}

// LeaveAt is Leave if the guest is recorded for the instance, "" for any.
func (m *Matcher) LeaveAt(ctx context.Context, id, instance string) (guest.Pair, error) {
	return m.LeaveRecord(ctx, id, "", instance)
}

// LeaveRecord is Leave if the record in Redis is as found ("" for any) and is of the
// instance ("" for any).
func (m *Matcher) LeaveRecord(ctx context.Context, id, found, instance string) (guest.Pair, error) {
	const doing = "leave partner"
	l, err := m.redis.Up()
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	keys := []string{redis.MatchQueue, redis.MatchWaiting, redis.MatchPairs}
	text, err := m.scripts.leave.Exec(ctx, l.Client, keys, []string{id, found, instance}).ToString()
	if err != nil {
		return guest.Pair{}, m.redis.Failure(doing, err)
	}
	pair, err := decodePair(text)
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	return pair, nil
}

// Move records that the guest of a pair has moved to another instance, and reports
// whether the guest is in that pair. One script.
func (m *Matcher) Move(ctx context.Context, id, pair, instance string) (moved bool, err error) {
	const doing = "move in a pair"
	l, err := m.redis.Up()
	if err != nil {
		return false, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	n, err := m.scripts.move.Exec(ctx, l.Client, []string{redis.MatchPairs}, []string{id, pair, instance}).AsInt64()
	if err != nil {
		return false, m.redis.Failure(doing, err)
	}
	return n == 1, nil
}

// leaveAll is LeaveRecord for many records at once.
func (m *Matcher) leaveAll(ctx context.Context, l *redis.Link, found []StaleRecord) error {
	if len(found) == 0 {
		return nil
	}
	ctx, cancel := l.Within(ctx, redis.BulkTimeout)
	defer cancel()
	calls := make([]rueidis.LuaExec, len(found))
	for i, s := range found {
		calls[i] = rueidis.LuaExec{Keys: []string{redis.MatchQueue, redis.MatchWaiting, redis.MatchPairs}, Args: []string{s.ID, s.Found, ""}}
	}
	for _, result := range m.scripts.leave.ExecMulti(ctx, l.Client, calls...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}

// nextID is unique: a random name of the process and a counter.
func (m *Matcher) nextID() string {
	return m.process + "-" + strconv.FormatUint(m.pairs.Add(1), 36)
}

// Counts are the numbers of waiting guests, pairs, and keys that the matcher uses.
type Counts struct{ Waiting, Pairs, Keys int64 }

// Count counts on all instances.
func (m *Matcher) Count(ctx context.Context, l *redis.Link) (Counts, error) {
	replies := l.Client.DoMulti(ctx,
		l.Client.B().Hlen().Key(redis.MatchWaiting).Build(),
		l.Client.B().Hlen().Key(redis.MatchPairs).Build(),
		l.Client.B().Exists().Key(redis.MatchQueue, redis.MatchWaiting, redis.MatchPairs, redis.MatchSequence).Build())
	var n [3]int64
	var errs [3]error
	for i, r := range replies {
		n[i], errs[i] = r.AsInt64()
	}
	return Counts{Waiting: n[0], Pairs: n[1] / 2, Keys: n[2]}, errors.Join(errs[:]...)
}

// StaleRecord is a record of a guest of a certain instance.
type StaleRecord struct {
	ID, Found string     // the key and value in the hash
	Sides     []string   // ids of the guests of the instance
	Pair      guest.Pair // zero for a waiting guest
}

// Stale visits the waiting guests and then the pairs of an instance, a few hundred at a
// time. It reads those of other instances as well: that is rare, and maintaining an
// index would not be.
func (m *Matcher) Stale(ctx context.Context, l *redis.Link, instance string, visit func([]StaleRecord) error) error {
	for _, key := range []string{redis.MatchWaiting, redis.MatchPairs} {
		cursor := uint64(0)
		for {
			step, cancel := l.Within(ctx, redis.ReplyTimeout)
			entry, err := l.Client.Do(step, l.Client.B().Hscan().Key(key).Cursor(cursor).Count(200).Build()).AsScanEntry()
			cancel()
			if err != nil {
				return err
			}
			var found []StaleRecord
			for i := 0; i+1 < len(entry.Elements); i += 2 {
				s := StaleRecord{ID: entry.Elements[i], Found: entry.Elements[i+1]}
				if s.livedOn(instance, key == redis.MatchPairs); len(s.Sides) > 0 {
					found = append(found, s)
				}
			}
			if err := visit(found); err != nil {
				return err
			}
			if cursor = entry.Cursor; cursor == 0 {
				break
			}
		}
	}
	return nil
}

// livedOn finds the sides on an instance; none in a foreign record.
func (s *StaleRecord) livedOn(instance string, paired bool) {
	if !paired {
		_, text, _ := strings.Cut(s.Found, "\n\n")
		if w, err := decodeSearcher(text); err == nil && w.Instance == instance {
			s.Sides = append(s.Sides, w.ID)
		}
		return
	}
	_, text, _ := strings.Cut(s.Found, " ") // empty if the partner's record has the pair
	pair, err := decodePair(text)
	if err != nil {
		return
	}
	s.Pair = pair
	for _, side := range []guest.Searcher{pair.A, pair.B} {
		if pair.ID != "" && side.Instance == instance {
			s.Sides = append(s.Sides, side.ID)
		}
	}
}
