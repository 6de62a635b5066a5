package realtime

import (
	"context"
	"errors"
	"fmt"

	"guestload/server/api"
	"guestload/server/guest"
)

// A meeting that ends before it begins, since the other left at that moment, is
// followed by another search, this often.
const searchTries = 8

var errNoMeeting = errors.New("every meeting ended before it began")

// search looks for a partner; a chat is left first. The caller holds m.turn.
func (n *Node) search(ctx context.Context, m *member, wants guest.Preferences) error {
	for m.mu.Lock(); m.chat.Load() != nil || m.mu.engaged != nil; m.mu.Lock() { // one may begin at any moment, of a search before
		m.mu.Unlock()
		n.leave(ctx, m, left)
	}
	if !m.mu.searching {
		m.mu.searching, m.mu.searchedAt = true, n.now()
	}
	m.mu.wants, m.mu.told, m.mu.claims = wants, false, nil
	m.send(func(c *Client, dst []byte) []byte { // before any match is told
		return api.AppendEventFrame(dst, c.framing, api.EventSearching, searchingData)
	})
	m.mu.Unlock()

	err := n.seek(ctx, m)
	n.save(m)
	return err
}

// seek lets a guest who searches meet somebody, and tells the guest where nobody
// is there. The caller holds m.turn.
func (n *Node) seek(ctx context.Context, m *member) error {
	waiting, err := n.meet(ctx, m)
	switch {
	case err != nil:
		m.mu.Lock()
		m.mu.searching = false
		m.mu.Unlock()
		n.log.Warn("search failed", "guest", m.id, "error", err)
		n.matchError(m, textMatchFailed)
	case waiting:
		m.mu.Lock()
		if !m.mu.told {
			m.mu.told = true
			m.send(appendNoUsers)
		}
		m.mu.Unlock()
	}
	return err
}

// meet asks the matcher until the guest is in a chat, or is about to be, or waits.
func (n *Node) meet(ctx context.Context, m *member) (waiting bool, err error) {
	for range searchTries {
		m.mu.Lock()
		if m.mu.engaged != nil {
			m.mu.Unlock()
			return false, nil
		}
		s := m.searcher(n.instance)
		m.mu.recorded = ""
		m.mu.Unlock()
		pair, err := n.matcher.Search(ctx, s)
		if err != nil && !errors.Is(err, guest.ErrPaired) {
			// What became of the search is unknown: leave whatever it led to.
			n.unpair(ctx, m, undone, anywhere)
			return false, fmt.Errorf("search of %s: %w", m.id, err)
		}
		if pair.ID == "" {
			m.record("") // a pair of this moment may have come and gone before
			if m.chat.Load() == nil && !m.isSearching() {
				n.decline(ctx, m) // it has: nobody is to wait for it
				return false, nil
			}
			return true, nil
		}
		if pair.Partner(pair.Partner(m.id).ID).Instance != n.instance {
			// Of a socket elsewhere that this one has replaced: it is left as any chat is.
			n.unpair(ctx, m, left, anywhere)
			continue
		}
		if n.link(m, pair) {
			return false, nil
		}
		n.decline(ctx, m)
		if m.chat.Load() != nil { // of word that came from another instance meanwhile
			return false, nil
		}
	}
	return false, fmt.Errorf("search of %s: %w", m.id, errNoMeeting)
}

// decline takes the guest out of a pair that has not begun here: its other guest
// left at that moment, or the search had led to a chat before. (It was not answered
// where it did, and was done again by another matcher.) That chat stands; the other
// of the pair goes on searching.
func (n *Node) decline(ctx context.Context, m *member) {
	pair := n.withdraw(ctx, m, anywhere)
	m.record("") // the next Resync records the chat
	if pair.ID != "" {
		n.dissolve(pair, m.id, undone)
	}
}

// seekAgain lets a guest who searches do so in the matcher of this moment.
func (n *Node) seekAgain(ctx context.Context, m *member) error {
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.client.Load() == nil || !m.isSearching() {
		return nil
	}
	return n.seek(ctx, m)
}

// goOnSearching has a guest whose pair is over before it was told of search again:
// the matcher took it from the queue for that pair.
func (n *Node) goOnSearching(m *member) {
	if m.isSearching() {
		n.work.Go(func() { _ = n.seekAgain(n.ctx, m) }) // which tells of an error itself
	}
}

