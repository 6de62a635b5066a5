package store

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
)

// RedisMatcher matches guests over all instances in one script, so that at any
// instant a guest waits, or is in one pair, or neither, whichever process dies.
// Who waits is indexed under wishes and traits; a search reads the heads of at
// most 8 lists, however many wait.
type RedisMatcher struct {
	redis   *Redis
	scripts matchScripts
	process string // begins the ids of pairs
	pairs   atomic.Uint64
}

// NewRedisMatcher matches the guests behind r.
func NewRedisMatcher(r *Redis) *RedisMatcher {
	return &RedisMatcher{redis: r, scripts: newMatchScripts(), process: rand.Text()}
}

// Search pairs s with the longest waiting guest where both accept each other,
// or leaves s waiting. A guest who is in a pair gets that pair and
// guest.ErrPaired: so a search that failed, and may yet have happened, is
// settled by searching again.
func (m *RedisMatcher) Search(ctx context.Context, s guest.Searcher) (guest.Pair, error) {
	const doing = "search partner"
	if !indexable(s.ID) || !indexable(s.Avoid) && s.Avoid != "" {
		return guest.Pair{}, fmt.Errorf("%s: %q avoiding %q are not guest ids", doing, s.ID, s.Avoid)
	}
	l, err := m.redis.up()
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	lookups := lookups(s.Wants, s.Traits)
	args := make([]string, 0, 5+2*maxLists)
	args = append(args, s.ID, s.Avoid, m.nextID(), encodeSearcher(s), strconv.Itoa(len(lookups)))
	args = append(append(args, lookups...), entries(s.Wants, s.Traits)...)
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	keys := []string{matchQueue, matchWaiting, matchPairs, matchSequence}
	reply, err := m.scripts.search.Exec(ctx, l.client, keys, args).ToString()
	if err != nil {
		return guest.Pair{}, m.redis.failure(doing, err)
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

// Leave takes the guest from the queue and dissolves the guest's pair, which it
// returns; the zero Pair where there was none.
func (m *RedisMatcher) Leave(ctx context.Context, id string) (guest.Pair, error) {
	return m.part(ctx, id, "", "")
}

// LeaveAt is Leave where the guest is recorded for an instance, "" for any.
func (m *RedisMatcher) LeaveAt(ctx context.Context, id, instance string) (guest.Pair, error) {
	return m.part(ctx, id, "", instance)
}

// part is Leave, done only to what was found in Redis, "" for all there is, and
// only for an instance, "" for all.
func (m *RedisMatcher) part(ctx context.Context, id, found, instance string) (guest.Pair, error) {
	const doing = "leave partner"
	l, err := m.redis.up()
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	keys := []string{matchQueue, matchWaiting, matchPairs}
	text, err := m.scripts.part.Exec(ctx, l.client, keys, []string{id, found, instance}).ToString()
	if err != nil {
		return guest.Pair{}, m.redis.failure(doing, err)
	}
	pair, err := decodePair(text)
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	return pair, nil
}

// Move records that the guest of a pair lives on another instance now, and reports
// whether the guest is in that pair. One script.
func (m *RedisMatcher) Move(ctx context.Context, id, pair, instance string) (moved bool, err error) {
	const doing = "move in a pair"
	l, err := m.redis.up()
	if err != nil {
		return false, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	n, err := m.scripts.move.Exec(ctx, l.client, []string{matchPairs}, []string{id, pair, instance}).AsInt64()
	if err != nil {
		return false, m.redis.failure(doing, err)
	}
	return n == 1, nil
}

// partAll is part for all that was found, in one trip.
func (m *RedisMatcher) partAll(ctx context.Context, l *link, found []strandedGuest) error {
	if len(found) == 0 {
		return nil
	}
	ctx, cancel := l.within(ctx, bulkTimeout)
	defer cancel()
	calls := make([]rueidis.LuaExec, len(found))
	for i, s := range found {
		calls[i] = rueidis.LuaExec{Keys: []string{matchQueue, matchWaiting, matchPairs}, Args: []string{s.id, s.found, ""}}
	}
	for _, result := range m.scripts.part.ExecMulti(ctx, l.client, calls...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}

// nextID is unique for ever: the process is random, the rest counts.
func (m *RedisMatcher) nextID() string {
	return m.process + "-" + strconv.FormatUint(m.pairs.Add(1), 36)
}

type matchCensus struct{ waiting, pairs, keys int64 }

func (m *RedisMatcher) census(ctx context.Context, l *link) (matchCensus, error) {
	replies := l.client.DoMulti(ctx,
		l.client.B().Hlen().Key(matchWaiting).Build(),
		l.client.B().Hlen().Key(matchPairs).Build(),
		l.client.B().Exists().Key(matchQueue, matchWaiting, matchPairs, matchSequence).Build())
	var n [3]int64
	var errs [3]error
	for i, r := range replies {
		n[i], errs[i] = r.AsInt64()
	}
	return matchCensus{waiting: n[0], pairs: n[1] / 2, keys: n[2]}, errors.Join(errs[:]...)
}

// strandedGuest is a record of somebody whose socket was on an instance that is gone.
type strandedGuest struct {
	id, found string     // the key and value in the hash
	sides     []string   // ids of the guests whose sockets were there
	pair      guest.Pair // zero for one who waits
}

// stranded lists who waits, then the pairs, with a socket on an instance that is
// gone, in steps of some hundred. It reads those of other instances too: it is
// rare, and keeping an index for it would not be.
func (m *RedisMatcher) stranded(ctx context.Context, l *link, instance string, visit func([]strandedGuest) error) error {
	for _, key := range []string{matchWaiting, matchPairs} {
		cursor := uint64(0)
		for {
			step, cancel := l.within(ctx, replyTimeout)
			entry, err := l.client.Do(step, l.client.B().Hscan().Key(key).Cursor(cursor).Count(200).Build()).AsScanEntry()
			cancel()
			if err != nil {
				return err
			}
			var found []strandedGuest
			for i := 0; i+1 < len(entry.Elements); i += 2 {
				s := strandedGuest{id: entry.Elements[i], found: entry.Elements[i+1]}
				if s.livedOn(instance, key == matchPairs); len(s.sides) > 0 {
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

// livedOn finds the sides that lived on an instance. A record that is not ours
// has none.
func (s *strandedGuest) livedOn(instance string, paired bool) {
	if !paired {
		_, text, _ := strings.Cut(s.found, "\n\n")
		if w, err := decodeSearcher(text); err == nil && w.Instance == instance {
			s.sides = append(s.sides, w.ID)
		}
		return
	}
	_, text, _ := strings.Cut(s.found, " ") // nothing follows with the partner's record
	pair, err := decodePair(text)
	if err != nil {
		return
	}
	s.pair = pair
	for _, side := range []guest.Searcher{pair.A, pair.B} {
		if pair.ID != "" && side.Instance == instance {
			s.sides = append(s.sides, side.ID)
		}
	}
}
