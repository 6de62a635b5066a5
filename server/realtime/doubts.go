package realtime

import (
	"context"
	"sync"
	"time"
)

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
	if !m.in(r.id) {
		if !n.passOn(r) {
			m.mu.Lock()
			m.dissolve(r.id) // it is not to begin after we have said so
			m.mu.Unlock()
			r.instance = n.lastWay(m, r.id, r.instance)
			n.deny(r)
		}
	} else if r.kind == remoteAsk {
		if c := m.chat.Load(); r.at != 0 && c != nil && c.pair == r.id {
			n.recordAnew(m, c)
		}
		n.mustPublish(r.instance, remote{kind: remoteConfirm, id: r.id, to: r.from, from: m.id, instance: n.instance})
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
	chat    *chat
	local   string // the id of the guest who is here
	refused bool   // by the matcher, which has something else on record
	asked   int
}

func (d *doubts) add(c *chat, local string, refused bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.chats == nil {
		d.chats = make(map[string]*doubt)
	}
	d.chats[c.pair] = &doubt{chat: c, local: local, refused: refused}
}

// remove returns what was in doubt, nil for nothing.
func (d *doubts) remove(pair string) *doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.chats[pair]
	delete(d.chats, pair)
	return q
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

// confirmed settles a doubt, or begins a chat. What the matcher has refused, it is
// told again. Where the partner has moved, and nobody was there to hear of it, that
// is made up for.
func (n *Node) confirmed(m *member, r remote, began bool) {
	q := n.doubts.remove(r.id)
	if q != nil && q.refused {
		n.work.Go(func() { _ = n.restore(n.ctx, m, q.chat) }) // which an outage does anew
	}
	c := m.chat.Load()
	if q == nil && !began || c == nil || c.pair != r.id {
		return
	}
	if was := c.partner(m.id).instance; was != r.instance {
		pair := c.asPair().Moved(r.from, r.instance)
		n.hearMoved(remote{kind: remoteMoved, id: r.id, to: r.from, instance: was, pair: &pair})
	}
}

// tend asks other instances about chats in doubt until ctx ends.
func (n *Node) tend(ctx context.Context) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.moves.sweep(n.now())
			n.askAgain()
			n.askAbout(n.doubts.all())
		}
	}
}

func (n *Node) askAbout(doubts []*doubt) {
	for _, q := range doubts {
		them := q.chat.partner(q.local)
		ask := remote{kind: remoteAsk, id: q.chat.pair, to: them.id, from: q.local, instance: n.instance}
		if q.refused {
			ask.at = 1
		}
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
