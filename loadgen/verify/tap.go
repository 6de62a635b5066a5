package verify

import (
	"encoding/binary"
	"sync"
	"time"
)

// method identifies a method of Witness.
type method byte

const (
	callBorn method = iota
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

// Tap records the calls to the witnesses of one process, so that another process can judge
// its guests together with those of other processes: see Replay. Safe for concurrent use.
type Tap struct {
	mu struct {
		sync.Mutex
		calls []byte
	}
}

// NewTapped returns a Verifier that also records all calls in t.
func NewTapped(limits Limits, t *Tap) *Verifier {
	v := New(limits)
	v.tap = t
	return v
}

// Take returns the calls since the last Take, nil for none. A time taken before Take is
// one until which all calls are included.
func (t *Tap) Take() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.mu.calls
	t.mu.calls = nil
	return calls
}

// add appends one call: its method, its witness, its time, how much later its stamp is,
// and its arguments.
func (t *Tap) add(d method, w *Witness, at time.Duration, n int, a, b []byte) {
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

// tapped records a call if there is a tap. The stamps of one guest never decrease, whatever
// its times are: they keep its calls in order.
func (w *Witness) tapped(d method, at time.Duration, n int, a, b []byte) {
	if t := w.verifier.tap; t != nil {
		w.stamp = max(w.stamp, at)
		t.add(d, w, at, n, a, b)
	}
}
