// Package limit counts who asks for how much. It is pure: the time is an
// argument, and nothing runs in the background. All memory is bounded.
package limit

import (
	"sync"
	"time"
)

// Rule allows Max takings in any one window of length Per. The zero Rule
// allows everything.
type Rule struct {
	Max int
	Per time.Duration
}

// Unlimited reports whether the rule allows everything.
func (r Rule) Unlimited() bool { return r.Max <= 0 || r.Per <= 0 }

// Result is the answer to one taking.
type Result struct {
	Allowed   bool
	Remaining int           // takings left in this window
	Reset     time.Duration // until the window ends
}

// expiriesPerTake bounds the work that one taking does for others: ended
// windows go away faster than new ones come, without a pause for a crowd.
const expiriesPerTake = 4

// Windows counts takings by key in fixed windows that begin with a key's first
// taking. It keeps at most capacity keys: when more ask at once, the window
// that would end first is forgotten. Safe for concurrent use.
type Windows[K comparable] struct {
	rule     Rule
	capacity int

	mu struct {
		sync.Mutex
		byKey map[K]window
		queue fifo[K] // in the order in which windows end, since all are of one length
	}
}

type window struct {
	ends  int64 // Unix nanoseconds
	taken int
}

// NewWindows returns counters of rule for at most capacity keys at a time.
func NewWindows[K comparable](rule Rule, capacity int) *Windows[K] {
	w := &Windows[K]{rule: rule, capacity: max(capacity, 1)}
	w.mu.byKey = make(map[K]window)
	return w
}

// Rule returns what the windows were made with.
func (w *Windows[K]) Rule() Rule { return w.rule }

// Take counts one for key at now and says whether the rule allows it. What is
// refused does not lengthen the window.
func (w *Windows[K]) Take(key K, now time.Time) Result {
	if w.rule.Unlimited() {
		return Result{Allowed: true}
	}
	at := now.UnixNano()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(at)
	win, found := w.mu.byKey[key]
	if !found || win.ends <= at {
		if !found && len(w.mu.byKey) >= w.capacity {
			w.evict()
		}
		win = window{ends: at + int64(w.rule.Per)}
		w.mu.queue.push(ending[K]{key, win.ends})
	}
	allowed := win.taken < w.rule.Max
	if allowed {
		win.taken++
		w.mu.byKey[key] = win
	}
	return Result{
		Allowed:   allowed,
		Remaining: w.rule.Max - win.taken,
		Reset:     time.Duration(win.ends - at),
	}
}

func (w *Windows[K]) expire(at int64) {
	for range expiriesPerTake {
		oldest, ok := w.mu.queue.front()
		if !ok || oldest.ends > at {
			return
		}
		w.drop(oldest)
	}
}

func (w *Windows[K]) evict() {
	for {
		oldest, ok := w.mu.queue.front()
		if !ok || w.drop(oldest) {
			return
		}
	}
}

// drop takes the front off the queue, and its window too, unless the key has
// begun another one since.
func (w *Windows[K]) drop(oldest ending[K]) bool {
	w.mu.queue.pop()
	if w.mu.byKey[oldest.key].ends != oldest.ends {
		return false
	}
	delete(w.mu.byKey, oldest.key)
	return true
}
