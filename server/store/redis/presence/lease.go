package presence

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redis/sessions"
)

// Leases. Partners of a dead instance's guests are to be told within 10 s. Its
// last beat was at most now, so its lease ends within Lease; the next beat of
// any other sees that within beatEvery, sees it lapsed for reapGrace more, which
// the beat's grid rounds up by beatEvery, and then cleans up: 7 s and the
// cleaning, which leaves 3 s for a busy machine.
//
// A living instance misses its lease when three beats in a row are late or lost;
// while it is, others take its guests for gone only after reapGrace more. When it
// beats again it is told that the lease had lapsed, and does anew what others may
// have undone (Events.Lost).
const (
	beatEvery = time.Second
	// Lease is how long an instance may be silent.
	Lease = 4 * time.Second
	// reapGrace is how long others must see a lease as lapsed before they act on
	// it: when Redis itself was away, all leases have lapsed on its return, and
	// the living renew theirs within a beat.
	reapGrace = 1500 * time.Millisecond
)

// Events are what an instance must do about its own lease and others'.
type Events struct {
	// Lost is called when this instance's lease had lapsed, or Redis had lost it,
	// and has now been taken anew: others may have cleaned up after it, so every
	// guest with a socket here must join again, and what they do be stored again.
	Lost func()
	// Released is called with pairs in which one guest or both had a socket on an
	// instance that is dead, before these are dissolved: the partners who live
	// elsewhere are to be told. It may be called again with the same pair. On an
	// error the cleaning stops, and is tried again.
	Released func(ctx context.Context, dead string, pairs []guest.Pair) error
	// Failed is called with what went wrong in the background, but not while
	// Redis is down. It may be nil.
	Failed func(error)
	// Beaten is called after each beat with what Redis says. It may be nil.
	Beaten func(Beat)
}

// Beat is what Redis says when an instance renews its lease.
type Beat struct {
	Held    bool     // the lease had held until now
	Here    int64    // guests on this instance
	Sockets int64    // guests on all instances
	Owners  int64    // guests of whom it is recorded where they are
	Deleted []string // sessions that were deleted since the last beat, and some before
	More    bool     // so many were deleted that the next beat should come at once

	lapsed []string // instances whose lease has lapsed
}

// beatDeleted is how many deleted sessions a beat brings at most. It is more than are
// deleted in one script, whose tombstones are all of the same instant.
const beatDeleted = 10 * sessions.Batch

// Run renews this instance's lease, cleans up after instances whose lease has
// lapsed, and sweeps the sessions now and then, until ctx ends. Call Beat once
// before guests are let in.
func (p *Presence) Run(ctx context.Context, events Events) {
	if events.Failed == nil {
		events.Failed = func(error) {}
	}
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		p.sweepNowAndThen(ctx, events)
	}()
	defer func() { <-swept }()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			p.tend(ctx, now, events)
		}
	}
}

// tend is one beat and what follows from it.
func (p *Presence) tend(ctx context.Context, now time.Time, events Events) {
	b, err := p.Beat(ctx)
	if err != nil {
		clear(p.lapsed) // what was seen before an outage says nothing after it
		p.report(ctx, events, err)
		return
	}
	if events.Beaten != nil {
		events.Beaten(b)
	}
	if !b.Held {
		clear(p.lapsed)
		events.Lost()
	}
	for _, dead := range p.ripe(now, b.lapsed) {
		if err := p.reap(ctx, dead, events); err != nil {
			p.report(ctx, events, err)
		}
	}
}

// report tells of a failure that is not simply Redis being down or us ending.
func (p *Presence) report(ctx context.Context, events Events, err error) {
	if _, down := p.redis.Up(); down == nil && ctx.Err() == nil {
		events.Failed(err)
	}
}

// Beat takes or renews this instance's lease, which is not held the first time.
func (p *Presence) Beat(ctx context.Context) (Beat, error) {
	const doing = "renew lease"
	l, err := p.redis.Up()
	if err != nil {
		return Beat{}, err
	}
	ctx, cancel := l.Within(ctx, redis.ReplyTimeout)
	defer cancel()
	from := p.read.Load()
	keys := []string{l.Keys.Instances, l.Keys.Counter, l.Keys.Tombstones, l.Keys.Owners}
	args := []string{p.instance, strconv.FormatInt(Lease.Milliseconds(), 10), l.Keys.MembersOf,
		strconv.FormatInt(from, 10), strconv.Itoa(beatDeleted), p.sessions.TombstoneLife()}
	reply, err := p.scripts.beat.Exec(ctx, l.Client, keys, args).ToArray()
	if err != nil {
		return Beat{}, p.redis.Failure(doing, err)
	}
	b, next, err := readBeat(reply)
	if err != nil {
		return Beat{}, p.redis.Failure(doing, err)
	}
	p.read.CompareAndSwap(from, next)
	return b, nil
}

// readBeat reads the answer of beat.lua; next is from when on tombstones are to be
// read.
func readBeat(reply []rueidis.RedisMessage) (b Beat, next int64, err error) {
	if len(reply) != 7 {
		return Beat{}, 0, fmt.Errorf("an answer of %d values instead of 7", len(reply))
	}
	var held int64
	for i, to := range []*int64{&held, &b.Here, &b.Sockets, &b.Owners, &next} {
		if *to, err = reply[i].AsInt64(); err != nil {
			return Beat{}, 0, err
		}
	}
	if b.lapsed, err = reply[5].AsStrSlice(); err != nil {
		return Beat{}, 0, err
	}
	if b.Deleted, err = reply[6].AsStrSlice(); err != nil {
		return Beat{}, 0, err
	}
	b.Held, b.More = held == 1, len(b.Deleted) == beatDeleted
	return b, next, nil
}

// Reread has the next beat bring all tombstones: another Redis has a clock of its own.
func (p *Presence) Reread() { p.read.Store(0) }

// ripe returns those of the lapsed instances that have been so for reapGrace.
func (p *Presence) ripe(now time.Time, lapsed []string) []string {
	still := make(map[string]time.Time, len(lapsed))
	var ripe []string
	for _, name := range lapsed {
		since, seen := p.lapsed[name]
		if !seen {
			since = now
		}
		still[name] = since
		if now.Sub(since) >= reapGrace {
			ripe = append(ripe, name)
		}
	}
	p.lapsed = still
	return ripe
}
