package presence

import (
	"context"
	_ "embed" // the script is a file
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// presenceBatch is how many guests join or leave in one trip.
const presenceBatch = 200

// Conflict is what becomes of a guest with a socket here whom Redis has on another
// instance.
type Conflict bool

const (
	TakeHere   Conflict = false // an outage lies between: the two settle who has the newer socket
	LeaveThere Conflict = true  // the other is newer, and we are about to be told
)

// Exact makes the instance's set in Redis be online, the counter with it, and
// returns the guests whom Redis had on another instance: session id → instance.
// Doing it again changes nothing.
func (p *Presence) Exact(ctx context.Context, online []string, c Conflict) (moved map[string]string, err error) {
	const doing = "settle presence"
	l, err := p.redis.Up()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.BulkTimeout)
	defer cancel()
	members := l.Keys.Members(p.instance)
	stored, err := l.Client.Do(ctx, l.Client.B().Zrange().Key(members).Min("0").Max("-1").Build()).AsStrSlice()
	if err != nil {
		return nil, p.redis.Failure(doing, err)
	}
	keys := []string{l.Keys.Owners, members, l.Keys.Counter}
	for batch := range slices.Chunk(without(stored, online), presenceBatch) {
		if err := p.scripts.leave.Exec(ctx, l.Client, keys, p.leaveArgs(batch)).Error(); err != nil {
			return nil, p.redis.Failure(doing, err)
		}
	}
	if moved, err = p.joinAll(ctx, l, without(online, stored), c); err != nil {
		return nil, p.redis.Failure(doing, err)
	}
	return moved, nil
}

// joinAll has guests join, and returns those whom Redis had on another instance.
func (p *Presence) joinAll(ctx context.Context, l *redis.Link, ids []string, c Conflict) (moved map[string]string, err error) {
	args := []string{p.instance, l.Keys.MembersOf}
	if c == LeaveThere {
		args = append(args, "stay")
	}
	moved = make(map[string]string)
	for batch := range slices.Chunk(ids, presenceBatch) {
		calls := make([]rueidis.LuaExec, len(batch))
		for i, id := range batch {
			calls[i] = rueidis.LuaExec{Keys: p.joinKeys(l), Args: append([]string{id}, args...)}
		}
		for i, result := range p.scripts.join.ExecMulti(ctx, l.Client, calls...) {
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

// Rejoin records anew where these guests are, but for those who are elsewhere.
func (p *Presence) Rejoin(ctx context.Context, ids []string) error {
	const doing = "record presence anew"
	l, err := p.redis.Up()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.BulkTimeout)
	defer cancel()
	if _, err := p.joinAll(ctx, l, ids, LeaveThere); err != nil {
		return p.redis.Failure(doing, err)
	}
	return nil
}

// Here counts the guests whom Redis has on this instance.
func (p *Presence) Here(ctx context.Context) (int64, error) {
	const doing = "count guests here"
	l, err := p.redis.Up()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	n, err := l.Client.Do(ctx, l.Client.B().Zcard().Key(l.Keys.Members(p.instance)).Build()).AsInt64()
	if err != nil {
		return 0, p.redis.Failure(doing, err)
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
