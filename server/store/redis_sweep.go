package store

import (
	"context"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// One instance at a time looks at the keys of the whole database, for a minute. It
// lists them every listEvery, at most 20,000 a second, and reads the documents that it
// has not read in this minute: up to 4 % of Redis's time while it reads all of them,
// and 1 % afterwards. So a key of another program counts as a session for listEvery and
// the time that the listing takes, which is 5 s in all with 60,000 keys.
const (
	sweepPeriod = time.Minute
	listEvery   = 2 * time.Second
	sweepPause  = 25 * time.Millisecond
	sweepCount  = 500 // a SCAN; dearer below 100, blocking others above 1,000
	// ghostAge is how long ago a guest was last seen who is called a ghost: a
	// guest who is just connecting may be online in one place and not the other.
	ghostAge = 30 * time.Second
)

// sweeper is what the instance knows that sweeps.
type sweeper struct {
	*RedisPresence
	seed  maphash.Seed
	until time.Time           // when its turn ends
	ours  map[uint64]struct{} // hashes of the ids that were sessions' in this turn
}

func newSweeper(p *RedisPresence) *sweeper {
	return &sweeper{RedisPresence: p, seed: maphash.MakeSeed()}
}

// sweepNowAndThen sweeps in turn with other instances until ctx ends.
func (p *RedisPresence) sweepNowAndThen(ctx context.Context, events InstanceEvents) {
	tick := time.NewTicker(listEvery)
	defer tick.Stop()
	for s := newSweeper(p); ; {
		if err := s.sweepInTurn(ctx); err != nil {
			p.report(ctx, events, fmt.Errorf("sweep sessions: %w", err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweepInTurn sweeps if it is this instance's turn, or nobody's.
func (s *sweeper) sweepInTurn(ctx context.Context) error {
	l, err := s.redis.up()
	if err != nil {
		return nil // in its own time
	}
	if now := time.Now(); !now.Before(s.until) {
		s.ours = nil
		claimed, err := s.claim(ctx, l, l.keys.sweepLease, sweepPeriod)
		if err != nil || !claimed {
			return err
		}
		s.until, s.ours = now.Add(sweepPeriod), make(map[uint64]struct{})
	}
	return s.sweep(ctx, l)
}

// sweep counts the keys of other programs, which Stats is not to take for sessions,
// and says offline what no instance knows to be online.
func (s *sweeper) sweep(ctx context.Context, l *link) error {
	var foreign int64
	for _, node := range l.masters() {
		n, err := s.sweepNode(ctx, l, node)
		if err != nil {
			return err
		}
		foreign += n
	}
	ctx, cancel := l.within(ctx, replyTimeout)
	defer cancel()
	return l.client.Do(ctx, l.client.B().Set().Key(l.keys.foreign).Value(strconv.FormatInt(foreign, 10)).Build()).Error()
}

func (s *sweeper) sweepNode(ctx context.Context, l *link, node rueidis.Client) (foreign int64, err error) {
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
		var fresh []string
		for _, key := range entry.Elements {
			if id, ok := strings.CutPrefix(key, sessionPrefix); ok && guest.ValidSessionID(id) {
				if _, known := s.ours[maphash.String(s.seed, id)]; !known {
					fresh = append(fresh, id)
				}
			} else if !l.keys.has(key) {
				foreign++
			}
		}
		strange, err := s.layGhosts(ctx, l, fresh)
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
func (s *sweeper) layGhosts(ctx context.Context, l *link, ids []string) (foreign int64, err error) {
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
		s.ours[maphash.String(s.seed, ids[i])] = struct{}{}
		if g.IsOnline && s.sessions.now().Sub(g.LastSeen) > ghostAge {
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
	return foreign, s.sayOffline(ctx, l, ghosts)
}
