package realtime

import (
	"context"
	"slices"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/guest"
)

// A newer socket of a session takes over, also on another instance: the chat
// moves there, and the partner notices nothing.
//
// The new instance tells the old one (remoteReplaced), which records in the
// matcher where the guest is now, gives the chat to the new instance and, where
// the partner is on a third one, tells that (remoteMoved); see moves.go. A guest may
// come and go faster than instances hear of it: so each claim, and what answers it,
// says for which join of the guest it is, and of two sockets the one whose join is
// the later stays.

const (
	// handoverWait is how long a guest waits for its chat; an instance that is gone
	// gives none.
	handoverWait = 500 * time.Millisecond
	// deadAfter is how long an instance that a guest has come from may take to answer.
	deadAfter = 2 * time.Second
)

// takeOver has the guest's socket on another instance closed and takes its chat
// over, if there is one. The caller holds m.turn.
func (n *Node) takeOver(ctx context.Context, m *member, s guest.Session, previous string, at int64) {
	answered := n.claim(m, remoteReplaced, previous, at)
	if c := m.client.Load(); s.ConnectedUser == "" || m.chat.Load() != nil {
		n.work.Go(func() { n.succeed(m, c, previous, answered) })
		return
	}
	n.arrive(ctx, m)
	if m.chat.Load() == nil && !n.overtaken(ctx, m) {
		n.missed(ctx, m, s.ConnectedUser)
	}
}

// arrive returns when the instance that a guest has come from has given the chat,
// or said that there is none. Nothing that the guest does goes before that. The
// caller holds m.turn.
func (n *Node) arrive(ctx context.Context, m *member) {
	m.mu.Lock()
	answered := m.mu.handover
	m.mu.Unlock()
	if answered == nil {
		return
	}
	wait := time.NewTimer(handoverWait)
	defer wait.Stop()
	select {
	case <-answered:
	case <-wait.C:
		m.mu.Lock()
		if m.mu.handover == answered {
			m.mu.handover = nil // once is enough
		}
		m.mu.Unlock()
	case <-ctx.Done():
	}
}

