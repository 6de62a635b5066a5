package realtime

import (
	"context"
	"sync"
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
// the partner is on a third one, tells that (remoteMoved). What the partner said
// before it knew goes to the old instance, which passes it on. What it says from
// then on waits until the old instance has confirmed that nothing is left to pass
// on (remoteMark, remoteMarked): so nothing overtakes, and nothing is lost.

const (
	// handoverWait is how long a guest waits for its chat; an instance that is gone
	// gives none.
	handoverWait = 500 * time.Millisecond
	// markWait is how long messages wait for those on their way by the old instance.
	markWait = time.Second
	// passOnFor is how long messages for a guest who has moved are passed on.
	passOnFor = 10 * time.Second
	// maxHeld is how many messages of a chat wait.
	maxHeld = 1000
)

// takeOver has the guest's socket on another instance closed and takes its chat
// over, if there is one. The caller holds m.turn.
func (n *Node) takeOver(ctx context.Context, m *member, s guest.Session, previous string) {
	if s.ConnectedUser == "" {
		n.claim(m, previous, 0)
		return
	}
	arrived := make(chan struct{}, 1)
	m.mu.Lock()
	m.mu.handover = arrived
	m.mu.Unlock()
	n.claim(m, previous, 0)
	wait := time.NewTimer(handoverWait)
	defer wait.Stop()
	select {
	case <-arrived:
	case <-wait.C:
	case <-ctx.Done():
	}
	m.mu.Lock()
	m.mu.handover = nil
	m.mu.Unlock()
	if m.chat.Load() == nil {
		n.missed(ctx, m, s.ConnectedUser)
	}
}

// giveUp closes the guest's socket, and hands its chat over to the instance where
// the newer one is.
func (n *Node) giveUp(m *member, to string) {
	m.turn.Lock()
	old := m.client.Load()
	if old == nil { // it has closed, and presence is yet to hear of it
		m.turn.Unlock()
		n.giveNoChat(m.id, to)
		return
	}
	c := m.chat.Load()
	moved := c != nil && n.handOver(m, c, to) // until it has, the old socket hears the partner
	m.client.Store(nil)
	if !moved {
		n.leave(n.ctx, m, disconnected)
		n.giveNoChat(m.id, to)
	}
	m.mu.Lock()
	m.mu.searching, m.mu.deleted = false, true // the document is another's to write
	m.mu.Unlock()
	m.turn.Unlock()
	old.end(frame.Replaced, api.TextReplaced)
	n.save(m)
}

// giveNoChat tells the instance where a guest has gone that no chat comes along.
func (n *Node) giveNoChat(id, to string) { n.mustPublish(to, remote{kind: remoteMoved, to: id}) }

// handOver moves a chat. It reports false where the chat cannot go on.
func (n *Node) handOver(m *member, c *chat, to string) bool {
	pair := guest.Pair{ID: c.pair, A: c.sides[0].as, B: c.sides[1].as}
	for _, s := range []*guest.Searcher{&pair.A, &pair.B} {
		if s.ID == m.id {
			s.Instance = to
		}
	}
	if _, err := n.matcher.Restore(n.ctx, pair); err != nil {
		return false
	}
	moved := remote{kind: remoteMoved, id: c.pair, to: m.id, instance: n.instance, pair: &pair}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.over || n.publish(to, moved) != nil {
		return false
	}
	n.moves.add(moveKey{c.pair, m.id}, to, n.now())
	c.mu.over = true
	m.chat.CompareAndSwap(c, nil)
	them := c.partner(m.id)
	switch {
	case them.member != nil:
		next := n.newChat(pair)
		next.restored.Store(true)
		next.mu.wait = c.mu.wait // for what another instance still passes on by this one
		them.member.chat.CompareAndSwap(c, next)
		return true
	case them.instance != to:
		n.mustPublish(them.instance, moved)
	}
	n.counts.rooms.Add(-1)
	return true
}

// hearMoved acts on a chat that comes here with its guest, or whose partner has
// moved to another instance, or here.
func (n *Node) hearMoved(r remote) {
	if r.id == "" {
		n.handedOver(n.find(r.to))
		return
	}
	n.moves.remove(moveKey{r.id, r.to})
	next := n.newChat(*r.pair)
	next.restored.Store(true)
	me, them := next.self(r.to), next.partner(r.to)
	if me.member != nil {
		defer n.handedOver(me.member)
	}
	if them.member != nil {
		if !n.replaceChat(next, me, them) {
			n.deny(remote{id: r.id, to: them.id, from: me.id, instance: me.instance})
			return
		}
		if n.publish(r.instance, remote{kind: remoteMark, id: r.id, to: me.id, from: them.id, instance: n.instance}) != nil {
			n.flow(them.member, r.id)
		}
		n.work.Go(func() {
			select {
			case <-time.After(markWait):
			case <-n.ctx.Done():
			}
			n.flow(them.member, r.id)
		})
		return
	}
	if me.member == nil || !me.member.begin(next) {
		n.deny(remote{id: r.id, to: me.id, from: them.id, instance: them.instance})
		return
	}
	n.counts.rooms.Add(1)
	n.save(me.member)
}

// replaceChat puts next in the place of the chat that the partner here has, whose
// messages then wait for those that are on their way.
func (n *Node) replaceChat(next *chat, me, them *side) bool {
	old := them.member.chat.Load()
	if old == nil || old.pair != next.pair {
		return false
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	if old.mu.over {
		return false
	}
	next.mu.Lock()
	next.mu.wait = wait{who: them.id, held: old.mu.wait.held}
	next.mu.Unlock()
	if me.member != nil && !me.member.begin(next) {
		return false
	}
	old.mu.over = true
	them.member.chat.Store(next)
	if me.member != nil {
		n.save(me.member)
	}
	n.save(them.member)
	return true
}

// begin puts a guest who has just come into the chat that came along.
func (m *member) begin(c *chat) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.searching || !m.free(c.pair) {
		return false
	}
	m.chat.Store(c)
	m.mu.recorded = ""
	return true
}

func (n *Node) handedOver(m *member) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.handover != nil {
		select {
		case m.mu.handover <- struct{}{}:
		default:
		}
	}
}

