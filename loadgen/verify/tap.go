package verify

import (
	"encoding/binary"
	"sync"
	"time"
)

// deed is which method of a witness was called.
type deed byte

const (
	callBorn deed = iota
	callEstablished
	callSearching
	callCancelling
	callLeaving
	callDropping
	callGone
	callLost
	callHeard
	callMatched
	callSent
	callReceived
	callAcked
	callDelivered
	callDeaf
	callListening
	callWaiting
	callThrough
	callSeeks
	callCount
)

// Tap writes down what the guests of one process tell their witnesses, so that
// another process can judge them together with guests who are played elsewhere: see
// Replay. Safe for concurrent use.
type Tap struct {
	mu struct {
		sync.Mutex
		calls []byte
	}
}

// NewTapped returns a Verifier that also writes down in t all that it is told.
func NewTapped(limits Limits, t *Tap) *Verifier {
	v := New(limits)
	v.tap = t
	return v
}

// Take returns what was written down since it was last called, nil for nothing.
// Whoever notes the time before calling it has all that was told until then.
func (t *Tap) Take() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.mu.calls
	t.mu.calls = nil
	return calls
}

// add appends one call: the deed, whose it is, the time it was told with, how much
// its stamp lies after that, and its arguments.
func (t *Tap) add(d deed, w *Witness, at time.Duration, n int, a, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := append(t.mu.calls, byte(d))
	c = binary.AppendUvarint(c, w.order)
	c = binary.AppendVarint(c, int64(at))
	c = binary.AppendUvarint(c, uint64(w.stamp-at))
	c = binary.AppendUvarint(c, uint64(n))
	c = append(binary.AppendUvarint(c, uint64(len(a))), a...)
	t.mu.calls = append(binary.AppendUvarint(c, uint64(len(b))), b...)
}

// tapped writes a call down where somebody wants it. The stamps of one guest never
// run backwards, whatever times it tells: they keep its calls in order.
func (w *Witness) tapped(d deed, at time.Duration, n int, a, b []byte) {
	if t := w.verifier.tap; t != nil {
		w.stamp = max(w.stamp, at)
		t.add(d, w, at, n, a, b)
	}
}
