package realtime

import (
	"sync"
	"time"

	"guestload/server/guest"
)

// A guest who has found a partner on another instance is not told before that
// instance has begun the chat. By what the matcher says alone it cannot be known
// that the partner is still to be had: word of it may come late, or never, where
// the store goes away at that moment, and then the partner has met somebody else.
// So one side decides, which has the partner in its hands; until it has spoken the
// guest is engaged: it goes on searching, and nobody else gets it.

// engagement is a pair of which the other instance has yet to say that it stands.
type engagement struct {
	pair  guest.Pair
	since time.Time
}

// engagedFor is how long an answer is waited for, an outage included. An instance
// that is gone gives none.
const engagedFor = 20 * time.Second

// lateAnswer is one that an outage may have come before: the matcher may have
// forgotten the pair, and have the partner wait.
const lateAnswer = 250 * time.Millisecond

// engaged are the members who may be.
type engaged struct {
	mu      sync.Mutex
	members map[*member]struct{}
}

func (e *engaged) add(m *member) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.members == nil {
		e.members = make(map[*member]struct{})
	}
	e.members[m] = struct{}{}
}

// take returns the members, and forgets them.
func (e *engaged) take() map[*member]struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	members := e.members
	e.members = nil
	return members
}

// engage asks the other instance of a pair to begin its chat. It reports false
// where there can be none.
func (n *Node) engage(m *member, p guest.Pair) bool {
	m.mu.Lock()
	if c := m.chat.Load(); c != nil && c.pair == p.ID || !m.awaits(p.ID) {
		m.mu.Unlock()
		return c != nil && c.pair == p.ID // which has begun already
	}
	e := &engagement{pair: p, since: n.now()}
	m.mu.engaged = e
	m.mu.Unlock()
	if n.ask(m, e) != nil {
		return m.disengage().ID == "" // and the other has found it, too
	}
	n.engaged.add(m)
	return true
}

// ask asks whether the chat that the guest is engaged to begins.
func (n *Node) ask(m *member, e *engagement) error {
	return n.publish(e.pair.Partner(m.id).Instance, remote{kind: remoteMatched, pair: &e.pair})
}

// disengage makes the guest free, and returns the pair that it was engaged to.
func (m *member) disengage() guest.Pair {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.mu.engaged
	if e == nil {
		return guest.Pair{}
	}
	m.mu.engaged = nil
	return e.pair
}

// promised begins the chat that the guest is engaged to, where it is this one: the
// partner is in it.
func (n *Node) promised(m *member, pair string) bool {
	m.mu.Lock()
	e := m.mu.engaged
	m.mu.Unlock()
	if e == nil || e.pair.ID != pair || !n.linkHere(m, e.pair) {
		return false
	}
	if c := m.chat.Load(); n.now().Sub(e.since) >= lateAnswer && c != nil && c.pair == pair {
		n.work.Go(func() { _ = n.restore(n.ctx, m, c) }) // which the next outage does anew
	}
	return true
}

// askAgain asks those who have not answered, and gives up where they never do.
func (n *Node) askAgain() {
	now := n.now()
	for m := range n.engaged.take() {
		m.mu.Lock()
		e := m.mu.engaged
		if e == nil || now.Sub(e.since) < tendEvery {
			m.mu.Unlock()
			if e != nil {
				n.engaged.add(m)
			}
			continue
		}
		m.mu.Unlock()
		if now.Sub(e.since) >= engagedFor {
			n.work.Go(func() { n.jilted(m, e.pair.ID) })
			continue
		}
		n.engaged.add(m)
		if err := n.ask(m, e); err != nil {
			n.log.Debug("other instance not asked", "guest", m.id, "error", err)
		}
	}
}

// jilted has a guest search on who has waited in vain for another instance.
func (n *Node) jilted(m *member, pair string) {
	m.turn.Lock()
	defer m.turn.Unlock()
	m.mu.Lock()
	still := m.mu.engaged != nil && m.mu.engaged.pair.ID == pair
	m.mu.Unlock()
	if !still {
		return
	}
	n.unpair(n.ctx, m, undone, anywhere)
	if m.client.Load() != nil && m.isSearching() {
		_ = n.seek(n.ctx, m) // which tells of an error itself
	}
}
