package presence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redis/matcher"
)

const (
	// reapBatch is how many guests are cleaned up after at a time.
	reapBatch = 200
	// reapLease keeps others from doing the same work; correctness does not depend on it.
	reapLease = 3 * time.Second
)

// reap cleans up after an instance whose lease has expired: searchers leave the queue,
// partners are told and pairs dissolved, documents become offline, set and counter
// follow, and last the instance is removed. Each step may be repeated, in an order in
// which another instance can continue if this one dies.
func (p *Presence) reap(ctx context.Context, dead string, events Events) error {
	l, err := p.redis.Up()
	if err != nil {
		return err
	}
	acquired, err := p.acquire(ctx, l, l.Keys.ReapLease(dead), reapLease)
	if err != nil || !acquired {
		return err
	}
	if err := p.release(ctx, l, dead, events); errors.Is(err, errBack) {
		return nil
	} else if err != nil {
		return fmt.Errorf("release partners of instance %s: %w", dead, err)
	}
	for {
		left, err := p.reapSome(ctx, l, dead)
		if err != nil {
			return fmt.Errorf("clean up after instance %s: %w", dead, err)
		}
		if left <= 0 {
			break // done, or the instance is back
		}
	}
	delete(p.expiredSince, dead)
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	return l.Client.Do(ctx, l.Client.B().Del().Key(l.Keys.ReapLease(dead)).Build()).Error()
}

// acquire sets a key that keeps others out for a while.
func (p *Presence) acquire(ctx context.Context, l *redis.Link, key string, span time.Duration) (bool, error) {
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	cmd := l.Client.B().Set().Key(key).Value(p.instance).Nx().PxMilliseconds(span.Milliseconds()).Build()
	err := l.Client.Do(ctx, cmd).Error()
	if rueidis.IsRedisNil(err) {
		return false, nil
	}
	if err != nil {
		return false, p.redis.Failure("acquire "+key, err)
	}
	return true, nil
}

// release removes the dead instance's guests from the matcher. It tells partners first: a
// retry could not find a dissolved pair. A guest whose socket has moved to another
// instance keeps queue and pair.
func (p *Presence) release(ctx context.Context, l *redis.Link, dead string, events Events) error {
	return p.matcher.Stale(ctx, l, dead, func(found []matcher.StaleRecord) error {
		// If it is back, it was late, not dead: what it has restored stays.
		if back, err := p.returned(ctx, l, dead); err != nil {
			return err
		} else if back {
			return errBack
		}
		for _, s := range found {
			if err := p.releaseOne(ctx, dead, s, events); err != nil {
				return err
			}
		}
		return nil
	})
}

// errBack: the instance holds its lease again.
var errBack = errors.New("the instance is back")

// returned reports whether an instance holds its lease again.
func (p *Presence) returned(ctx context.Context, l *redis.Link, instance string) (bool, error) {
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	replies := l.Client.DoMulti(ctx,
		l.Client.B().Zscore().Key(l.Keys.Instances).Member(instance).Build(),
		l.Client.B().Time().Build())
	end, err := replies[0].AsFloat64()
	if rueidis.IsRedisNil(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	clock, err := replies[1].AsIntSlice() // seconds, microseconds
	if err != nil {
		return false, err
	}
	return int64(end) >= clock[0]*1000+clock[1]/1000, nil
}

func (p *Presence) releaseOne(ctx context.Context, dead string, s matcher.StaleRecord, events Events) error {
	gone := false
	for _, id := range s.Sides {
		moved, err := p.livesElsewhere(ctx, id, dead)
		if err != nil {
			return err
		}
		gone = gone || !moved
	}
	if !gone {
		return nil
	}
	if s.Pair.ID != "" {
		if err := events.Released(ctx, dead, []guest.Pair{s.Pair}); err != nil {
			return err
		}
	}
	_, err := p.matcher.LeaveRecord(ctx, s.ID, s.Found, "")
	return err
}

func (p *Presence) livesElsewhere(ctx context.Context, id, dead string) (bool, error) {
	sessionID, ok := guest.SessionIDOf(id)
	if !ok {
		return false, nil
	}
	owner, err := p.Where(ctx, sessionID)
	return owner != "" && owner != dead, err
}

// reapSome cleans up after some guests and returns how many are left, -1 if the instance
// is back.
func (p *Presence) reapSome(ctx context.Context, l *redis.Link, dead string) (left int64, err error) {
	ctx, cancel := l.Within(ctx, redis.BulkTimeout)
	defer cancel()
	members := l.Keys.Members(dead)
	ids, err := l.Client.Do(ctx, l.Client.B().Zrange().Key(members).Min("0").Max(fmt.Sprint(reapBatch-1)).Build()).AsStrSlice()
	if err != nil {
		return 0, err
	}
	if err := p.sessions.MarkOffline(ctx, l, ids); err != nil {
		return 0, err
	}
	keys := []string{l.Keys.Instances, l.Keys.Owners, l.Keys.Counter, members}
	return p.scripts.reap.Exec(ctx, l.Client, keys, append([]string{dead}, ids...)).AsInt64()
}
