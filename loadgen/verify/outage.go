package verify

import (
	"sync"
	"time"
)

// outages are times when the backend's instances could not tell each other
// anything, since what is between them was away. What one of them has to tell the
// guest of another takes that much longer, and no limit can hold it against them;
// guests of one instance notice nothing.
type outages struct {
	mu struct {
		sync.Mutex
		spans  []span
		shaken time.Duration // until then, guests of an instance that was lost may still be matched
	}
}

// span is a time; forever until it is over.
type span struct{ from, until time.Duration }

// Severed says that from now on the instances cannot tell each other anything.
func (v *Verifier) Severed(at time.Duration) {
	o := &v.outages
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.mu.spans); n == 0 || o.mu.spans[n-1].until != forever {
		o.mu.spans = append(o.mu.spans, span{at, forever})
	}
}

// Mended says that from now on they can.
func (v *Verifier) Mended(at time.Duration) {
	o := &v.outages
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.mu.spans); n > 0 {
		o.mu.spans[n-1].until = min(o.mu.spans[n-1].until, at)
	}
}

// within returns how much of a time the instances could not use.
func (o *outages) within(from, until time.Duration) (lost time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.mu.spans {
		lost += max(0, min(until, s.until)-max(from, s.from))
	}
	return lost
}

// shake says that an instance was lost, which the others know by then.
func (o *outages) shake(until time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.shaken = max(o.mu.shaken, until)
}

// calm returns since when, at from or later, nothing has kept the instances from
// matching guests: until itself where something still does.
func (o *outages) calm(from, until time.Duration) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.mu.spans {
		if s.from < until {
			from = max(from, s.until)
		}
	}
	return max(from, min(o.mu.shaken, until))
}

// Through says which of the backend's instances the guest's socket is to, "" for
// one that the server does not name.
func (w *Witness) Through(instance []byte) {
	w.tapped(callThrough, w.stamp, 0, instance, nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.instance = string(instance)
}

// waited is how long two guests had for one of them to be told of the other. Both
// locks are held.
func (v *Verifier) waited(a, b *Witness, since, until time.Duration) time.Duration {
	waited := until - since
	if a.mu.instance != "" && b.mu.instance != "" && a.mu.instance != b.mu.instance {
		waited -= v.outages.within(since, until)
	}
	return waited
}
