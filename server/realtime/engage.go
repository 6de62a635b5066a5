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
	since time.Time // when the matcher was asked
}

// engagedFor is how long an answer is waited for, an outage included. An instance
// that is gone gives none.
const engagedFor = 20 * time.Second

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
func (n *Node) engage(m *member, p guest.Pair, since time.Time) bool {
	m.mu.Lock()
	if c := m.chat.Load(); c != nil && c.pair == p.ID || !m.awaits(p.ID) {
		m.mu.Unlock()
		return c != nil && c.pair == p.ID // which has begun already
	}
	e := &engagement{pair: p, since: since}
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
	return n.publish(e.pair.Partner(m.id).Instance, remote{kind: remoteMatched, pair: &e.pair, at: e.since.UnixMilli()})
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

// promised begins the chat that the guest is engaged to: the partner is in it.
func (n *Node) promised(m *member, pair string) {
	m.mu.Lock()
	e := m.mu.engaged
	m.mu.Unlock()
	if e != nil && e.pair.ID == pair {
		n.linkHere(m, e.pair)
	}
}

// found begins the chat of a guest whom somebody on another instance has found, at
// a time in Unix ms. It reports false where there can be none. After an outage that
// may be an old story for the matcher, where the guest waits again: then it is
// recorded anew.
func (n *Node) found(m *member, p guest.Pair, at int64) bool {
	m.mu.Lock()
	again := m.mu.waitsSince > at
	m.mu.Unlock()
	if !n.linkHere(m, p) {
		return false
	}
	if c := m.chat.Load(); again && c != nil && c.pair == p.ID {
		c.restored.Store(true)
		n.work.Go(func() { n.rerecord(m, p.ID) })
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
