package verify

import (
	"sync"
	"time"
)

// outages are times in which the backend's instances could not reach each other. Limits
// between guests of different instances are extended by them; guests of one instance are
// not affected.
type outages struct {
	mu struct {
		sync.Mutex
		spans  []span
		shaken time.Duration // until then, guests of an instance that was lost may still be matched
	}
}

// span is a time; forever until it is over.
type span struct{ from, until time.Duration }

// Severed reports that the instances cannot reach each other from now on.
func (v *Verifier) Severed(at time.Duration) {
	o := &v.outages
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.mu.spans); n == 0 || o.mu.spans[n-1].until != forever {
		o.mu.spans = append(o.mu.spans, span{at, forever})
	}
}

// Mended reports that they can reach each other again.
func (v *Verifier) Mended(at time.Duration) {
	o := &v.outages
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.mu.spans); n > 0 {
		o.mu.spans[n-1].until = min(o.mu.spans[n-1].until, at)
	}
}

// within returns how much of a period was an outage.
func (o *outages) within(from, until time.Duration) (lost time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.mu.spans {
		lost += max(0, min(until, s.until)-max(from, s.from))
	}
	return lost
}

// shake reports that an instance was lost, which the others know by then.
func (o *outages) shake(until time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mu.shaken = max(o.mu.shaken, until)
}

// calm returns since when, at from or later, nothing has kept the instances from matching
// guests; until if something still does.
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

// Through names the instance that the guest's socket is connected to, "" if the server does
// not name it.
func (w *Witness) Through(instance []byte) {
	w.tapped(callThrough, w.stamp, 0, instance, nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.instance = string(instance)
}

// waited is how long the backend had to tell one guest of the other, without outages. Both
// locks are held.
func (v *Verifier) waited(a, b *Witness, since, until time.Duration) time.Duration {
	waited := until - since
	if a.mu.instance != "" && b.mu.instance != "" && a.mu.instance != b.mu.instance {
		waited -= v.outages.within(since, until)
	}
	return waited
}
