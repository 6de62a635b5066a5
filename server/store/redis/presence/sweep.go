package presence

import (
	"context"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
)

// One instance at a time sweeps the keys of the whole database, for a minute. It lists
// them every listEvery, at most 20,000 a second, and reads the documents that it has not
// read in this minute: that takes up to 4 % of Redis's time while it reads all of them,
// and 1 % afterwards. So a key of another program counts as a session for listEvery and
// the time of a listing: 5 s with 60,000 keys.
const (
	sweepPeriod = time.Minute
	listEvery   = 2 * time.Second
	sweepPause  = 25 * time.Millisecond
	sweepCount  = 500 // keys a SCAN; more expensive below 100, blocks others above 1,000
	// staleAge is how long ago a guest must have been seen to be stale: a guest who is
	// just connecting may be online in the document and not yet in the hash.
	staleAge = 30 * time.Second
)

// sweeper is the state of an instance that sweeps.
type sweeper struct {
	*Presence
	seed  maphash.Seed
	until time.Time           // end of its turn
	ours  map[uint64]struct{} // hashes of the ids of sessions that were read in this turn
}

func newSweeper(p *Presence) *sweeper {
	return &sweeper{Presence: p, seed: maphash.MakeSeed()}
}

// sweepNowAndThen sweeps in turn with other instances until ctx ends.
func (p *Presence) sweepNowAndThen(ctx context.Context, events Events) {
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
	l, err := s.redis.Up()
	if err != nil {
		return nil // the watch reports it
	}
	if now := time.Now(); !now.Before(s.until) {
		s.ours = nil
		acquired, err := s.acquire(ctx, l, l.Keys.SweepLease, sweepPeriod)
		if err != nil || !acquired {
			return err
		}
		s.until, s.ours = now.Add(sweepPeriod), make(map[uint64]struct{})
	}
	return s.sweep(ctx, l)
}

// sweep counts the keys of other programs for Stats, and marks stale guests as offline.
func (s *sweeper) sweep(ctx context.Context, l *redis.Link) error {
	var foreign int64
	for _, node := range l.Masters() {
		n, err := s.sweepNode(ctx, l, node)
		if err != nil {
			return err
		}
		foreign += n
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	return l.Client.Do(ctx, l.Client.B().Set().Key(l.Keys.Foreign).Value(strconv.FormatInt(foreign, 10)).Build()).Error()
}

func (s *sweeper) sweepNode(ctx context.Context, l *redis.Link, node rueidis.Client) (foreign int64, err error) {
	tick := time.NewTicker(sweepPause)
	defer tick.Stop()
	cursor := uint64(0)
	for {
		step, cancel := l.Within(ctx, redis.ReplyTimeout)
		entry, err := node.Do(step, node.B().Scan().Cursor(cursor).Count(sweepCount).Build()).AsScanEntry()
		cancel()
		if err != nil {
			return foreign, err
		}
		var fresh []string
		for _, key := range entry.Elements {
			if id, ok := strings.CutPrefix(key, redis.SessionPrefix); ok && guest.ValidSessionID(id) {
				if _, known := s.ours[maphash.String(s.seed, id)]; !known {
					fresh = append(fresh, id)
				}
			} else if !l.Keys.Has(key) {
				foreign++
			}
		}
		strange, err := s.purgeStale(ctx, l, fresh)
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

// purgeStale marks guests as offline who are online only in their document: their instance
// died while Redis had forgotten it. It returns how many of the keys are not sessions.
func (s *sweeper) purgeStale(ctx context.Context, l *redis.Link, ids []string) (foreign int64, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	ctx, cancel := l.Within(ctx, redis.BulkTimeout)
	defer cancel()
	documents, strange, err := s.read(ctx, l, ids)
	if err != nil {
		return 0, err
	}
	foreign = strange
	var suspects []string
	for i, message := range documents {
		if message == nil {
			continue
		}
		g, err := redis.ParseDocument(*message, ids[i])
		if err != nil {
			foreign++
			continue
		}
		s.ours[maphash.String(s.seed, ids[i])] = struct{}{}
		if g.IsOnline && s.sessions.Now().Sub(g.LastSeen) > staleAge {
			suspects = append(suspects, ids[i])
		}
	}
	if len(suspects) == 0 {
		return foreign, nil
	}
	owners, err := l.Client.Do(ctx, l.Client.B().Hmget().Key(l.Keys.Owners).Field(suspects...).Build()).ToArray()
	if err != nil {
		return 0, err
	}
	stale := suspects[:0]
	for i := range owners {
		if owners[i].IsNil() {
			stale = append(stale, suspects[i])
		}
	}
	return foreign, s.sessions.MarkOffline(ctx, l, stale)
}

// read reads documents, nil for each that is missing, and counts keys of another type. One
// MGET asks for all; on a cluster, and for keys without a text, a GET for each.
func (s *sweeper) read(ctx context.Context, l *redis.Link, ids []string) (documents []*rueidis.RedisMessage, foreign int64, err error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = redis.SessionKey(id)
	}
	documents = make([]*rueidis.RedisMessage, len(ids))
	if !l.Cluster {
		texts, err := l.Client.Do(ctx, l.Client.B().Mget().Key(keys...).Build()).ToArray()
		if err != nil {
			return nil, 0, err
		}
		for i := range texts {
			if !texts[i].IsNil() {
				documents[i] = &texts[i]
			}
		}
	}
	var reads rueidis.Commands
	var places []int
	for i, d := range documents {
		if d == nil {
			reads, places = append(reads, l.Client.B().Get().Key(keys[i]).Build()), append(places, i)
		}
	}
	for n, result := range l.Client.DoMulti(ctx, reads...) {
		switch message, err := result.ToMessage(); {
		case err == nil:
			documents[places[n]] = &message
		case !redis.Answered(err):
			return nil, 0, err
		case !rueidis.IsRedisNil(err):
			foreign++
		}
	}
	return documents, foreign, nil
}
