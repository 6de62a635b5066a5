package matcher

import (
	"context"
	"fmt"
	"slices"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// encodePair is a pair as the scripts record it.
func encodePair(p guest.Pair) string {
	b := appendText(make([]byte, 0, 512), p.ID)
	b = appendText(b, encodeSearcher(p.A))
	return string(appendText(b, encodeSearcher(p.B)))
}

// Restore records a pair anew for an instance. It refuses with guest.ErrPaired where one
// of the two is in another pair, which it returns, or waits on another instance. One
// script.
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

// Prune takes from queue and pairs what Redis says of an instance's guests and is
// not so: that they wait where they do not search, and pairs that they are not
// in. It returns the pairs that it dissolved.
func (m *Matcher) Prune(ctx context.Context, instance string, local Local) ([]guest.Pair, error) {
	l, err := m.redis.Up()
	if err != nil {
		return nil, err
	}
	var dissolved []guest.Pair
	err = m.Stale(ctx, l, instance, func(found []StaleRecord) error {
		fallen := slices.DeleteFunc(found, func(s StaleRecord) bool { return s.stands(local) })
		for _, s := range fallen { // Redis may do what it does not answer, and then not find it again
			if s.Pair.ID != "" {
				dissolved = append(dissolved, s.Pair)
			}
		}
		return m.partAll(ctx, l, fallen)
	})
	if err != nil {
		return dissolved, m.redis.Failure("prune pairs", err)
	}
	return dissolved, nil
}

// Local is who is really on an instance.
type Local interface {
	// Searching reports whether the guest with this id searches here.
	Searching(id string) bool
	// Chatting reports whether the guest with this id is here and in this pair, or
	// searches and may yet learn of it.
	Chatting(id, pair string) bool
}

// stands reports whether what was found is so.
func (s *StaleRecord) stands(local Local) bool {
	for _, id := range s.Sides {
		if s.Pair.ID == "" && !local.Searching(id) || s.Pair.ID != "" && !local.Chatting(id, s.Pair.ID) {
			return false
		}
	}
	return true
}