// succeed takes from the matcher what is recorded for the instance that a guest
// has come from, where that one is gone: nobody else would, as the guest lives.
func (n *Node) succeed(m *member, c *Client, previous string, answered <-chan struct{}) {
	wait := time.NewTimer(deadAfter)
	defer wait.Stop()
	select {
	case <-answered:
		return
	case <-wait.C:
	case <-n.ctx.Done():
		return
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.client.Load() != c || m.chat.Load() != nil || n.overtaken(n.ctx, m) {
		return
	}
	pair, err := n.matcher.LeaveAt(n.ctx, m.id, previous)
	if err != nil {
		n.log.Warn("matcher did not hear of a leave", "guest", m.id, "error", err)
	}
	if pair.ID != "" {
		n.dissolve(pair, m.id, disconnected)
	}
}

// overtaken reports whether the guest has a newer socket on another instance.
func (n *Node) overtaken(ctx context.Context, m *member) bool {
	where, err := n.presence.Where(ctx, m.sessionID)
	return err == nil && where != "" && where != n.instance
}

// replaced gives the guest up to another instance, unless the guest has joined
// this one since. The two may wait for each other, so that is said without the turn.
func (n *Node) replaced(m *member, r remote) {
	if m.joined() > r.at {
		n.noChat(r, side{})
		return
	}
	n.giveUp(m, r)
}

// giveUp closes the guest's socket, and hands its chat over to the instance where
// the newer one is.
func (n *Node) giveUp(m *member, r remote) {
	m.turn.Lock()
	old, newer := m.client.Load(), m.joined() > r.at
	if old == nil || newer {
		m.mu.Lock()
		m.mu.deleted = m.mu.deleted || !newer // the document is another's to write
		m.mu.Unlock()
		m.turn.Unlock()
		n.noChat(r, side{})
		return
	}
	n.arrive(n.ctx, m)         // what has not come yet goes on
	handed := n.handOver(m, r) // until it has, the old socket hears the partner
	m.vacate()
	if !handed {
		var gone side
		if c := m.chat.Load(); c != nil {
			gone = *c.partner(m.id)
		}
		n.moves.add(moveKey{id: m.id}, r, n.now())
		n.leaveAt(n.ctx, m, disconnected, n.instance)
		n.noChat(r, gone)
	}
	m.mu.Lock()
	m.mu.searching, m.mu.deleted = false, true // the document is another's to write
	m.mu.Unlock()
	m.turn.Unlock()
	old.end(frame.Replaced, api.TextReplaced)
	n.save(m)
}

// noChat tells an instance that claims a guest that it need not wait, and of the
// partner in a chat that has ended instead of moving.
func (n *Node) noChat(claim remote, gone side) {
	n.mustPublish(claim.instance, remote{kind: remoteMoved, to: claim.to, at: claim.at, from: gone.id, name: gone.username})
}

// hearNoChat acts on the word that no chat comes with a guest.
func (n *Node) hearNoChat(m *member, r remote) {
	m.mu.Lock()
	told := r.from != "" && m.expects(r.at) && m.client.Load() != nil && m.chat.Load() == nil
	m.mu.Unlock()
	if told {
		gone := side{id: r.from, username: r.name}
		m.send(func(c *Client, dst []byte) []byte { return appendParted(c, dst, &gone, offline) })
	}
	m.handedOver(r.at)
	n.goOnSearching(m) // whatever the other instance has left
	n.save(m)          // and whatever it has written of the socket before
}

// handOver moves the guest's chat, if any, to where it is claimed. It reports false
// where there is none that can go on. The caller holds m.turn.
func (n *Node) handOver(m *member, claim remote) bool {
	n.settle(m)
	for c := m.chat.Load(); c != nil; {
		if n.handOverOne(m, c, claim) {
			return true
		}
		last := c
		if c = m.chat.Load(); c == last {
			return false
		} // else the partner has moved at this moment
	}
	return false
}

func (n *Node) handOverOne(m *member, c *chat, claim remote) bool {
	m.record("") // a partner who leaves at this moment may have been before us
	// One that it does not know has just been left by the partner: word of it follows.
	if _, err := n.matcher.Move(n.ctx, m.id, c.pair, claim.instance); err != nil {
		return false
	}
	if n.give(m, c, c.asPair().Moved(m.id, claim.instance), claim) {
		return true
	}
	if _, err := n.matcher.Move(n.ctx, m.id, c.pair, n.instance); err != nil { // to be left as it was
		n.log.Warn("matcher did not hear of a move", "guest", m.id, "error", err)
	}
	return false
}

// give gives a chat away, and tells the partner's instance.
func (n *Node) give(m *member, c *chat, pair guest.Pair, claim remote) bool {
	to := claim.instance
	r := remote{kind: remoteMoved, id: c.pair, to: m.id, at: claim.at, instance: n.instance, pair: &pair}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.over || n.publish(to, r) != nil {
		return false
	}
	n.release(c, m) // what its mark has not come back for in time
	n.moves.add(moveKey{c.pair, m.id}, claim, n.now())
	c.mu.over = true
	m.chat.CompareAndSwap(c, nil)
	them := c.partner(m.id)
	switch {
	case them.member != nil:
		next := n.newChat(pair)
		next.restored.Store(true)
		next.mu.waits = c.mu.waits // for what another instance still passes on by this one
		them.member.chat.CompareAndSwap(c, next)
		return true
	case them.instance != to:
		n.mustPublish(them.instance, r)
	}
	n.counts.rooms.Add(-1)
	return true
}

// begin puts a guest who has just come into the chat that came along, for the claim
// that was made for a join of that time.
func (m *member) begin(c *chat, at int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.searching || !m.expects(at) || !m.free(c.pair) {
		return false
	}
	m.chat.Store(c)
	m.mu.recorded = ""
	return true
}

// handedOver notes that a claim has been answered.
func (m *member) handedOver(at int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.claims = slices.DeleteFunc(m.mu.claims, func(claim int64) bool { return claim == at })
	m.answer()
}
