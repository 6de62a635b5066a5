// Package verify checks what the guests of a load run saw against the rules of
// the wire contract: who was matched with whom, which message arrived where,
// who was told that somebody left, and what the server counts at the end.
//
// Each guest has a Witness, which its one goroutine tells what it does (before
// it does it) and what it hears (after it was read). What two guests see is
// only partly ordered, so a rule that takes two is judged by intervals: the
// server paired two guests at some instant between the sending of either's
// search and the arrival of either's user:matched, and so on. What a legitimate
// race could explain is never a violation.
//
// Everything that a message costs is a few words of its two guests' own state:
// no map, no allocation, no lock that others wait for. Memory is bounded by
// the number of guests and does not grow with what they say.
package verify

import (
	"cmp"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/api"
)

// Limits are the times that the rules allow. A generator that was itself late
// says so with Lagged, and all of them are stretched by that.
type Limits struct {
	Release  time.Duration // until a guest is told that the partner left or closed the socket
	Vanished time.Duration // the same where the socket fell silent, or was ended by the other side
	Instance time.Duration // the same where the server's instance was killed under it, whether the guest comes back or not
	Notice   time.Duration // until the second of a pair is told of a match that the first knows of
	Match    time.Duration // until two guests are matched who search and accept each other
	JustLeft time.Duration // after a chat, in which its two guests are not matched again while others wait
}

// Contract returns the limits of the contract: 2 s, 60 s and 10 s. Where the
// contract names no figure, 5 s for the notice and for a match: a server that looks
// for pairs every second or two keeps that, and guests give up only after 10 s by
// default. A chat has just ended for 10 s.
func Contract() Limits {
	return Limits{Release: 2 * time.Second, Vanished: 60 * time.Second, Instance: 10 * time.Second,
		Notice: 5 * time.Second, Match: 5 * time.Second, JustLeft: 10 * time.Second}
}

// socketIOTimers is how late a Socket.IO server's timers may be.
const socketIOTimers = 10 * time.Second

// Over returns the limits for connections with this framing. A Socket.IO server closes a
// silent socket only when the pingInterval and pingTimeout that it advertises have passed.
func (l Limits) Over(f api.Framing) Limits {
	if f == api.SocketIO {
		l.Vanished = api.PingInterval + api.PingTimeout + socketIOTimers
	}
	return l
}

// Verifier holds the guests of one process together. Safe for concurrent use.
type Verifier struct {
	limits  Limits
	seed    maphash.Seed
	lag     atomic.Int64 // ns
	tally   tally
	outages outages
	queue   queue
	anybody *group        // guests who say nothing of themselves, and want anybody
	tap     *Tap          // nil: nobody else judges
	born    atomic.Uint64 // witnesses so far
	ids     [shards]shard
}

const shards = 64

// shard finds some of the guests by their ids.
type shard struct {
	mu struct {
		sync.RWMutex
		byID map[string]*Witness
	}
}

// New returns a Verifier without guests.
func New(limits Limits) *Verifier {
	v := &Verifier{limits: limits, seed: maphash.MakeSeed()}
	for i := range v.ids {
		v.ids[i].mu.byID = make(map[string]*Witness)
	}
	v.anybody = v.queue.of(Traits{}, Traits{}, false)
	return v
}

// Limits returns the limits that the guests are judged by.
func (v *Verifier) Limits() Limits { return v.limits }

// Witness returns a new witness for the guest with this arrival index, counted
// over all processes of the run. Only the guest's own goroutine may use it. A
// guest who takes another session is somebody else to the server, and takes
// another witness. Times are counted from the run's start, which all processes share.
func (v *Verifier) Witness(guest int) *Witness {
	w := &Witness{verifier: v, guest: guest, order: v.born.Add(1)}
	w.tapped(callBorn, 0, guest, nil, nil)
	return w
}

// Lagged says that the generator itself was late by d, so that a guest may have
// heard of something that much later than it came. The most counts.
func (v *Verifier) Lagged(d time.Duration) { raise(&v.lag, int64(d)) }

// Lag is the most that Lagged was told of.
func (v *Verifier) Lag() time.Duration { return time.Duration(v.lag.Load()) }

// raise makes most at least n.
func raise(most *atomic.Int64, n int64) {
	for {
		old := most.Load()
		if n <= old || most.CompareAndSwap(old, n) {
			return
		}
	}
}

// stretched returns limit plus the generator's own lag so far.
func (v *Verifier) stretched(limit time.Duration) time.Duration {
	return limit + time.Duration(v.lag.Load())
}

func (v *Verifier) shardOf(hash uint64) *shard { return &v.ids[hash%shards] }

// register makes w known by its id, and returns the other guest that already
// goes by it, or nil.
func (v *Verifier) register(w *Witness) *Witness {
	s := v.shardOf(maphash.String(v.seed, w.id))
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.mu.byID[w.id]; other != nil && other != w {
		return other
	}
	s.mu.byID[w.id] = w
	return nil
}

// find returns the guest with this id, nil for a stranger: somebody whom
// another process plays, or a person.
func (v *Verifier) find(id []byte) *Witness {
	s := v.shardOf(maphash.Bytes(v.seed, id))
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.byID[string(id)]
}

// Leftovers are the server's own counts after the last guest has gone, by name,
// such as "connectedSockets": 0. All must be zero. nil: they are not known, or
// the server has other guests too.
type Leftovers map[string]int

// Finish judges what was still open and returns the report. Call it once, when
// every guest's goroutine has ended; at is the time of the call.
func (v *Verifier) Finish(at time.Duration, left Leftovers) Report {
	var messages int64
	for _, w := range v.everybody() {
		v.tally.add(w.finish(at))
		messages += w.mu.messages
	}
	for _, name := range sortedKeys(left) {
		if n := left[name]; n != 0 {
			v.tally.leftover(name, n)
		}
	}
	r := v.tally.report()
	r.Messages = messages
	return r
}

// everybody returns the guests in the order of their arrival, so that two
// reports of the same run tell the same examples.
func (v *Verifier) everybody() []*Witness {
	var all []*Witness
	for i := range v.ids {
		s := &v.ids[i]
		s.mu.RLock()
		for _, w := range s.mu.byID {
			all = append(all, w)
		}
		s.mu.RUnlock()
	}
	slices.SortFunc(all, func(a, b *Witness) int { return cmp.Or(cmp.Compare(a.guest, b.guest), cmp.Compare(a.order, b.order)) })
	return all
}

func sortedKeys(left Leftovers) []string {
	keys := make([]string, 0, len(left))
	for k := range left {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
