// Package faults injects the faults that a scenario plans and measures their effects, and
// detects that servers lose their Redis where no fault is planned.
package faults

import (
	"context"
	"fmt"
	"sync"
	"time"

	"guestload/loadgen/session"
	"guestload/loadgen/target"
	"guestload/loadgen/verify"
	"guestload/results"
	"guestload/scenarios"
)

const (
	// effectEvery is how often an effect is polled.
	effectEvery = 10 * time.Millisecond
	// effectTime is how long an effect is waited for: longer than any threshold or rule
	// allows.
	effectTime = 20 * time.Second
)

// Injector injects the faults of a scenario into the embedded servers and their Redis.
type Injector struct {
	target   *target.Target
	clock    session.Clock
	verifier *verify.Verifier
	effects  sync.WaitGroup
	injected chan struct{} // closed after the last fault

	faults []results.Fault
	failed []string // faults that could not be injected
}

// NewInjector returns an injector that tells the verifier when Redis is down.
func NewInjector(t *target.Target, clock session.Clock, verifier *verify.Verifier) *Injector {
	return &Injector{target: t, clock: clock, verifier: verifier, injected: make(chan struct{})}
}

// Run injects each fault when it is due, until ctx ends.
func (i *Injector) Run(ctx context.Context, faults []scenarios.Fault) {
	defer close(i.injected)
	i.faults = make([]results.Fault, len(faults))
	for n, f := range faults {
		due := time.NewTimer(f.At - i.clock.Now())
		select {
		case <-due.C:
		case <-ctx.Done():
			due.Stop()
			i.faults = i.faults[:n]
			return
		}
		i.inject(ctx, f, &i.faults[n])
	}
}

// inject injects one fault, and begins to wait for its effect.
func (i *Injector) inject(ctx context.Context, f scenarios.Fault, seen *results.Fault) {
	*seen = results.Fault{Action: string(f.Action), Victim: f.Victim()}
	if f.Instance > 0 {
		i.target.Clients[f.Instance-1].Abandon()
	}
	at := i.clock.Now()
	seen.At = at.Seconds()
	if err := i.target.Fleet().Apply(ctx, f); err != nil {
		i.failed = append(i.failed, fmt.Sprintf("the fault at %v could not be injected: %v", f.At, err))
		return
	}
	switch {
	case f.Instance > 0:
		purged := i.target.Purged()
		i.effects.Go(func() { seen.Ghosts = i.await(ctx, at, purged) })
	case f.Action == scenarios.Kill || f.Action == scenarios.Freeze:
		i.verifier.Severed(at)
		i.effects.Go(func() { seen.Fallback = i.await(ctx, at, i.allStored(target.StoredInFallback)) })
	default:
		at = i.clock.Now() // Redis answers from now on
		i.verifier.Mended(at)
		i.effects.Go(func() { seen.Recovery = i.await(ctx, at, i.allStored(target.StoredInRedis)) })
	}
}

// Settle waits until all faults are injected and each effect was seen or effectTime is over.
func (i *Injector) Settle() {
	<-i.injected
	i.Wait()
}

// Wait waits for the effects of the faults injected so far.
func (i *Injector) Wait() { i.effects.Wait() }

// await returns how many milliseconds after the moment the condition held, nil if it did not
// within effectTime.
func (i *Injector) await(ctx context.Context, since time.Duration, holds func(context.Context) bool) (ms *float64) {
	waiting, cancel := context.WithDeadline(ctx, i.clock.At(since+effectTime))
	defer cancel()
	target.Poll(waiting, effectEvery, func() bool {
		if !holds(ctx) {
			return false
		}
		after := float64(i.clock.Now()-since) / float64(time.Millisecond)
		ms = &after
		return true
	})
	return ms
}

// allStored returns a condition: every remaining instance stores its guests in this way.
func (i *Injector) allStored(how string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		for n, url := range i.target.URLs() {
			if !i.target.Clients[n].Abandoned() && i.target.Stored(ctx, url) != how {
				return false
			}
		}
		return true
	}
}

// Record adds the faults and their effects to a record. The guests of all killed instances
// are counted at the first of the kills.
func (i *Injector) Record(r *results.Record, report verify.Report, cut session.CutOffs) {
	r.Faults = i.faults
	r.Invalid = append(r.Invalid, i.failed...)
	for n := range r.Faults {
		f := &r.Faults[n]
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
