package faults

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"guestload/loadgen/interrupt"
	"guestload/loadgen/session"
	"guestload/loadgen/target"
	"guestload/scenarios"
)

// storageEvery is how often servers are asked where they store their guests.
const storageEvery = 250 * time.Millisecond

// Storage are servers that tell how they store their guests.
type Storage interface {
	URLs() []string
	// Stored asks a server; "" if it does not tell.
	Stored(ctx context.Context, url string) string
	// Storage is what the servers said before the run.
	Storage() string
	// Instance names the i-th server in reports.
	Instance(i int) string
}

// Outages watches for servers that lose their Redis during a run that plans no such fault.
// nil watches nothing.
type Outages struct {
	target Storage
	clock  session.Clock
	mu     struct {
		sync.Mutex
		spans map[string][]span // by the server's address
	}
}

// span is a stretch of time since the run's start.
type span struct{ from, to time.Duration }

// NewOutages watches a target, unless the scenario itself takes Redis away.
func NewOutages(t Storage, clock session.Clock, planned []scenarios.Fault) *Outages {
	if redisIsPlanned(planned) {
		return nil
	}
	o := &Outages{target: t, clock: clock}
	o.mu.spans = map[string][]span{}
	return o
}

// redisIsPlanned reports whether the faults include those of Redis.
func redisIsPlanned(faults []scenarios.Fault) bool {
	for _, f := range faults {
		if f.Instance == 0 {
			return true
		}
	}
	return false
}

// Watch asks every server until ctx ends, and once more then.
func (o *Outages) Watch(ctx context.Context) {
	if o == nil {
		return
	}
	var all sync.WaitGroup
	for _, url := range o.target.URLs() {
		all.Go(func() {
			out := false
			ask := func(ctx context.Context) {
				at := o.clock.Now()
				out = o.note(url, at, o.target.Stored(ctx, url), out)
			}
			target.Poll(ctx, storageEvery, func() bool { ask(ctx); return false })
			last, cancel := context.WithTimeout(interrupt.Cleanup(ctx), storageEvery)
			defer cancel()
			ask(last)
		})
	}
	all.Wait()
}

// note takes the answer of a server that was asked at that moment. out says that it was
// without Redis at the answer before; so does the result of this one.
func (o *Outages) note(url string, at time.Duration, state string, out bool) bool {
	if state == "" { // no answer: nothing is known
		return out
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	spans := o.mu.spans[url]
	now := o.without(state)
	switch {
	case out:
		spans[len(spans)-1].to = at
	case now:
		o.mu.spans[url] = append(spans, span{at, at})
	}
	return now
}

// without reports whether a server in this state is without the storage that it began with.
func (o *Outages) without(state string) bool {
	return state == target.StoredInFallback || state == target.Recovering || o.target.Storage() == target.StoredInRedis && state != target.StoredInRedis
}

// Reasons says which servers were without their Redis, and in which seconds.
func (o *Outages) Reasons() (all []string) {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, url := range o.target.URLs() {
		spans := o.mu.spans[url]
		if len(spans) == 0 {
			continue
		}
		var seconds []string
		for _, s := range spans {
			seconds = append(seconds, s.seconds())
		}
		all = append(all, fmt.Sprintf("%s lost its Redis and served from memory (storage fallback), %s; the scenario plans no such fault",
			o.target.Instance(i), strings.Join(seconds, " and ")))
	}
	return all
}

// seconds are those of the run that the span touches.
func (s span) seconds() string {
	from, to := int(s.from/time.Second), int(s.to/time.Second)
	if from == to {
		return fmt.Sprintf("in second %d", from)
	}
	return fmt.Sprintf("in seconds %d to %d", from, to)
}
