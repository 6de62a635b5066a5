package verify

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Replay replays the calls of several processes to one Verifier, in the order of time,
// which all processes count from the same moment, on one machine.
//
// A call is replayed once every process has sent all of its calls until then. A cause is
// recorded before its effect arrives anywhere, so no effect is judged before its cause,
// however late a process sends it.
type Replay struct {
	verifier  *Verifier
	processes []feed
	waiting   []call
}

// feed is one process.
type feed struct {
	until     time.Duration // all calls until then are here
	witnesses map[uint64]*Witness
}

// call is one call of a witness's method.
type call struct {
	method    method
	witness   *Witness
	at, stamp time.Duration
	n         int
	a, b      []byte
}

// NewReplay returns a replay to v of so many processes.
func NewReplay(v *Verifier, processes int) *Replay {
	r := &Replay{verifier: v, processes: make([]feed, processes)}
	for i := range r.processes {
		r.processes[i].witnesses = map[uint64]*Witness{}
	}
	return r
}

// Add adds the calls of a process's Tap, and keeps them. until is a time that was taken
// before them.
func (r *Replay) Add(process int, calls []byte, until time.Duration) error {
	f := &r.processes[process]
	for len(calls) > 0 {
		c, rest, err := f.read(calls, r.verifier)
		if err != nil {
			return fmt.Errorf("replay process %d: %w", process+1, err)
		}
		if calls = rest; c.method != callBorn {
			r.waiting = append(r.waiting, c)
		}
	}
	f.until = max(f.until, until)
	r.play()
	return nil
}

// End reports that a process has no more calls.
func (r *Replay) End(process int) {
	r.processes[process].until = math.MaxInt64
	r.play()
}

// play replays what can be.
func (r *Replay) play() {
	until := time.Duration(math.MaxInt64)
	for i := range r.processes {
		until = min(until, r.processes[i].until)
	}
	slices.SortStableFunc(r.waiting, func(a, b call) int { return cmp.Compare(a.stamp, b.stamp) })
	n := 0
	for n < len(r.waiting) && r.waiting[n].stamp <= until {
		r.waiting[n].replay()
		n++
	}
	r.waiting = slices.Delete(r.waiting, 0, n)
}

var errGarbled = errors.New("its calls cannot be read")

// read takes one call off the front.
func (f *feed) read(b []byte, v *Verifier) (c call, rest []byte, err error) {
	s := scanner{rest: b}
	c.method = method(s.byte())
	who := s.uint()
	c.at = time.Duration(s.int())
	c.stamp = c.at + time.Duration(s.uint())
	c.n = int(s.uint())
	c.a, c.b = s.bytes(), s.bytes()
	if c.method == callBorn {
		f.witnesses[who] = v.Witness(c.n)
	}
	if c.witness = f.witnesses[who]; s.bad || c.witness == nil || c.method >= callCount {
		return c, nil, errGarbled
	}
	return c, s.rest, nil
}

func (c call) replay() {
	w := c.witness
	switch c.method {
	case callEstablished:
		w.Established(c.at, string(c.a))
	case callSearching:
		w.Searching(c.at)
	case callCancelling:
		w.Cancelling(c.at)
	case callLeaving:
		w.Leaving(c.at)
	case callDropping:
		w.Dropping(c.at, Drop(c.n))
	case callGone:
		w.Gone(c.at)
	case callLost:
		w.Lost(c.at)
	case callHeard:
		w.Heard(c.at, string(c.a), c.b)
	case callMatched:
		w.Matched(c.at, c.a, c.b)
	case callSent:
		w.Sent(c.at)
	case callReceived:
		w.Received(c.at, c.a, c.b)
	case callAcked:
		w.Acked(c.at, c.a)
	case callDelivered:
		w.Delivered(c.at, c.a)
	case callDeaf:
		w.Deaf()
	case callListening:
		w.Listening(c.at)
	case callWaiting:
		w.Waiting(c.at)
	case callThrough:
		w.Through(c.a)
	case callSeeks:
		w.Seeks(readTraits(c.a), readTraits(c.b), c.n == 1)
	}
}

// scanner reads what Tap.add has appended.
type scanner struct {
	rest []byte
	bad  bool
}

func (s *scanner) take(n int) []byte {
	if n < 0 || n > len(s.rest) {
		s.rest, s.bad = nil, true
		return nil
	}
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	return taken
}

func (s *scanner) byte() byte {
	if b := s.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (s *scanner) uint() uint64 {
	v, n := binary.Uvarint(s.rest)
	s.bad = s.bad || n <= 0
	s.take(n)
	return v
}

func (s *scanner) int() int64 {
	v, n := binary.Varint(s.rest)
	s.bad = s.bad || n <= 0
	s.take(n)
	return v
}

func (s *scanner) bytes() []byte {
	n := s.uint()
	return s.take(int(min(n, math.MaxInt32)))
}
