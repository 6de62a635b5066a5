package realtime

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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
// searches and may yet learn of it: one that is over here is none. The store asks
// of a record that it may keep.
func (n *Node) Chatting(id, pair string) bool {
	m := n.find(id)
	if m == nil || m.client.Load() == nil {
		return false
	}
	m.record("")
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
			n.claim(m, remoteRival, instance, m.joined())
		}
	}
	members := n.everybody()
	for _, m := range members {
		m.record("")
	}
	failed := errors.Join(n.restoreAll(ctx, members), n.searchAgain(ctx, members))
	for _, m := range members {
		if m.client.Load() != nil {
			n.save(m)
		}
	}
	return failed
}

// claim tells an instance that the guest is here since a join. answered is closed
// when all that have been told such a thing have answered.
func (n *Node) claim(m *member, kind remoteKind, instance string, at int64) (answered <-chan struct{}) {
	m.mu.Lock()
	m.mu.claims = append(m.mu.claims, at)
	if m.mu.handover == nil {
		m.mu.handover = make(chan struct{})
	}
	answered = m.mu.handover
	m.mu.Unlock()
	n.mustPublish(instance, remote{kind: kind, to: m.id, instance: n.instance, at: at})
	return answered
}

// rival gives the guest up to another instance, or claims it where the socket here
// is the newer one: after an outage both may think so.
func (n *Node) rival(m *member, r remote) {
	if mine := m.joined(); mine < r.at || mine == r.at && n.instance < r.instance {
		n.giveUp(m, r)
		return
	}
	n.noChat(r, side{})
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.client.Load() == nil {
		return
	}
	_, at, err := n.join(n.ctx, m, func() {})
	if err != nil {
		n.log.Warn("presence did not hear of a guest", "guest", m.id, "error", err)
		at = m.joined()
	}
	n.claim(m, remoteReplaced, r.instance, at)
	n.save(m)
}

// restorers is how many chats are restored at a time: a store far away answers many
// as fast as one.
const restorers = 32

// restoreAll records the chats of these members in the matcher.
func (n *Node) restoreAll(ctx context.Context, members []*member) error {
	var work sync.WaitGroup
	var next atomic.Int64
	failed := make([]error, restorers)
	for i := range failed {
		work.Go(func() {
			for k := next.Add(1) - 1; k < int64(len(members)); k = next.Add(1) - 1 {
				if c := members[k].chat.Load(); c != nil {
					failed[i] = errors.Join(failed[i], n.restore(ctx, members[k], c))
				}
			}
		})
	}
	work.Wait()
	return errors.Join(failed...)
}

// restore records a chat in the matcher. It ends where the partner turns out to
// have met somebody else since, or cannot be found. A partner of another instance
// may only seem so, by a record of the past: that instance is asked.
func (n *Node) restore(ctx context.Context, m *member, c *chat) error {
	other := c.partner(m.id).member
	if other != nil && other.id < m.id {
		return nil // once a chat
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	if other != nil { // in the order of ids; only restorers hold two
		other.turn.Lock()
		defer other.turn.Unlock()
	}
	if m.chat.Load() != c || c.isOver() {
		return nil
	}
	c.restored.Store(true)
	pair := c.asPair()
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
	refused := errors.Is(err, guest.ErrPaired)
	if refused && (other != nil || n.broker == nil) {
		n.finish(c, c.partner(m.id).id, offline)
		return nil
	}
	if err == nil && c.isOver() { // the other instance ended it meanwhile
		_, err = n.matcher.Leave(ctx, m.id)
	}
	if (err == nil || refused) && other == nil && n.broker != nil {
		n.doubts.add(c, m.id, refused)
		return nil
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
		failed = errors.Join(failed, n.seekAgain(ctx, s.m))
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
				failed = errors.Join(failed, n.post(them.Instance, end))
			}
		}
	}
	return failed
}
