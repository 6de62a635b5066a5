// Package verify checks what the guests of a load run saw against the rules of
// the wire contract: who was matched with whom, which message arrived where,
// who was told that somebody left, and what the server counts at the end.
//
// Each guest has a Witness. The guest's goroutine reports to it what the guest does,
// before it does it, and what it receives, after it was read. The events of two guests
// are only partly ordered, so rules about two guests are judged by intervals: the server
// paired them at some instant after both searches were sent and before the first
// user:matched arrived, and so on. Nothing that a legitimate race can explain is a
// violation.
//
// A message costs a few words in the state of its two guests: no map, no allocation, no
// contended lock. Memory is bounded by the number of guests and does not grow with the
// number of messages.
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

// Limits are the times that the rules allow. All of them are extended by the lateness of
// the generator: see Lagged.
type Limits struct {
	Release  time.Duration // until a guest is told that the partner left or closed its socket
	Vanished time.Duration // until a guest is told that the partner's socket fell silent or broke
	Instance time.Duration // until a guest is told that the partner's instance was killed, whether the partner returns or not
	Notice   time.Duration // between the two user:matched of a pair
	Match    time.Duration // until two guests are matched who search and accept each other
	JustLeft time.Duration // after a chat, during which its two guests are not matched again while others wait
}

// Contract returns the limits of the contract: 2 s, 60 s and 10 s. For what the contract
// gives no figure, 5 s for the notice and for a match, which a server that looks for pairs
// every second or two meets, while guests give up only after 10 s by default; and 10 s
// after a chat.
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

// Verifier judges the guests of one process. Safe for concurrent use.
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

// Witness returns a new witness for the guest with this arrival index, counted over all
// processes of the run. Only the guest's goroutine may use it. A guest who takes another
// session is another guest to the server, and needs another witness. Times count from the
// start of the run, which all processes share.
func (v *Verifier) Witness(guest int) *Witness {
	w := &Witness{verifier: v, guest: guest, order: v.born.Add(1)}
	w.tapped(callBorn, 0, guest, nil, nil)
	return w
}

// Lagged reports that the generator was late by d, so that guests may have noticed events
// that much later than they arrived. The largest d counts.
func (v *Verifier) Lagged(d time.Duration) { raise(&v.lag, int64(d)) }

// Lag returns the largest lateness that was reported.
func (v *Verifier) Lag() time.Duration { return time.Duration(v.lag.Load()) }

// raise sets most to n if n is larger.
func raise(most *atomic.Int64, n int64) {
	for {
		old := most.Load()
		if n <= old || most.CompareAndSwap(old, n) {
			return
		}
	}
}

// stretched returns limit plus the lateness of the generator so far.
func (v *Verifier) stretched(limit time.Duration) time.Duration {
	return limit + time.Duration(v.lag.Load())
}

func (v *Verifier) shardOf(hash uint64) *shard { return &v.ids[hash%shards] }

// register adds w by its id. It returns the other guest that has the id already, or nil.
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

// find returns the guest with this id, nil for a stranger: a guest of another process, or
// a person.
func (v *Verifier) find(id []byte) *Witness {
	s := v.shardOf(maphash.Bytes(v.seed, id))
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.byID[string(id)]
}

// Leftovers are the server's counts after the last guest has left, by name, such as
// "connectedSockets": 0. All must be zero. nil: they are unknown, or the server has other
// guests.
type Leftovers map[string]int

// Finish judges open chats and searches and returns the report. Call it once, when all
// guests' goroutines have ended; at is the time of the call.
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

// everybody returns the guests in the order of their arrival, so that reports of the same
// run have the same examples.
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
