package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// The sweep visits every key once a minute, on one instance at a time, at most
// 10,000 keys a second: under 2 % of Redis's time.
const (
	sweepPeriod = time.Minute
	sweepPause  = 50 * time.Millisecond
	sweepCount  = 500 // a SCAN; dearer below 100, blocking others above 1,000
	// ghostAge is how long ago a guest was last seen who is called a ghost: a
	// guest who is just connecting may be online in one place and not the other.
	ghostAge = 30 * time.Second
)

// sweepNowAndThen sweeps at once and then each period, unless another does.
func (p *RedisPresence) sweepNowAndThen(ctx context.Context, events InstanceEvents) {
	tick := time.NewTicker(sweepPeriod / 10)
	defer tick.Stop()
	for {
		if err := p.sweepInTurn(ctx); err != nil {
			p.report(ctx, events, fmt.Errorf("sweep sessions: %w", err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *RedisPresence) sweepInTurn(ctx context.Context) error {
	l, err := p.redis.up()
	if err != nil {
		return nil // in its own time
	}
	claimed, err := p.claim(ctx, l, l.keys.sweepLease, sweepPeriod)
	if err != nil || !claimed {
		return err
	}
	return p.sweep(ctx, l)
}

// sweep counts the keys of other programs, which Stats is not to take for sessions,
// and says offline what no instance knows to be online.
func (p *RedisPresence) sweep(ctx context.Context, l *link) error {
	var foreign int64
	for _, node := range l.masters() {
		n, err := p.sweepNode(ctx, l, node)
		if err != nil {
			return err
		}
		foreign += n
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	return l.client.Do(ctx, l.client.B().Set().Key(l.keys.foreign).Value(strconv.FormatInt(foreign, 10)).Build()).Error()
}

func (p *RedisPresence) sweepNode(ctx context.Context, l *link, node rueidis.Client) (foreign int64, err error) {
	tick := time.NewTicker(sweepPause)
	defer tick.Stop()
	cursor := uint64(0)
	for {
		step, cancel := l.within(ctx, replyTimeout)
		entry, err := node.Do(step, node.B().Scan().Cursor(cursor).Count(sweepCount).Build()).AsScanEntry()
		cancel()
		if err != nil {
			return foreign, err
		}
		ids := make([]string, 0, len(entry.Elements))
		for _, key := range entry.Elements {
			if id, ok := strings.CutPrefix(key, sessionPrefix); ok && guest.ValidSessionID(id) {
				ids = append(ids, id)
			} else if !l.keys.has(key) {
				foreign++
			}
		}
		strange, err := p.layGhosts(ctx, l, ids)
		if err != nil {
			return foreign, err
		}
		foreign += strange
		if cursor = entry.Cursor; cursor == 0 {
			return foreign, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return foreign, ctx.Err()
		}
	}
}

// layGhosts says offline those who are online by their document only: their
// instance died while Redis had forgotten it. It returns how many of the keys hold
// something else than a session.
func (p *RedisPresence) layGhosts(ctx context.Context, l *link, ids []string) (foreign int64, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	ctx, cancel := l.within(ctx, bulkTimeout)
	defer cancel()
	reads := make(rueidis.Commands, len(ids))
	for i, id := range ids {
		reads[i] = l.client.B().Get().Key(sessionKey(id)).Build()
	}
	var suspects []string
	for i, result := range l.client.DoMulti(ctx, reads...) {
		message, err := result.ToMessage()
		if err != nil {
			if rueidis.IsRedisNil(err) { // it has just lapsed
				continue
			}
			if answered(err) { // another type
				foreign++
				continue
			}
			return 0, err
		}
		g, err := parseStored(message, ids[i])
		if err != nil {
			foreign++
			continue
		}
		if g.IsOnline && p.sessions.now().Sub(g.LastSeen) > ghostAge {
			suspects = append(suspects, ids[i])
		}
	}
	if len(suspects) == 0 {
		return foreign, nil
	}
	owners, err := l.client.Do(ctx, l.client.B().Hmget().Key(l.keys.owners).Field(suspects...).Build()).ToArray()
	if err != nil {
		return 0, err
	}
	ghosts := suspects[:0]
	for i := range owners {
		if owners[i].IsNil() {
			ghosts = append(ghosts, suspects[i])
		}
	}
	return foreign, p.sayOffline(ctx, l, ghosts)
}