// link begins the chat that the matcher decided on, unless it has ended already.
// Where the partner is on another instance, that one begins it.
func (n *Node) link(m *member, p guest.Pair) bool {
	if p.Partner(m.id).Instance != n.instance {
		return n.engage(m, p)
	}
	return n.linkHere(m, p)
}

// linkHere begins the chat for those of the two who are here.
func (n *Node) linkHere(m *member, p guest.Pair) bool {
	c := n.newChat(p)
	them := c.partner(m.id)
	if them.id == m.id || c.self(m.id).member != m || them.instance == n.instance && them.member == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	unlock := lockBoth(m, them.member)
	if was := m.chat.Load(); was != nil && was.pair == p.ID {
		unlock()
		return true
	}
	if !m.awaits(p.ID) || them.member != nil && !them.member.awaits(p.ID) {
		unlock()
		return false
	}
	untold := m.enter(c, n)
	untoldToo := them.member != nil && them.member.enter(c, n)
	unlock()

	n.announce(c, m.id, untold)
	n.save(m)
	if them.member != nil {
		n.announce(c, them.id, untoldToo)
		n.save(them.member)
	}
	n.counts.rooms.Add(1)
	return true
}

// free reports whether the guest can begin the pair. The caller holds m.mu.
func (m *member) free(pair string) bool {
	return m.client.Load() != nil && m.chat.Load() == nil && !m.dissolved(pair)
}

// awaits reports whether the guest searches, and the pair may be what it has led
// to. The caller holds m.mu.
func (m *member) awaits(pair string) bool {
	return m.mu.searching && m.free(pair) && (m.mu.engaged == nil || m.mu.engaged.pair.ID == pair)
}

// enter puts the guest into the chat and reports whether "nobody is here" was
// still to be told: it comes before the match, whoever is quicker. The caller
// holds m.mu.
func (m *member) enter(c *chat, n *Node) (untold bool) {
	m.chat.Store(c)
	m.mu.engaged = nil
	n.onMatch(n.now().Sub(m.mu.searchedAt))
	untold = !m.mu.told && c.sides[1].id == m.id
	m.mu.searching, m.mu.told, m.mu.recorded = false, true, c.pair
	return untold
}

// announce tells one guest whom it has met. The caller holds c.mu.
func (n *Node) announce(c *chat, id string, untold bool) {
	me, them := c.self(id), c.partner(id)
	me.member.send(func(cl *Client, dst []byte) []byte {
		if untold {
			dst = appendNoUsers(cl, dst)
		}
		dst = appendMatched(cl, dst, &them.as, c.room)
		for i := range c.sides {
			dst = appendJoined(cl, dst, c.sides[i].id, c.sides[i].username)
		}
		return dst
	})
}

// leave takes the guest out of the queue and out of its chat; the partner is
// told. It reports whether there was a chat. The caller holds m.turn.
func (n *Node) leave(ctx context.Context, m *member, why parting) bool {
	return n.leaveAt(ctx, m, why, anywhere)
}

// anywhere is no instance: what the matcher records is left whatever instance it
// is recorded for.
const anywhere = ""

// leaveAt is leave of what the matcher records for one instance: for a socket that
// is gone, since there may be a newer one elsewhere, which searches already.
func (n *Node) leaveAt(ctx context.Context, m *member, why parting, instance string) bool {
	m.mu.Lock()
	m.mu.searching = false
	m.mu.Unlock()
	return n.unpair(ctx, m, why, instance)
}

// leaveIdle takes a guest who neither talks nor searches out of the matcher, which
// may still hold something of the past.
func (n *Node) leaveIdle(m *member) {
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.chat.Load() == nil && !m.isSearching() {
		n.leaveAt(n.ctx, m, left, n.instance)
	}
}

// unpair is leaveAt for a guest who may go on searching.
func (n *Node) unpair(ctx context.Context, m *member, why parting, instance string) bool {
	n.settle(m) // what it has said comes before the end
	promised := m.disengage()
	// The matcher first: a partner who is told may search at once.
	pair := n.withdraw(ctx, m, instance)
	n.settle(m) // the partner may have moved meanwhile
	c := m.chat.Load()
	was := c != nil && n.finish(c, m.id, why)
	for next := m.chat.Load(); !was && next != nil && next != c; next = m.chat.Load() {
		c = next // the partner has moved at this moment
		was = n.finish(c, m.id, why)
	}
	if pair.ID != "" && (c == nil || c.pair != pair.ID) {
		n.dissolve(pair, m.id, why)
	}
	if promised.ID != "" && promised.ID != pair.ID { // the matcher has forgotten it, or was not asked
		n.dissolve(promised, m.id, why)
	}
	return was
}

