package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"guestload/loadgen/session"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/api"
)

const (
	// lookAfter a fault is how often its effect is looked for.
	lookAfter = 10 * time.Millisecond
	// effectTime is how long the effect of a fault is waited for: longer than any
	// threshold or rule allows.
	effectTime = 20 * time.Second
)

// blows deals the faults of a scenario, and sees what comes of them.
type blows struct {
	target *target
	clock  session.Clock
	judge  *verify.Verifier
	effect sync.WaitGroup // those who look
	dealt  chan struct{}  // closed when the last fault was

	faults []results.Fault
	wrong  []string // what could not be done
}

func newBlows(t *target, clock session.Clock, judge *verify.Verifier) *blows {
	return &blows{target: t, clock: clock, judge: judge, dealt: make(chan struct{})}
}

// deal deals each fault when it is due, until ctx ends.
func (b *blows) deal(ctx context.Context, faults []scenarios.Fault) {
	defer close(b.dealt)
	b.faults = make([]results.Fault, len(faults))
	for i, f := range faults {
		due := time.NewTimer(f.At - b.clock.Now())
		select {
		case <-due.C:
		case <-ctx.Done():
			b.faults = b.faults[:i]
			return
		}
		b.strike(ctx, f, &b.faults[i])
	}
}

// strike deals one fault, and leaves somebody to look for its effect.
func (b *blows) strike(ctx context.Context, f scenarios.Fault, seen *results.Fault) {
	*seen = results.Fault{Blow: string(f.Blow), Victim: f.Victim()}
	if f.Instance > 0 {
		b.target.Clients[f.Instance-1].Abandon()
	}
	at := b.clock.Now()
	seen.At = at.Seconds()
	if err := b.target.own.Suffer(ctx, f); err != nil {
		b.wrong = append(b.wrong, fmt.Sprintf("the fault at %v could not be dealt: %v", f.At, err))
		return
	}
	switch {
	case f.Instance > 0:
		b.effect.Go(func() { seen.Ghosts = b.await(ctx, at, b.noGhosts(ctx)) })
	case f.Blow == scenarios.Kill || f.Blow == scenarios.Freeze:
		b.judge.Severed(at)
		b.effect.Go(func() { seen.Fallback = b.await(ctx, at, b.stored(ctx, "fallback")) })
	default:
		at = b.clock.Now() // Redis answers from now on
		b.judge.Mended(at)
		b.effect.Go(func() { seen.Recovery = b.await(ctx, at, b.stored(ctx, string(scenarios.StorageRedis))) })
	}
}

// settle waits until all is dealt and its effect seen, or waited for long enough.
func (b *blows) settle() {
	<-b.dealt
	b.effect.Wait()
}

// await returns how many milliseconds after the moment the condition held, nil
// where it did not in time.
func (b *blows) await(ctx context.Context, since time.Duration, holds func() bool) *float64 {
	again := time.NewTicker(lookAfter)
	defer again.Stop()
	for b.clock.Now()-since < effectTime {
		if holds() {
			ms := float64(b.clock.Now()-since) / float64(time.Millisecond)
			return &ms
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// stored reports whether every instance that is left says that it keeps its
// guests so.
func (b *blows) stored(ctx context.Context, how string) func() bool {
	return func() bool {
		for i, url := range b.target.own.Targets() {
			if b.target.Clients[i].Abandoned() {
				continue
			}
			if state, err := b.target.get(ctx, url, "/health", readStorage); err != nil || state != how {
				return false
			}
		}
		return true
	}
}

// noGhosts reports whether no more guests count as online than there are sockets.
func (b *blows) noGhosts(ctx context.Context) func() bool {
	var token string
	return func() bool {
		if token == "" {
			create := session.Request{Method: "POST", Path: b.target.path("/api/guest")}
			if b.target.Call(ctx, create, func(data api.Value) error {
				token = string(data.Get("token").Text())
				return nil
			}) != nil {
				return false
			}
		}
		left := verify.Leftovers{}
		return b.target.count(ctx, token, left) == nil && left["onlineUsers"] <= left["connectedSockets"]
	}
}

// tell writes down what was seen. What concerns the guests of killed instances
// stands with the first of the kills.
func (b *blows) tell(r *results.Record, report verify.Report, cut session.CutOffs) {
	r.Faults = b.faults
	r.Invalid = append(r.Invalid, b.wrong...)
	for i := range r.Faults {
		f := &r.Faults[i]
		if f.Victim == string(scenarios.StorageRedis) {
			continue
		}
		f.CutOff, f.Returned = cut.Lost, cut.Returned
		if report.Losses > 0 {
			ms := float64(report.Slowest) / float64(time.Millisecond)
			f.Released = &ms
		}
		return
	}
}
