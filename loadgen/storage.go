package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"guestload/loadgen/session"
	"guestload/scenarios"
)

// What a backend's /health says of how it keeps its guests.
const (
	storedInRedis    = string(scenarios.StorageRedis)
	storedInFallback = "fallback"   // Redis is away, and the server serves from memory
	storedAgain      = "recovering" // Redis is back, and the server writes back what changed
)

const (
	// storageTime is how long servers of our own may take to use their Redis.
	storageTime = 5 * time.Second
	// storageEvery is how often servers are asked where they keep their guests.
	storageEvery = 250 * time.Millisecond
)

// errWrongStorage: the target does not keep its guests where it should.
var errWrongStorage = errors.New("wrong storage")

// stored returns how an instance keeps its guests, "" where it does not tell.
func (t *target) stored(ctx context.Context, url string) string {
	state, err := t.get(ctx, url, "/health", readStorage)
	if err != nil {
		return ""
	}
	return state
}

// checkStorage notes how the target keeps its guests. A server without the Redis
// that it should use is an error: its numbers are those of another system.
func (t *target) checkStorage(ctx context.Context) error {
	needsRedis := t.own != nil && t.own.UsesRedis()
	for i, url := range t.urls {
		state, asked := t.states[url]
		if !asked {
			state = t.stored(ctx, url)
		}
		for deadline := time.Now().Add(storageTime); needsRedis && state != storedInRedis && time.Now().Before(deadline) && ctx.Err() == nil; {
			time.Sleep(50 * time.Millisecond) // servers of our own: they only just started
			state = t.stored(ctx, url)
		}
		switch {
		case needsRedis && state != storedInRedis:
			return fmt.Errorf("%w: server %d of %d says storage %q instead of %q, so it does not use Redis; its log ends: %s",
				errWrongStorage, i+1, len(t.urls), state, storedInRedis, lastLine(t.own.Servers[i].LastWords()))
		case state == storedInFallback:
			return fmt.Errorf("%w: %s says storage %q in /health, so it has lost its Redis and serves from memory: bring Redis back first",
				errWrongStorage, url, state)
		case i == 0 && state != "":
			t.storage = state
		}
	}
	return nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// storageWatch sees servers lose their Redis during a run that does not plan for
// it. nil watches nothing.
type storageWatch struct {
	target *target
	clock  func() session.Clock // known once the run begins
	mu     struct {
		sync.Mutex
		wrong map[string][]span // by the server's address
	}
}

// span is a stretch of time since the run's start.
type span struct{ from, to time.Duration }

// planned reports whether the scenario itself takes Redis away.
func planned(faults []scenarios.Fault) bool {
	for _, f := range faults {
		if f.Instance == 0 {
			return true
		}
	}
	return false
}

// watch asks every server until ctx ends, and once more then.
func (w *storageWatch) watch(ctx context.Context) {
	if w == nil {
		return
	}
	var all sync.WaitGroup
	for _, url := range w.target.urls {
		all.Go(func() {
			again := time.NewTicker(storageEvery)
			defer again.Stop()
			wrong := false
			for ctx.Err() == nil {
				select {
				case <-again.C:
					wrong = w.look(ctx, url, wrong)
				case <-ctx.Done():
				}
			}
			last, cancel := context.WithTimeout(hurry(ctx), storageEvery)
			defer cancel()
			w.look(last, url, wrong)
		})
	}
	all.Wait()
}

// look asks one server. wrong says that it had lost Redis at the last look, as
// the result does of this one.
func (w *storageWatch) look(ctx context.Context, url string, wrong bool) bool {
	at := w.clock().Now()
	return w.note(url, at, w.target.stored(ctx, url), wrong)
}

// note takes what a server said that was asked at that moment.
func (w *storageWatch) note(url string, at time.Duration, state string, wrong bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	spans := w.mu.wrong[url]
	astray := w.astray(state)
	switch {
	case state == "": // it did not answer: nothing is known
		return wrong
	case wrong:
		spans[len(spans)-1].to = at
	case astray:
		w.mu.wrong[url] = append(spans, span{at, at})
	}
	return astray
}

// astray reports whether a server that says so is without the storage that it began with.
func (w *storageWatch) astray(state string) bool {
	return state == storedInFallback || state == storedAgain || w.target.storage == storedInRedis && state != storedInRedis
}

// reasons says which servers were without their Redis, and in which seconds.
func (w *storageWatch) reasons() (all []string) {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, url := range w.target.urls {
		spans := w.mu.wrong[url]
		if len(spans) == 0 {
			continue
		}
		who := url
		if w.target.own != nil {
			who = fmt.Sprintf("server %d of %d", i+1, len(w.target.urls))
		}
		var seconds []string
		for _, s := range spans {
			seconds = append(seconds, s.seconds())
		}
		all = append(all, fmt.Sprintf("%s lost its Redis and served from memory (storage fallback), %s; the scenario plans no such fault",
			who, strings.Join(seconds, " and ")))
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

// newStorageWatch watches the target of a run, unless the scenario takes Redis
// away itself or another process watches it.
func (p *performance) newStorageWatch(crew bool) *storageWatch {
	if crew || planned(p.scenario.Faults) {
		return nil
	}
	w := &storageWatch{target: p.target, clock: func() session.Clock { return p.plan.Clock }}
	w.mu.wrong = map[string][]span{}
	return w
}