// wait is what one guest of a chat says while it may not be sent yet.
type wait struct {
	who  string   // guest id; "" where nothing waits
	held []remote // in order
}

// flow ends the waiting of what a guest says in a pair, and sends what has waited.
func (n *Node) flow(m *member, pair string) {
	c := m.hold()
	if c == nil {
		return
	}
	defer c.mu.Unlock()
	if c.mu.over || c.pair != pair {
		return
	}
	held := c.mu.wait.held
	c.mu.wait = wait{}
	for _, r := range held {
		if them := c.partner(r.from); them.member != nil {
			n.deliver(c, them.member, r)
		} else {
			_ = n.publish(them.instance, r) // as lost as any that an outage meets
		}
	}
}

// passOn gives a message of a pair that a guest here is not in to the instance
// where the guest has gone with it. Only who has looked for the chat here asks: a
// guest may leave at any moment before.
func (n *Node) passOn(r remote) bool {
	switch r.kind {
	case remoteEvent, remoteDelivered, remoteEnd, remoteAsk:
		to := n.moves.where(moveKey{r.id, r.to})
		return to != "" && n.publish(to, r) == nil
	}
	return false
}

// moves are the guests of pairs who have left for another instance, for a while.
type moves struct {
	mu   sync.Mutex
	gone map[moveKey]move
}

type moveKey struct{ pair, id string }

type move struct {
	to    string
	until time.Time
}

func (m *moves) add(key moveKey, to string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone == nil {
		m.gone = make(map[moveKey]move)
	}
	m.gone[key] = move{to, now.Add(passOnFor)}
}

// where returns where the guest of a pair has gone, "" where it has not.
func (m *moves) where(key moveKey) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gone[key].to
}

func (m *moves) remove(key moveKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.gone, key)
}

func (m *moves) sweep(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, mv := range m.gone {
		if now.After(mv.until) {
			delete(m.gone, key)
		}
	}
}
