package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

const (
	// reapBatch guests are cleaned up after at a time.
	reapBatch = 200
	// reapLease keeps others from doing the same work; it need not hold.
	reapLease = 3 * time.Second
)

// reap cleans up after an instance whose lease has lapsed: searchers leave the
// queue, pairs are told and dissolved, documents say offline, the set and the
// counter follow, and last the instance is forgotten. Each step may be repeated,
// and the order is such that whoever dies half-way leaves the rest to be found.
func (p *RedisPresence) reap(ctx context.Context, dead string, events InstanceEvents) error {
	l, err := p.redis.up()
	if err != nil {
		return err
	}
	claimed, err := p.claim(ctx, l, l.keys.reapLease(dead), reapLease)
	if err != nil || !claimed {
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
			break // gone, or back
		}
	}
	delete(p.lapsed, dead)
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	return l.client.Do(ctx, l.client.B().Del().Key(l.keys.reapLease(dead)).Build()).Error()
}

// claim takes a key that others respect for a while.
func (p *RedisPresence) claim(ctx context.Context, l *link, key string, span time.Duration) (bool, error) {
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	cmd := l.client.B().Set().Key(key).Value(p.instance).Nx().PxMilliseconds(span.Milliseconds()).Build()
	err := l.client.Do(ctx, cmd).Error()
	if rueidis.IsRedisNil(err) {
		return false, nil
	}
	if err != nil {
		return false, p.redis.failure("claim "+key, err)
	}
	return true, nil
}

// release takes the dead instance's guests out of the matcher. Partners are told
// first: what is dissolved could not be found again by the next who tries. A
// guest whose socket has moved to another instance keeps queue and pair.
func (p *RedisPresence) release(ctx context.Context, l *link, dead string, events InstanceEvents) error {
	return p.matcher.stranded(ctx, l, dead, func(found []strandedGuest) error {
		// It was late, not dead, if it is back: what it has restored by now stands.
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

// errBack: an instance that was cleaned up after holds its lease again.
var errBack = errors.New("the instance is back")

// returned reports whether an instance holds its lease again.
func (p *RedisPresence) returned(ctx context.Context, l *link, instance string) (bool, error) {
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	replies := l.client.DoMulti(ctx,
		l.client.B().Zscore().Key(l.keys.instances).Member(instance).Build(),
		l.client.B().Time().Build())
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

func (p *RedisPresence) releaseOne(ctx context.Context, dead string, s strandedGuest, events InstanceEvents) error {
	gone := false
	for _, id := range s.sides {
		moved, err := p.livesElsewhere(ctx, id, dead)
		if err != nil {
			return err
		}
		gone = gone || !moved
	}
	if !gone {
		return nil
	}
	if s.pair.ID != "" {
		if err := events.Released(ctx, dead, []guest.Pair{s.pair}); err != nil {
			return err
		}
	}
	_, err := p.matcher.part(ctx, s.id, s.found, "")
	return err
}

func (p *RedisPresence) livesElsewhere(ctx context.Context, id, dead string) (bool, error) {
	sessionID, ok := guest.SessionIDOf(id)
	if !ok {
		return false, nil
	}
	owner, err := p.Where(ctx, sessionID)
	return owner != "" && owner != dead, err
}

// reapSome cleans up after some guests and returns how many are left, -1 where
// the instance has come back.
func (p *RedisPresence) reapSome(ctx context.Context, l *link, dead string) (left int64, err error) {
	ctx, cancel := l.within(ctx, bulkTimeout)
	defer cancel()
	members := l.keys.members(dead)
	ids, err := l.client.Do(ctx, l.client.B().Zrange().Key(members).Min("0").Max(fmt.Sprint(reapBatch-1)).Build()).AsStrSlice()
	if err != nil {
		return 0, err
	}
	if err := p.sayOffline(ctx, l, ids); err != nil {
		return 0, err
	}
	keys := []string{l.keys.instances, l.keys.owners, l.keys.counter, members}
	return p.scripts.reap.Exec(ctx, l.client, keys, append([]string{dead}, ids...)).AsInt64()
}

// sayOffline patches the documents of guests who have lost their socket; that of
// a guest who has a new one by now stays as it is.
func (p *RedisPresence) sayOffline(ctx context.Context, l *link, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	reads := make(rueidis.Commands, len(ids))
	for i, id := range ids {
		reads[i] = l.client.B().Get().Key(sessionKey(id)).Build()
	}
	var scripts []rueidis.LuaExec
	for i, result := range l.client.DoMulti(ctx, reads...) {
		message, err := result.ToMessage()
		if err != nil {
			if answered(err) {
				continue // expired, or not a document
			}
			return err
		}
		g, err := parseStored(message, ids[i])
		if err != nil || !g.IsOnline {
			continue
		}
		scripts = append(scripts, offlineScript(g))
	}
	if len(scripts) == 0 {
		return nil
	}
	for i, result := range p.sessions.scripts.patch.ExecMulti(ctx, l.client, scripts...) {
		p.redis.copies.forget(scripts[i].Keys[0])
		if err := result.Error(); !answered(err) {
			return err
		}
	}
	return nil
}

// offlineScript says in a guest's document that its socket is gone, if it is
// still the same socket.
func offlineScript(g guest.Session) rueidis.LuaExec {
	gone := guest.Patch{Fields: guest.FieldIsOnline | guest.FieldSocketID | guest.FieldIsSearching | guest.FieldInChat | guest.FieldConnectedUser}
	socket := ""
	for _, value := range (guest.Patch{Fields: guest.FieldSocketID, To: g}).Each {
		socket = string(value)
	}
	return rueidis.LuaExec{Keys: []string{sessionKey(g.SessionID)}, Args: patchArgs("socketId", socket, gone)}
}
