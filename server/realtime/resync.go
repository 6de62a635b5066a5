package realtime

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/guest"
)

// The store behind the ports may change under the node: Redis goes away and
// memory takes over, or Redis comes back and may have forgotten, or missed, or
// seen others do, anything. That somebody searches or talks here is the node's
// knowledge, and Resync brings the store to it. Chats go on meanwhile: relaying
// asks no store.

// Searching reports whether the guest with this id searches here.
func (n *Node) Searching(id string) bool {
	m := n.find(id)
	return m != nil && m.client.Load() != nil && m.isSearching()
}

// Chatting reports whether the guest with this id is here and in this pair, or
// searches and may yet learn of it: one that is over here is none.
func (n *Node) Chatting(id, pair string) bool {
	m := n.find(id)
	if m == nil || m.client.Load() == nil {
		return false
	}
	if c := m.chat.Load(); c != nil {
		return c.pair == pair && !c.isOver()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.searching && !m.dissolved(pair)
}

func (c *chat) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.over
}

// Resync restores every chat in the matcher, lets every searcher search again,
// in the order of their coming, has every document of a connected guest brought
// up to date, and tells other instances what they could not be told. moved are
// guests whom another instance had, by session id: the newer socket stays.
func (n *Node) Resync(ctx context.Context, moved map[string]string) error {
	for sessionID, instance := range moved {
		if m := n.member(sessionID); m != nil {
			n.claim(m, instance)
		}
	}
	members := n.everybody()
	var failed error
	for _, m := range members {
		if c := m.chat.Load(); c != nil {
			failed = errors.Join(failed, n.restore(ctx, m, c))
		}
	}
	failed = errors.Join(failed, n.searchAgain(ctx, members))
	for _, m := range members {
		if m.client.Load() != nil {
			n.save(m)
		}
	}
	n.tellOwed()
	return failed
}

// claim tells an instance that the guest is here now.
func (n *Node) claim(m *member, instance string) {
	m.mu.Lock()
	at := m.mu.connectedAt.UnixMilli()
	m.mu.Unlock()
	n.mustPublish(instance, remote{kind: remoteReplaced, to: m.id, instance: n.instance, at: at})
}

// replaced gives the guest up to another instance, or claims it where the socket
// here is the newer one: after an outage both may think so.
func (n *Node) replaced(m *member, r remote) {
	m.mu.Lock()
	mine := m.mu.connectedAt.UnixMilli()
	m.mu.Unlock()
	newer := mine > r.at || mine == r.at && n.instance > r.instance
	if r.at == 0 || !newer || m.client.Load() == nil {
		n.evict(m, frame.Replaced, api.TextReplaced)
		return
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.client.Load() == nil {
		return
	}
	if _, err := n.presence.Join(n.ctx, m.sessionID); err != nil {
		n.log.Warn("presence did not hear of a guest", "guest", m.id, "error", err)
	}
	n.claim(m, r.instance)
	n.save(m)
}

// restore records a chat in the matcher. It ends where the partner turns out to
// have met somebody else since, or cannot be found.
func (n *Node) restore(ctx context.Context, m *member, c *chat) error {
	other := c.partner(m.id).member
	if other != nil && other.id < m.id {
		return nil // once a chat
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	if other != nil { // in the order of ids; nobody else holds two
		other.turn.Lock()
		defer other.turn.Unlock()
	}
	if m.chat.Load() != c || c.isOver() {
		return nil
	}
	c.restored.Store(true)
	pair := guest.Pair{ID: c.pair, A: c.sides[0].as, B: c.sides[1].as}
	stands, err := n.matcher.Restore(ctx, pair)
	for range len(c.sides) {
		if !errors.Is(err, guest.ErrPaired) {
			break
		}
		// A pair that a guest of ours is not in: of another time, or made while we
		// could not be told.
		ours := m.id
		if !holds(stands, ours) && other != nil {
			ours = other.id
		}
		if !holds(stands, ours) {
			break // the partner, who lives elsewhere, has met somebody or searches
		}
		if stands, err = n.matcher.Leave(ctx, ours); err != nil {
			return err
		}
		if stands.ID != "" && stands.ID != c.pair {
			n.dissolve(stands, ours, offline)
		}
		stands, err = n.matcher.Restore(ctx, pair)
	}
	if errors.Is(err, guest.ErrPaired) {
		n.finish(c, c.partner(m.id).id, offline)
		return nil
	}
	if err == nil && c.isOver() { // the other instance ended it meanwhile
		_, err = n.matcher.Leave(ctx, m.id)
	}
	if err == nil && other == nil && n.broker != nil {
		n.doubts.add(c, m.id)
	}
	return err
}

// holds reports whether a pair is that of this guest.
func holds(p guest.Pair, id string) bool {
	return p.ID != "" && (p.A.ID == id || p.B.ID == id)
}

// searchAgain has every searcher search in the matcher of this moment.
func (n *Node) searchAgain(ctx context.Context, members []*member) (failed error) {
	type searcher struct {
		m     *member
		since time.Time
	}
	var searchers []searcher
	for _, m := range members {
		m.mu.Lock()
		if m.mu.searching {
			searchers = append(searchers, searcher{m, m.mu.searchedAt})
		}
		m.mu.Unlock()
	}
	slices.SortFunc(searchers, func(a, b searcher) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.m.id, b.m.id))
	})
	for _, s := range searchers {
		s.m.turn.Lock()
		if s.m.client.Load() != nil && s.m.isSearching() {
			failed = errors.Join(failed, n.seek(ctx, s.m))
		}
		s.m.turn.Unlock()
	}
	return failed
}

