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

// Partners of a dead instance's guests must be told within 10 s. Its lease expires at most
// Lease after its death; the next heartbeat of another instance sees that within
// beatEvery, waits for reapGrace, rounded up to beatEvery, and cleans up: 7 s and the
// cleanup, which leaves 3 s for a busy machine.
//
// A living instance loses its lease if three heartbeats in a row are late or lost. Others
// clean up after it only after reapGrace. With its next heartbeat it learns that the
// lease had expired, and redoes what others may have undone (Events.Lost).
const (
	beatEvery = time.Second
	// Lease is how long an instance may be silent.
	Lease = 4 * time.Second
	// reapGrace is how long others must see an expired lease before they clean up: when
	// Redis returns from an outage, all leases have expired, and living instances renew
	// theirs with the next heartbeat.
	reapGrace = 1500 * time.Millisecond
)

// Events are callbacks about this instance's lease and those of others.
type Events struct {
	// Lost is called when this instance's lease had expired, or Redis had lost it, and was
	// acquired again: others may have cleaned up after it, so every guest with a socket
	// here must join again, and their state be stored again.
	Lost func()
	// Released is called with pairs that have a guest on a dead instance, before they are
	// dissolved: partners elsewhere must be told. It may be called again with the same
	// pair. An error stops the cleanup, which is retried.
	Released func(ctx context.Context, dead string, pairs []guest.Pair) error
	// Failed is called with errors of background work, but not while Redis is down. It
	// may be nil.
	Failed func(error)
	// Beaten is called after each heartbeat with its result. It may be nil.
	Beaten func(Beat)
}

// Beat is the result of a heartbeat.
type Beat struct {
	Held    bool     // the lease had not expired
	Here    int64    // guests on this instance
	Sockets int64    // guests on all instances
	Owners  int64    // guests with a recorded instance
	Deleted []string // sessions deleted since the last heartbeat, and some earlier ones
	More    bool     // there are more: the next heartbeat should follow at once

	expired []string // instances whose lease has expired
}

// beatDeleted bounds the deleted sessions of a Beat. It is more than one script deletes,
// whose tombstones all have the same time.
const beatDeleted = 10 * sessions.Batch

// Run renews this instance's lease, cleans up after instances whose lease has expired, and
// sweeps the keys, until ctx ends. Call Beat once before guests are admitted.
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
			p.heartbeat(ctx, now, events)
		}
	}
}

// heartbeat renews the lease and acts on the result.
func (p *Presence) heartbeat(ctx context.Context, now time.Time, events Events) {
	b, err := p.Beat(ctx)
	if err != nil {
		clear(p.expiredSince) // observations from before an outage are void
		p.report(ctx, events, err)
		return
	}
	if events.Beaten != nil {
		events.Beaten(b)
	}
	if !b.Held {
		clear(p.expiredSince)
		events.Lost()
	}
	for _, dead := range p.expired(now, b.expired) {
		if err := p.reap(ctx, dead, events); err != nil {
			p.report(ctx, events, err)
		}
	}
}

// report passes on an error unless Redis is down or ctx has ended.
func (p *Presence) report(ctx context.Context, events Events, err error) {
	if _, down := p.redis.Up(); down == nil && ctx.Err() == nil {
		events.Failed(err)
	}
}

// Beat acquires or renews this instance's lease, which is not held the first time.
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

// readBeat reads the reply of beat.lua; next is where to continue reading tombstones.
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
	if b.expired, err = reply[5].AsStrSlice(); err != nil {
		return Beat{}, 0, err
	}
	if b.Deleted, err = reply[6].AsStrSlice(); err != nil {
		return Beat{}, 0, err
	}
	b.Held, b.More = held == 1, len(b.Deleted) == beatDeleted
	return b, next, nil
}

// Reread has the next heartbeat return all tombstones: another Redis has another clock.
func (p *Presence) Reread() { p.read.Store(0) }

// expired returns the instances whose lease expired at least reapGrace ago.
func (p *Presence) expired(now time.Time, names []string) []string {
	still := make(map[string]time.Time, len(names))
	var due []string
	for _, name := range names {
		since, seen := p.expiredSince[name]
		if !seen {
			since = now
		}
		still[name] = since
		if now.Sub(since) >= reapGrace {
			due = append(due, name)
		}
	}
	p.expiredSince = still
	return due
}
