package memory

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"

	"github.com/tidwall/btree"

	"guestload/server/guest"
	"guestload/server/store/queue"
)

// Matcher matches the guests of one instance. A waiting guest is in several lists, one
// for each subset of its traits; see queue.Choices. A search reads the heads of at most 8
// lists, however many guests wait.
type Matcher struct {
	prefix string // of pair ids: a random name of the process

	mu struct {
		sync.Mutex
		sequence uint64
		pairIDs  uint64
		waiting  map[string]*waiter
		pairs    map[string]guest.Pair // under both ids
		lists    map[list]*btree.Map[uint64, *waiter]
	}
}

// list is the wishes of the guests in it, and the traits under which they are in it.
type list struct{ wants, traits queue.Triple }

// waiter is a waiting guest and its place in the queue.
type waiter struct {
	guest.Searcher
	sequence uint64
}

func newMatcher(instance string) *Matcher {
	m := &Matcher{prefix: instance + "-" + rand.Text()[:8] + "-"}
	m.mu.waiting = make(map[string]*waiter)
	m.mu.pairs = make(map[string]guest.Pair)
	m.mu.lists = make(map[list]*btree.Map[uint64, *waiter])
	return m
}

// Search pairs s with the longest waiting guest such that both accept each other, or
// leaves s waiting.
func (m *Matcher) Search(_ context.Context, s guest.Searcher) (guest.Pair, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.mu.pairs[s.ID]; ok {
		return p, fmt.Errorf("search of %s: %w", s.ID, guest.ErrPaired)
	}
	me := &waiter{Searcher: s}
	if was := m.mu.waiting[s.ID]; was != nil {
		me.sequence = was.sequence
		m.dequeue(was)
	}
	if partner := m.find(s); partner != nil {
		m.dequeue(partner)
		m.mu.pairIDs++
		p := guest.Pair{ID: m.prefix + strconv.FormatUint(m.mu.pairIDs, 36), A: s, B: partner.Searcher}
		m.mu.pairs[p.A.ID], m.mu.pairs[p.B.ID] = p, p
		return p, nil
	}
	if me.sequence == 0 {
		m.mu.sequence++
		me.sequence = m.mu.sequence
	}
	m.enqueue(me)
	return guest.Pair{}, nil
}

// Leave removes the guest from the queue and dissolves the guest's pair, which it
// returns.
func (m *Matcher) Leave(ctx context.Context, id string) (guest.Pair, error) {
	return m.LeaveAt(ctx, id, "")
}

// LeaveAt is Leave if the guest is recorded for the instance, "" for any.
func (m *Matcher) LeaveAt(_ context.Context, id, instance string) (guest.Pair, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.mu.waiting[id]; w != nil && (instance == "" || w.Instance == instance) {
		m.dequeue(w)
	}
	p := m.mu.pairs[id]
	if instance != "" && p.Partner(p.Partner(id).ID).Instance != instance {
		return guest.Pair{}, nil
	}
	delete(m.mu.pairs, p.A.ID)
	delete(m.mu.pairs, p.B.ID)
	return p, nil
}

// find returns the partner for s; a guest to avoid only if nobody else waits. The caller
// holds m.mu.
func (m *Matcher) find(s guest.Searcher) *waiter {
	var best, second *waiter
	for choice := range queue.Choices(traitsOf(s.Traits)) {
		waiters := m.mu.lists[list{wants: choice, traits: wantsOf(s.Wants)}]
		if waiters == nil {
			continue
		}
		waiters.Scan(func(_ uint64, w *waiter) bool {
			if w.ID == s.Avoid || w.Avoid == s.ID {
				second = earlier(second, w)
				return true
			}
			best = earlier(best, w)
			return false
		})
	}
	if best == nil {
		return second
	}
	return best
}

func earlier(a, b *waiter) *waiter {
	if a == nil || b.sequence < a.sequence {
		return b
	}
	return a
}

func (m *Matcher) enqueue(w *waiter) {
	m.mu.waiting[w.ID] = w
	for choice := range queue.Choices(traitsOf(w.Traits)) {
		l := list{wants: wantsOf(w.Wants), traits: choice}
		waiters := m.mu.lists[l]
		if waiters == nil {
			waiters = new(btree.Map[uint64, *waiter])
			m.mu.lists[l] = waiters
		}
		waiters.Set(w.sequence, w)
	}
}

func (m *Matcher) dequeue(w *waiter) {
	delete(m.mu.waiting, w.ID)
	for choice := range queue.Choices(traitsOf(w.Traits)) {
		l := list{wants: wantsOf(w.Wants), traits: choice}
		waiters := m.mu.lists[l]
		if waiters.Delete(w.sequence); waiters.Len() == 0 {
			delete(m.mu.lists, l)
		}
	}
}

// count returns how many guests wait, and how many pairs there are.
func (m *Matcher) count() (waiting, pairs int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.mu.waiting), len(m.mu.pairs) / 2
}

func wantsOf(p guest.Preferences) queue.Triple { return queue.Triple{p.Language, p.Gender, p.Country} }
func traitsOf(t guest.Traits) queue.Triple     { return queue.Triple{t.Language, t.Gender, t.Country} }
