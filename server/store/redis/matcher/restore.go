package matcher

import (
	"context"
	"fmt"
	"slices"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// encodePair formats a pair as the scripts do.
func encodePair(p guest.Pair) string {
	b := appendText(make([]byte, 0, 512), p.ID)
	b = appendText(b, encodeSearcher(p.A))
	return string(appendText(b, encodeSearcher(p.B)))
}

// Restore records a pair again for an instance. It fails with guest.ErrPaired if one of
// the two is in another pair, which it returns, or waits on another instance. One script.
func (m *Matcher) Restore(ctx context.Context, p guest.Pair, instance string) (guest.Pair, error) {
	const doing = "restore pair"
	l, err := m.redis.Up()
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	keys := []string{redis.MatchQueue, redis.MatchWaiting, redis.MatchPairs}
	args := []string{p.A.ID, p.B.ID, p.ID, encodePair(p), instance}
	reply, err := m.scripts.restore.Exec(ctx, l.Client, keys, args).ToString()
	if err != nil {
		return guest.Pair{}, m.redis.Failure(doing, err)
	}
	if reply == "" {
		return p, nil
	}
	other, err := decodePair(reply[1:])
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	return other, fmt.Errorf("%s %s: %w", doing, p.ID, guest.ErrPaired)
}

// Purge removes stale records of an instance: of guests who do not search, and pairs that
// guests are not in. It returns the pairs that it dissolved.
func (m *Matcher) Purge(ctx context.Context, instance string, local Local) ([]guest.Pair, error) {
	l, err := m.redis.Up()
	if err != nil {
		return nil, err
	}
	var dissolved []guest.Pair
	err = m.Stale(ctx, l, instance, func(found []StaleRecord) error {
		stale := slices.DeleteFunc(found, func(s StaleRecord) bool { return s.current(local) })
		for _, s := range stale { // the script may be executed although its reply is lost
			if s.Pair.ID != "" {
				dissolved = append(dissolved, s.Pair)
			}
		}
		return m.leaveAll(ctx, l, stale)
	})
	if err != nil {
		return dissolved, m.redis.Failure("purge pairs", err)
	}
	return dissolved, nil
}

// Local knows the guests of an instance.
type Local interface {
	// Searching reports whether the guest with this id searches here.
	Searching(id string) bool
	// Chatting reports whether the guest with this id is in this pair here, or searches
	// and may still learn of it.
	Chatting(id, pair string) bool
}

// current reports whether a record is right.
func (s *StaleRecord) current(local Local) bool {
	for _, id := range s.Sides {
		if s.Pair.ID == "" && !local.Searching(id) || s.Pair.ID != "" && !local.Chatting(id, s.Pair.ID) {
			return false
		}
	}
	return true
}
