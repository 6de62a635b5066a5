// Package presence records in Redis which guests have a socket on which instance. It renews
// the instance's lease, cleans up after dead instances, and counts.
package presence

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redis/matcher"
	"guestload/server/store/redis/sessions"
)

// Presence knows which guests have a socket, and where. Each instance has a sorted set of
// its sessions and a lease in the set of instances; a hash maps each guest to an
// instance. They and active_user_count change together in one script, so the counter
// always equals the sum of the sets.
//
// Members of the sets have equal scores, so Redis sorts them by name: a page of the
// online list is a range of names over all instances, and the cursor is the last name.
// Plain sets with SSCAN take 11 µs of Redis for 50 names, the range takes 28, which is a
// fifth of the cost of a page; but SSCAN returns members twice while a set is resized,
// or once for each instance that a guest passes through.
type Presence struct {
	redis    *redis.Client
	scripts  scripts
	instance string
	sessions *sessions.Store
	matcher  *matcher.Matcher

	read         atomic.Int64         // where to continue reading tombstones, Unix µs
	expiredSince map[string]time.Time // used by Run's goroutine: when an expired lease was first seen
}

// New tells presence for one instance, whose name must be new for
// every process. Sessions and matcher are those that a dead instance's guests
// are released in.
func New(r *redis.Client, instance string, sessions *sessions.Store, matcher *matcher.Matcher) *Presence {
	return &Presence{
		redis: r, scripts: newScripts(), instance: instance,
		sessions: sessions, matcher: matcher, expiredSince: make(map[string]time.Time),
	}
}

// Join records that the guest's socket is on this instance. It returns the previous
// instance, "" for none, and the time by Redis's clock in Unix µs; guest.ErrNotFound for a
// deleted session. One script.
func (p *Presence) Join(ctx context.Context, sessionID string) (previous string, at int64, err error) {
	const doing = "join presence"
	if !guest.ValidSessionID(sessionID) {
		return "", 0, fmt.Errorf("%s: %w", doing, guest.ErrNotFound)
	}
	l, err := p.redis.Up()
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	previous, at, err = joined(p.scripts.join.Exec(ctx, l.Client, p.joinKeys(l), []string{sessionID, p.instance, l.Keys.MembersOf}))
	switch {
	case errors.Is(err, guest.ErrNotFound):
		return "", 0, fmt.Errorf("%s: %w", doing, err)
	case err != nil:
		return "", 0, p.redis.Failure(doing, err)
	}
	return previous, at, nil
}

func (p *Presence) joinKeys(l *redis.Link) []string {
	return []string{l.Keys.Owners, l.Keys.Members(p.instance), l.Keys.Counter, l.Keys.Tombstones}
}

// joined reads the reply of join.lua; guest.ErrNotFound for a deleted session.
func joined(result rueidis.RedisResult) (previous string, at int64, err error) {
	answer, err := result.ToArray()
	if err != nil {
		return "", 0, err
	}
	if len(answer) != 2 {
		return "", 0, fmt.Errorf("an answer of %d values instead of 2", len(answer))
	}
	if previous, err = answer[0].ToString(); err != nil {
		return "", 0, err
	}
	if at, err = answer[1].AsInt64(); err == nil && at == 0 {
		err = fmt.Errorf("the session was deleted: %w", guest.ErrNotFound)
	}
	return previous, at, err
}

// Leave removes the guests from this instance, except those who have joined another
// since. One script.
func (p *Presence) Leave(ctx context.Context, sessionIDs ...string) error {
	const doing = "leave presence"
	if len(sessionIDs) == 0 {
		return nil
	}
	l, err := p.redis.Up()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	keys := []string{l.Keys.Owners, l.Keys.Members(p.instance), l.Keys.Counter}
	if err := p.scripts.leave.Exec(ctx, l.Client, keys, p.leaveArgs(sessionIDs)).Error(); err != nil {
		return p.redis.Failure(doing, err)
	}
	return nil
}

// leaveArgs are the script's arguments.
func (p *Presence) leaveArgs(sessionIDs []string) []string {
	return append([]string{p.instance}, sessionIDs...)
}

// Where returns the instance with the guest's socket, "" for none.
func (p *Presence) Where(ctx context.Context, sessionID string) (instance string, err error) {
	const doing = "find guest"
	l, err := p.redis.Up()
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	instance, err = l.Client.Do(ctx, l.Client.B().Hget().Key(l.Keys.Owners).Field(sessionID).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		return "", nil
	}
	if err != nil {
		return "", p.redis.Failure(doing, err)
	}
	return instance, nil
}

