package store

import (
	"context"
	_ "embed" // the script is a file
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// What Redis is asked when it comes back: which of the servers it is, and to be
// brought to what is true on this instance.

//go:embed restore_pair.lua
var restorePairLua string

// encodePair is a pair as the scripts record it.
func encodePair(p guest.Pair) string {
	b := appendText(make([]byte, 0, 512), p.ID)
	b = appendText(b, encodeSearcher(p.A))
	return string(appendText(b, encodeSearcher(p.B)))
}

// pairRestorer records pairs anew for one instance.
type pairRestorer struct {
	matcher  *RedisMatcher
	instance string
	script   *rueidis.Lua
}

func newPairRestorer(m *RedisMatcher, instance string) pairRestorer {
	return pairRestorer{matcher: m, instance: instance, script: rueidis.NewLuaScript(restorePairLua)}
}

// restore is FailoverMatcher.Restore on Redis, one script.
func (r pairRestorer) restore(ctx context.Context, p guest.Pair) (guest.Pair, error) {
	const doing = "restore pair"
	l, err := r.matcher.redis.up()
	if err != nil {
		return guest.Pair{}, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	keys := []string{matchQueue, matchWaiting, matchPairs}
	args := []string{p.A.ID, p.B.ID, p.ID, encodePair(p), r.instance}
	reply, err := r.script.Exec(ctx, l.client, keys, args).ToString()
	if err != nil {
		return guest.Pair{}, r.matcher.redis.failure(doing, err)
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

// prune takes from queue and pairs what Redis says of an instance's guests and is
// not so: that they wait where they do not search, and pairs that they are not
// in. It returns the pairs that it dissolved.
func (m *RedisMatcher) prune(ctx context.Context, instance string, local Local) ([]guest.Pair, error) {
	l, err := m.redis.up()
	if err != nil {
		return nil, err
	}
	var dissolved []guest.Pair
	err = m.stranded(ctx, l, instance, func(found []strandedGuest) error {
		fallen := slices.DeleteFunc(found, func(s strandedGuest) bool { return s.stands(local) })
		for _, s := range fallen { // Redis may do what it does not answer, and then not find it again
			if s.pair.ID != "" {
				dissolved = append(dissolved, s.pair)
			}
		}
		return m.partAll(ctx, l, fallen)
	})
	if err != nil {
		return dissolved, m.redis.failure("prune pairs", err)
	}
	return dissolved, nil
}

// stands reports whether what was found is so.
func (s *strandedGuest) stands(local Local) bool {
	for _, id := range s.sides {
		if s.pair.ID == "" && !local.Searching(id) || s.pair.ID != "" && !local.Chatting(id, s.pair.ID) {
			return false
		}
	}
	return true
}

// presenceBatch is how many guests join or leave in one trip.
const presenceBatch = 200

// conflict is what becomes of a guest with a socket here whom Redis has on another
// instance.
type conflict bool

const (
	takeHere   conflict = false // an outage lies between: the two settle who has the newer socket
	leaveThere conflict = true  // the other is newer, and we are about to be told
)

// exact makes the instance's set in Redis be online, the counter with it, and
// returns the guests whom Redis had on another instance: session id → instance.
// Doing it again changes nothing.
func (p *RedisPresence) exact(ctx context.Context, online []string, c conflict) (moved map[string]string, err error) {
	const doing = "settle presence"
	l, err := p.redis.up()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.within(ctx, bulkTimeout)
	defer cancel()
	members := l.keys.members(p.instance)
	stored, err := l.client.Do(ctx, l.client.B().Zrange().Key(members).Min("0").Max("-1").Build()).AsStrSlice()
	if err != nil {
		return nil, p.redis.failure(doing, err)
	}
	keys := []string{l.keys.owners, members, l.keys.counter}
	for batch := range slices.Chunk(without(stored, online), presenceBatch) {
		if err := p.scripts.leave.Exec(ctx, l.client, keys, p.leaveArgs(batch)).Error(); err != nil {
			return nil, p.redis.failure(doing, err)
		}
	}
	if moved, err = p.joinAll(ctx, l, without(online, stored), c); err != nil {
		return nil, p.redis.failure(doing, err)
	}
	return moved, nil
}

// joinAll has guests join, and returns those whom Redis had on another instance.
func (p *RedisPresence) joinAll(ctx context.Context, l *link, ids []string, c conflict) (moved map[string]string, err error) {
	args := []string{p.instance, l.keys.membersOf}
	if c == leaveThere {
		args = append(args, "stay")
	}
	moved = make(map[string]string)
	for batch := range slices.Chunk(ids, presenceBatch) {
		calls := make([]rueidis.LuaExec, len(batch))
		for i, id := range batch {
			calls[i] = rueidis.LuaExec{Keys: p.joinKeys(l), Args: append([]string{id}, args...)}
		}
		for i, result := range p.scripts.join.ExecMulti(ctx, l.client, calls...) {
			instance, _, err := joined(result)
			if errors.Is(err, guest.ErrNotFound) {
				continue // deleted, which the beat tells
			}
			if err != nil {
				return nil, err
			}
			if instance != "" && instance != p.instance {
				moved[batch[i]] = instance
			}
		}
	}
	return moved, nil
}

// rejoin records anew where these guests are, but for those who are elsewhere.
func (p *RedisPresence) rejoin(ctx context.Context, ids []string) error {
	const doing = "record presence anew"
	l, err := p.redis.up()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.within(ctx, bulkTimeout)
	defer cancel()
	if _, err := p.joinAll(ctx, l, ids, leaveThere); err != nil {
		return p.redis.failure(doing, err)
	}
	return nil
}

// here counts the guests whom Redis has on this instance.
func (p *RedisPresence) here(ctx context.Context) (int64, error) {
	const doing = "count guests here"
	l, err := p.redis.up()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	n, err := l.client.Do(ctx, l.client.B().Zcard().Key(l.keys.members(p.instance)).Build()).AsInt64()
	if err != nil {
		return 0, p.redis.failure(doing, err)
	}
	return n, nil
}

// without returns the ids of a that are not in b.
func without(a, b []string) []string {
	other := make(map[string]struct{}, len(b))
	for _, id := range b {
		other[id] = struct{}{}
	}
	var rest []string
	for _, id := range a {
		if _, ok := other[id]; !ok {
			rest = append(rest, id)
		}
	}
	return rest
}
