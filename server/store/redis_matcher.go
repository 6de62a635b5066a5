package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

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
	doc, err := marshalSearcher(s)
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	lookups := lookups(s.Wants, s.Traits)
	args := make([]string, 0, 5+2*maxLists)
	args = append(args, s.ID, s.Avoid, m.nextID(), doc, strconv.Itoa(len(lookups)))
	args = append(append(args, lookups...), entries(s.Wants, s.Traits)...)
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	keys := []string{matchQueue, matchWaiting, matchPairs, matchSequence}
	reply, err := m.scripts.search.Exec(ctx, l.client, keys, args).AsStrSlice()
	if err != nil {
		return guest.Pair{}, m.redis.failure(doing, err)
	}
	if len(reply) != 2 {
		return guest.Pair{}, fmt.Errorf("%s: %w: the script answered %d values, not 2", doing, guest.ErrUnavailable, len(reply))
	}
	pair, err := parsePair(reply[1])
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	if reply[0] == "paired" {
		return pair, fmt.Errorf("%s: %w", doing, guest.ErrPaired)
	}
	return pair, nil
}

// Leave takes the guest from the queue and dissolves the guest's pair, which it
// returns; the zero Pair where there was none.
func (m *RedisMatcher) Leave(ctx context.Context, id string) (guest.Pair, error) {
	return m.part(ctx, id, "")
}

// part is Leave, done only to what was found in Redis, "" for all there is.
func (m *RedisMatcher) part(ctx context.Context, id, found string) (guest.Pair, error) {
	const doing = "leave partner"
	l, err := m.redis.up()
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	keys := []string{matchQueue, matchWaiting, matchPairs}
	doc, err := m.scripts.part.Exec(ctx, l.client, keys, []string{id, found}).ToString()
	if err != nil {
		return guest.Pair{}, m.redis.failure(doing, err)
	}
	pair, err := parsePair(doc)
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	return pair, nil
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

// stranded lists who waits, then who is in a pair, with a socket on an instance
// that is gone, in steps of bounded length. It visits guests of other instances
// too: that is rare, and keeping an index of it would not be.
func (m *RedisMatcher) stranded(ctx context.Context, l *link, instance string, visit func(id, found string, pair guest.Pair) error) error {
	for _, key := range []string{matchWaiting, matchPairs} {
		cursor := uint64(0)
		for {
			step, cancel := context.WithTimeout(ctx, replyTimeout)
			entry, err := l.client.Do(step, l.client.B().Hscan().Key(key).Cursor(cursor).Count(200).Build()).AsScanEntry()
			cancel()
			if err != nil {
				return err
			}
			for i := 0; i+1 < len(entry.Elements); i += 2 {
				id, found := entry.Elements[i], entry.Elements[i+1]
				pair, here, err := livesOn(instance, id, found, key == matchPairs)
				if err != nil || !here {
					continue // of another instance, or no record of ours
				}
				if err := visit(id, found, pair); err != nil {
					return err
				}
			}
			if cursor = entry.Cursor; cursor == 0 {
				break
			}
		}
	}
	return nil
}

// livesOn reports whether the guest of a record had its socket on an instance.
func livesOn(instance, id, found string, paired bool) (pair guest.Pair, here bool, err error) {
	if paired {
		_, doc, _ := strings.Cut(found, " ")
		if pair, err = parsePair(doc); err != nil {
			return pair, false, err
		}
		self := pair.A
		if self.ID != id {
			self = pair.B
		}
		return pair, self.Instance == instance, nil
	}
	_, rest, _ := strings.Cut(found, "\n")
	doc, _, _ := strings.Cut(rest, "\n")
	var s storedSearcher
	if err := json.Unmarshal([]byte(doc), &s); err != nil {
		return pair, false, err
	}
	return pair, s.Instance == instance, nil
}

// storedSearcher is a searcher as pairs hold it, in JSON.
type storedSearcher struct {
	ID       string            `json:"id"`
	Username string            `json:"username"`
	Instance string            `json:"instance"`
	Traits   guest.Traits      `json:"traits"`
	Wants    guest.Preferences `json:"wants"`
	Location json.RawMessage   `json:"location,omitempty"`
	Avoid    string            `json:"avoid,omitempty"`
}

// marshalSearcher writes a searcher on one line, its location as it is.
func marshalSearcher(s guest.Searcher) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(storedSearcher{
		ID: s.ID, Username: s.Username, Instance: s.Instance, Traits: s.Traits,
		Wants: s.Wants, Location: json.RawMessage(s.Location), Avoid: s.Avoid,
	})
	return strings.TrimSuffix(b.String(), "\n"), err
}

func (s storedSearcher) searcher() guest.Searcher {
	return guest.Searcher{
		ID: s.ID, Username: s.Username, Instance: s.Instance, Traits: s.Traits,
		Wants: s.Wants, Location: guest.Location(s.Location), Avoid: s.Avoid,
	}
}

// parsePair reads a pair as the script recorded it; "" is none.
func parsePair(doc string) (guest.Pair, error) {
	if doc == "" {
		return guest.Pair{}, nil
	}
	var p struct {
		ID string         `json:"id"`
		A  storedSearcher `json:"a"`
		B  storedSearcher `json:"b"`
	}
	if err := json.Unmarshal([]byte(doc), &p); err != nil {
		return guest.Pair{}, fmt.Errorf("%w: recorded pair: %w", guest.ErrCorrupt, err)
	}
	return guest.Pair{ID: p.ID, A: p.A.searcher(), B: p.B.searcher()}, nil
}
