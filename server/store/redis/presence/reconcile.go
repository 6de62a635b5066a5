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

// presenceBatch is how many guests join or leave at once.
const presenceBatch = 200

// Conflict says what happens to a guest with a socket here whom Redis has on another
// instance.
type Conflict bool

const (
	TakeHere   Conflict = false // after an outage: the two instances find out who has the newer socket
	LeaveThere Conflict = true  // the other socket is newer, and this instance is about to learn of it
)

// Reconcile makes the instance's set in Redis equal to online, and adjusts the counter.
// It returns the guests whom Redis had on another instance: session id → instance. It is
// idempotent.
func (p *Presence) Reconcile(ctx context.Context, online []string, c Conflict) (moved map[string]string, err error) {
	const doing = "reconcile presence"
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

// joinAll joins guests, and returns those whom Redis had on another instance.
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
				continue // deleted, which the heartbeat reports
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

// Rejoin records the instance of these guests again, except of those who are elsewhere.
func (p *Presence) Rejoin(ctx context.Context, ids []string) error {
	const doing = "record presence again"
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

// Here counts the guests of this instance in Redis.
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