// withdraw takes the guest out of the matcher and returns the pair that it
// dissolved, if any; it asks only where there may be something to take.
func (n *Node) withdraw(ctx context.Context, m *member, instance string) guest.Pair {
	m.mu.Lock()
	recorded := m.mu.recorded
	m.mu.recorded = nothing // before it is so: a store that asks about the guest meanwhile is heard
	m.mu.Unlock()
	if recorded == nothing {
		return guest.Pair{}
	}
	// So is the partner's record: most chats end with both going at once, and one
	// need not ask again.
	var partner *member
	if c := m.chat.Load(); c != nil && c.pair == recorded {
		partner = c.partner(m.id).member
	}
	if partner != nil {
		partner.unrecord(recorded)
	}
	pair, err := n.matcher.LeaveAt(ctx, m.id, instance)
	if err != nil {
		m.record("")
		if partner != nil {
			partner.record("")
		}
		n.log.Warn("matcher did not hear of a leave", "guest", m.id, "error", err)
	}
	if them := n.find(pair.Partner(m.id).ID); them != nil {
		them.unrecord(pair.ID)
	}
	return pair
}

// dissolve ends a pair that was not linked here when it was left, or has been
// only since.
func (n *Node) dissolve(p guest.Pair, leaver string, why parting) {
	c := n.newChat(p)
	me, them := c.self(leaver), c.partner(leaver)
	me.member = n.find(leaver) // wherever the pair was recorded for
	unlock := lockBoth(me.member, them.member)
	var linked *chat
	for _, m := range []*member{me.member, them.member} {
		if m == nil {
			continue
		}
		if ch := m.chat.Load(); ch != nil && ch.pair == p.ID {
			linked = ch
		}
		m.dissolve(p.ID)
	}
	unlock()
	switch {
	case linked != nil:
		n.finish(linked, leaver, why)
	case them.member != nil:
		n.goOnSearching(them.member)
	case them.instance != n.instance:
		n.mustPublish(them.instance, remote{kind: remoteEnd, why: why, id: p.ID, to: them.id, from: leaver, name: me.username})
	}
	if me.instance != n.instance { // where it was linked, if anywhere
		n.mustPublish(me.instance, remote{kind: remoteEnd, why: offline, id: p.ID, to: leaver, from: them.id, name: them.username})
	}
}

// finish ends a chat, once, and tells both. It reports whether it was this call
// that ended it.
func (n *Node) finish(c *chat, leaver string, why parting) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.over {
		return false
	}
	if m := c.self(leaver).member; m != nil {
		n.release(c, m)
	}
	c.mu.over = true
	n.counts.rooms.Add(-1)
	me, them := c.self(leaver), c.partner(leaver)
	// They are told before they are free: who moves at this moment waits for that.
	if them.member != nil {
		them.member.send(func(cl *Client, dst []byte) []byte { return appendParted(cl, dst, me, why) })
	} else {
		n.mustPublish(them.instance, remote{kind: remoteEnd, why: why, id: c.pair, to: them.id, from: me.id, name: me.username})
	}
	if me.member != nil && why == undone {
		me.member.send(func(cl *Client, dst []byte) []byte { return appendParted(cl, dst, them, why) })
	}
	if me.member != nil && why == left {
		me.member.send(func(cl *Client, dst []byte) []byte {
			dst = appendLeft(cl, dst, me.id, me.username)
			return api.AppendEventFrame(dst, cl.framing, api.EventClearConfirmed, clearedData)
		})
	}
	for _, s := range []*side{me, them} {
		if s.member == nil {
			continue
		}
		s.member.mu.Lock()
		s.member.chat.CompareAndSwap(c, nil)
		s.member.mu.avoid = c.partner(s.id).id
		s.member.dissolve(c.pair)
		if them := c.partner(s.id); them.member == nil {
			s.member.mu.farewell = farewell{c.pair, them.instance, n.now()}
		}
		doubtful := s.member.mu.recorded == ""
		s.member.mu.Unlock()
		if doubtful && s == them {
			n.work.Go(func() { n.leaveIdle(s.member) })
		}
		n.save(s.member)
	}
	return true
}