// Release tells the partners of guests who were on an instance that these pairs
// are over.
func (n *Node) Release(_ context.Context, instance string, pairs []guest.Pair) error {
	var failed error
	for _, p := range pairs {
		for _, gone := range []guest.Searcher{p.A, p.B} {
			if gone.Instance != instance {
				continue
			}
			if m := n.find(gone.ID); m != nil {
				m.mu.Lock()
				m.dissolve(p.ID)
				m.mu.Unlock()
			}
			them := p.Partner(gone.ID)
			end := remote{kind: remoteEnd, why: offline, id: p.ID, to: them.ID, from: gone.ID, name: gone.Username}
			switch {
			case them.Instance == instance:
			case them.Instance == n.instance:
				n.hear(end)
			case instance == n.instance:
				n.mustPublish(them.Instance, end)
			default:
				failed = errors.Join(failed, n.publish(them.Instance, end))
			}
		}
	}
	return failed
}

// answer says whether the guest is in the pair that another instance asks about.
// A guest who searches may have been found without hearing of it, and finds out.
func (n *Node) answer(m *member, r remote) {
	m.turn.Lock()
	defer m.turn.Unlock()
	if n.Searching(m.id) {
		if err := n.seek(n.ctx, m); err != nil {
			return
		}
		n.save(m)
	}
	if !n.Chatting(m.id, r.id) {
		n.deny(r)
	} else if r.kind == remoteAsk {
		n.mustPublish(r.instance, remote{kind: remoteConfirm, id: r.id, to: r.from, from: m.id})
	}
}

// tendEvery is how often doubts are asked about; after doubtTries questions
// without an answer the partner is gone.
const (
	tendEvery  = time.Second
	doubtTries = 6
)

// doubts are chats with guests of other instances, of which it is not known since
// an outage whether they still stand.
type doubts struct {
	mu    sync.Mutex
	chats map[string]*doubt // by pair
}

type doubt struct {
	chat  *chat
	local string // the id of the guest who is here
	asked int
}

func (d *doubts) add(c *chat, local string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.chats == nil {
		d.chats = make(map[string]*doubt)
	}
	d.chats[c.pair] = &doubt{chat: c, local: local}
}

func (d *doubts) remove(pair string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.chats, pair)
}

func (d *doubts) all() []*doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*doubt, 0, len(d.chats))
	for _, q := range d.chats {
		all = append(all, q)
	}
	return all
}

func (n *Node) confirmed(pair string) { n.doubts.remove(pair) }

// tend asks other instances about chats in doubt, and tells them what they could
// not be told, until ctx ends.
func (n *Node) tend(ctx context.Context) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.tellOwed()
			n.askAbout(n.doubts.all())
		}
	}
}

func (n *Node) askAbout(doubts []*doubt) {
	for _, q := range doubts {
		them := q.chat.partner(q.local)
		ask := remote{kind: remoteAsk, id: q.chat.pair, to: them.id, from: q.local, instance: n.instance}
		switch {
		case q.chat.isOver():
			n.doubts.remove(q.chat.pair)
		case q.asked == doubtTries:
			n.doubts.remove(q.chat.pair)
			n.hear(remote{kind: remoteEnd, why: offline, id: q.chat.pair, to: q.local, from: them.id})
		case n.publish(them.instance, ask) == nil: // an outage is nobody's answer
			q.asked++
		}
	}
}

// maxOwed bounds what is kept for other instances; a guest has one entry a kind.
const maxOwed = 1 << 14

// unsent are messages to other instances that could not be sent: the latest of a
// kind and guest.
type unsent struct {
	mu   sync.Mutex
	owed map[unsentKey]unsentMessage
}

type unsentKey struct {
	kind remoteKind
	to   string
}

type unsentMessage struct {
	instance string
	remote   remote
}

func (n *Node) owe(instance string, r remote) {
	n.unsent.mu.Lock()
	defer n.unsent.mu.Unlock()
	if n.unsent.owed == nil {
		n.unsent.owed = make(map[unsentKey]unsentMessage)
	}
	key := unsentKey{r.kind, r.to}
	if _, ok := n.unsent.owed[key]; !ok && len(n.unsent.owed) >= maxOwed {
		n.log.Warn("other instance not told", "instance", instance, "guest", r.to)
		return
	}
	n.unsent.owed[key] = unsentMessage{instance, r}
}

// tellOwed sends what is owed, until something cannot be sent.
func (n *Node) tellOwed() {
	n.unsent.mu.Lock()
	defer n.unsent.mu.Unlock()
	for key, u := range n.unsent.owed {
		if n.publish(u.instance, u.remote) != nil {
			return
		}
		delete(n.unsent.owed, key)
	}
}