// Online returns a page of the guests with a socket on any instance, ordered by session
// id. The cursor is the last id of the previous page. A page omits guests whose document
// is missing or damaged.
func (p *Presence) Online(ctx context.Context, cursor string, limit int) (page []guest.Session, next string, err error) {
	const doing = "list online guests"
	from := "-"
	if cursor != "" {
		if !guest.ValidSessionID(cursor) {
			return nil, "", fmt.Errorf("%s: %w", doing, guest.ErrBadCursor)
		}
		from = "(" + cursor
	}
	if limit < 1 {
		return nil, "", fmt.Errorf("%s: limit is %d, it must be at least 1", doing, limit)
	}
	l, err := p.redis.Up()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	defer l.Urgent()()
	args := []string{from, strconv.Itoa(limit), l.Keys.MembersOf}
	ids, err := p.scripts.online.Exec(ctx, l.Client, []string{l.Keys.Instances}, args).AsStrSlice()
	if err != nil {
		return nil, "", p.redis.Failure(doing, err)
	}
	if len(ids) == limit {
		next = ids[limit-1]
	}
	page, err = p.sessions.Documents(ctx, l, ids)
	if err != nil {
		return nil, "", p.redis.Failure(doing, err)
	}
	return page, next, nil
}

// Stats counts with a fixed number of commands: sets and hashes know their sizes. The
// number of sessions is that of all keys, without the other keys of this program, which
// are counted here, and those of other programs, which the sweep counts.
func (p *Presence) Stats(ctx context.Context) (guest.Stats, error) {
	const doing = "count guests"
	l, err := p.redis.Up()
	if err != nil {
		return guest.Stats{}, fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	n, err := p.counts(ctx, l)
	if err != nil {
		return guest.Stats{}, p.redis.Failure(doing, err)
	}
	return guest.Stats{
		TotalUsers:     max(0, int(n.size-n.keys-n.foreign)),
		OnlineUsers:    int(n.sockets),
		ActiveUsers:    int(n.counted),
		AvailableUsers: int(n.waiting),
		ConnectedUsers: int(n.pairs),
	}, nil
}

// counts are numbers in Redis: keys are those of this program that are not sessions,
// foreign those of other programs, and size all keys.
type counts struct{ sockets, counted, keys, foreign, size, waiting, pairs int64 }

// counts counts atomically on a single node; on a cluster, the parts are on several nodes.
func (p *Presence) counts(ctx context.Context, l *redis.Link) (counts, error) {
	keys := []string{l.Keys.Counter, l.Keys.Instances, l.Keys.Foreign, l.Keys.Owners, l.Keys.SweepLease, l.Keys.Tombstones, l.Keys.Epoch}
	if !l.Cluster {
		keys = append(keys, redis.MatchQueue, redis.MatchWaiting, redis.MatchPairs, redis.MatchSequence)
	}
	n, err := p.scripts.counts.Exec(ctx, l.Client, keys, []string{l.Keys.MembersOf, l.Keys.ReapLeaseOf}).AsIntSlice()
	if err != nil {
		return counts{}, err
	}
	c := counts{sockets: n[0], counted: n[1], keys: n[2], foreign: n[3]}
	if !l.Cluster {
		c.size, c.waiting, c.pairs = n[4], n[5], n[6]/2
		return c, nil
	}
	match, err := p.matcher.Count(ctx, l)
	if err != nil {
		return counts{}, err
	}
	c.keys, c.waiting, c.pairs = c.keys+match.Keys, match.Waiting, match.Pairs
	c.size, err = clusterSize(ctx, l)
	return c, err
}

// clusterSize is the number of keys, over all masters.
func clusterSize(ctx context.Context, l *redis.Link) (int64, error) {
	var mu sync.Mutex
	var total int64
	var errs []error
	var wg sync.WaitGroup
	for _, node := range l.Masters() {
		wg.Go(func() {
			n, err := node.Do(ctx, node.B().Dbsize().Build()).AsInt64()
			mu.Lock()
			defer mu.Unlock()
			total += n
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return total, errors.Join(errs...)
}

// Retire ends the lease of this instance. If guests are left, others clean up at once.
func (p *Presence) Retire(ctx context.Context) error {
	const doing = "retire instance"
	l, err := p.redis.Up()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	keys := []string{l.Keys.Instances, l.Keys.Members(p.instance)}
	if err := p.scripts.retire.Exec(ctx, l.Client, keys, []string{p.instance}).Error(); err != nil {
		return p.redis.Failure(doing, err)
	}
	return nil
}
