package realtime

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/guest"
)

// When a guest has moved to another instance, what the partner said before it
// knew goes to the old instance, which passes it on. What it says from then on
// waits until a mark (remoteMark) has gone the same way, as far as the guest has
// gone, and has been answered (remoteMarked): so nothing overtakes, and nothing is
// lost. Both may move at the same moment, and more than once: what finds its guest
// gone is passed on, word of a move too.

const (
	// markWait is how long messages wait for those on their way by an old instance;
	// one that is gone passes nothing on.
	markWait = time.Second
	// passOnFor is how long messages for a guest who has moved are passed on.
	passOnFor = 10 * time.Second
	// maxHops is how often a message is passed on: guests who go back and forth may
	// leave it a way that leads back to where it was.
	maxHops = 16
	// maxHeld is how many messages of a chat wait.
	maxHeld = 1000
)

// hearMoved acts on a chat that comes here with its guest, or whose partner has
// moved to another instance.
func (n *Node) hearMoved(r remote) {
	if r.pair.Partner(r.pair.Partner(r.to).ID).Instance == n.instance {
		n.hearComing(r)
	} else {
		n.hearGone(r)
	}
}

// hearComing acts on a chat that comes here with its guest.
func (n *Node) hearComing(r remote) {
	m := n.find(r.to)
	if m != nil {
		defer m.handedOver(r.at)
	}
	other := r.pair.Partner(r.to)
	over := remote{at: r.at, from: other.ID, name: other.Username}
	if m != nil && m.claims(r.at) { // it may have been away since it was last here
		n.moves.remove(moveKey{r.id, r.to})
	} else if n.moves.where(moveKey{r.id, r.to}) != "" {
		return // told twice: it has come, and gone on
	}
	if m != nil && m.knowsOver(r.id) { // told twice; or the partner has left before it has come
		n.hearNoChat(m, over)
		return
	}
	way := other.Instance // of all that the guest has said
	if them := n.find(other.ID); them != nil && them.in(r.id) {
		if n.follow(them, r.pair.Moved(other.ID, n.instance), r.to, r.at) {
			return
		}
		other.Instance = n.instance
	} else if away := n.passMoved(r, other.ID); away != "" {
		other.Instance = away
	}
	if m != nil {
		if m.in(r.id) { // told twice
			return
		}
		if n.come(r.pair.Moved(other.ID, other.Instance), m, r.at) {
			return
		}
		n.hearNoChat(m, over)
	}
	if on := n.moves.find(moveKey{id: r.to}); on.to != "" { // it has gone on, and is to hear of it
		n.noChat(remote{to: r.to, instance: on.to, at: on.at}, side{id: other.ID, username: other.Username})
	}
	n.deny(remote{id: r.id, to: r.to, from: other.ID, instance: way})
	n.deny(remote{id: r.id, to: other.ID, from: r.to, instance: n.instance})
}

// hearGone acts on the word that the partner of a guest who is here has moved.
func (n *Node) hearGone(r remote) {
	other := r.pair.Partner(r.to)
	if them := n.find(other.ID); them != nil && them.in(r.id) {
		if n.follow(them, r.pair.Moved(other.ID, n.instance), r.to, r.at) {
			return
		}
	} else if n.passMoved(r, other.ID) != "" {
		return
	}
	n.deny(remote{id: r.id, to: r.to, from: other.ID, instance: n.instance})
	n.deny(remote{id: r.id, to: other.ID, from: r.to, instance: n.lastWay(n.find(other.ID), r.id, r.instance)})
}

// lastWay is the instance by which the guest's last words in a pair have gone, so
// that they are before what is said of its end: otherwise where that is not known.
// m may be nil.
func (n *Node) lastWay(m *member, pair, otherwise string) string {
	if m == nil {
		return otherwise
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.mu.farewell; f.pair == pair && n.now().Sub(f.at) < passOnFor {
		return f.instance
	}
	return otherwise
}

// passMoved passes word of a move on to where the partner has gone with the chat,
// and returns where that is, "" where it has not.
func (n *Node) passMoved(r remote, partner string) (away string) {
	if away = n.moves.where(moveKey{r.id, partner}); away == "" || r.hops == maxHops {
		return ""
	}
	r.hops++
	n.mustPublish(away, r)
	return away
}

// come begins the chat that has come here with its guest.
func (n *Node) come(pair guest.Pair, m *member, at int64) bool {
	c := n.newChat(pair)
	c.restored.Store(true)
	c.partner(m.id).member = nil // who has left here already: what it has said still comes, and its end
	if c.self(m.id).member != m || !m.begin(c, at) {
		return false
	}
	n.counts.rooms.Add(1)
	n.save(m)
	return true
}

// in reports whether the guest is in a pair's chat.
func (m *member) in(pair string) bool {
	c := m.hold()
	if c == nil {
		return false
	}
	defer c.mu.Unlock()
	return !c.mu.over && c.pair == pair
}

// follow puts the chat as it is now, after a guest has moved, in the place of that
// which the partner here has, whose messages then wait for those on their way.
func (n *Node) follow(partner *member, pair guest.Pair, mover string, at int64) bool {
	next := n.newChat(pair)
	next.restored.Store(true)
	me, them := next.self(mover), next.self(partner.id)
	old := partner.hold()
	if old == nil {
		return false
	}
	defer old.mu.Unlock()
	if old.mu.over || old.pair != next.pair || them.member != partner {
		return false
	}
	if me.member != nil && me.member.chat.Load() == old {
		return true // told twice
	}
	next.mu.Lock()
	defer next.mu.Unlock()
	next.mu.waits = old.mu.waits
	if me.instance == n.instance && (me.member == nil || !n.meetAgain(me.member, next, old, at)) {
		return false
	}
	old.mu.over = true
	partner.chat.Store(next)
	if me.member != nil {
		n.save(me.member)
	}
	n.save(partner)
	if way := old.self(mover).instance; way != me.instance {
		n.mark(next, partner, way)
	}
	return true
}

// meetAgain puts a guest who has come here into the chat of the partner, who is here,
// in the place of what it has of that chat already, if anything. The caller holds
// the locks of both chats; nobody else ever holds those of two.
func (n *Node) meetAgain(m *member, next, theirs *chat, at int64) bool {
	mine := m.chat.Load()
	if mine == nil || mine.pair != next.pair || mine == theirs {
		return m.begin(next, at)
	}
	mine.mu.Lock()
	defer mine.mu.Unlock()
	if mine.mu.over {
		return false
	}
	mine.mu.over = true
	*next.wait(m.id) = *mine.wait(m.id)
	m.chat.Store(next)
	n.counts.rooms.Add(-1) // there were two here, of one pair
	return true
}

// recordAnew tells the matcher of a chat. The caller holds m.turn.
func (n *Node) recordAnew(m *member, c *chat) {
	c.restored.Store(true)
	_, err := n.matcher.Restore(n.ctx, c.asPair())
	if err == nil && m.chat.Load() == nil && !m.isSearching() {
		_, err = n.matcher.Leave(n.ctx, m.id) // it ended meanwhile
	}
	if err != nil {
		n.log.Warn("matcher did not hear of a chat", "guest", m.id, "error", err)
	}
}

// wait is what one guest of a chat says while it may not be sent yet.
type wait struct {
	marks []int64       // numbers of those that have not come back; none: nothing waits
	held  []remote      // in order
	free  chan struct{} // closed when the last mark has come back
}

// wait is what waits of what a guest says. The caller holds c.mu.
func (c *chat) wait(id string) *wait {
	if c.sides[0].id == id {
		return &c.mu.waits[0]
	}
	return &c.mu.waits[1]
}

// mark has what a guest says wait until a mark has gone the way of what it has
// said before. The caller holds c.mu.
func (n *Node) mark(c *chat, m *member, way string) {
	number := n.moves.marks.Add(1)
	if w := c.wait(m.id); len(w.marks) == 0 {
		w.marks, w.free = []int64{number}, make(chan struct{})
	} else {
		w.marks = append(w.marks, number)
	}
	pair := c.pair
	err := n.post(way, remote{kind: remoteMark, id: pair, to: c.partner(m.id).id, from: m.id, instance: n.instance, at: number})
	n.work.Go(func() {
		if err == nil {
			select {
			case <-time.After(markWait):
			case <-n.ctx.Done():
			}
		}
		n.flow(m, pair, number)
	})
}

// hearMark passes a mark on to where its guest has gone, or says that it has come
// to its end.
func (n *Node) hearMark(r remote) {
	if m := n.find(r.to); m == nil || !m.in(r.id) {
		if to := n.moves.where(moveKey{r.id, r.to}); to != "" && n.forward(to, r) {
			return
		}
	}
	marked := remote{kind: remoteMarked, id: r.id, to: r.from, at: r.at}
	n.tell(r.instance, marked)
}

// flow notes that a mark has come back. When all have, it sends what has waited.
func (n *Node) flow(m *member, pair string, mark int64) {
	c := m.hold()
	if c == nil {
		return
	}
	defer c.mu.Unlock()
	if c.mu.over || c.pair != pair {
		return
	}
	w := c.wait(m.id)
	i := slices.Index(w.marks, mark)
	if i < 0 {
		return
	}
	if w.marks = slices.Delete(w.marks, i, i+1); len(w.marks) == 0 {
		n.release(c, m)
	}
}

// release sends what has waited of what a guest says. The caller holds c.mu.
func (n *Node) release(c *chat, m *member) {
	w := c.wait(m.id)
	if w.free == nil {
		return
	}
	held := w.held
	close(w.free)
	*w = wait{}
	for _, r := range held {
		if them := c.partner(r.from); them.member != nil {
			n.deliver(c, them.member, r)
		} else {
			n.mustPublish(them.instance, r)
		}
	}
}

// settle returns when nothing that the guest has said waits any more.
func (n *Node) settle(m *member) {
	for {
		c := m.hold()
		if c == nil {
			return
		}
		over, free := c.mu.over, c.wait(m.id).free
		c.mu.Unlock()
		if over || free == nil {
			return
		}
		select {
		case <-free:
		case <-time.After(markWait):
			return
		case <-n.ctx.Done():
			return
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
		return to != "" && n.forward(to, r)
	}
	return false
}

// forward gives a message of another instance to the next, unless it has been
// through so many that it goes round.
func (n *Node) forward(to string, r remote) bool {
	if r.hops == maxHops {
		return false
	}
	r.hops++
	return n.post(to, r) == nil
}

// moves are the guests of pairs who have left for another instance, for a while.
type moves struct {
	marks atomic.Int64 // ever, for their numbers
	mu    sync.Mutex
	gone  map[moveKey]move
}

// moveKey is a guest in a pair, or, without a pair, one who has left without a chat.
type moveKey struct{ pair, id string }

type move struct {
	to    string
	at    int64 // of the claim
	until time.Time
}

// add notes that a guest has gone to where it is claimed.
func (m *moves) add(key moveKey, claim remote, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone == nil {
		m.gone = make(map[moveKey]move)
	}
	m.gone[key] = move{claim.instance, claim.at, now.Add(passOnFor)}
}

// where returns where the guest of a pair has gone, "" where it has not.
func (m *moves) where(key moveKey) string { return m.find(key).to }

func (m *moves) find(key moveKey) move {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gone[key]
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
