package realtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"guestload/server/guest"
)

const (
	// gather is how long a change waits for others: of the same guest, who connects,
	// searches and is matched within milliseconds, and of all the others. Nobody
	// waits for it: this instance answers with the live state meanwhile.
	gather = 20 * time.Millisecond
	// saveBatch is how many documents are written at once.
	saveBatch = 256
)

// saver brings what is stored up to date with the live state: one goroutine, so
// that a guest's writes are done in order.
type saver struct {
	wake chan struct{}
	mu   struct {
		sync.Mutex
		queue []*member
	}
}

// put queues a member, whose dirty it has made true.
func (s *saver) put(m *member) {
	s.mu.Lock()
	s.mu.queue = append(s.mu.queue, m)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// save has the guest's document brought up to date soon, and a guest without a
// socket leave presence and be forgotten.
func (n *Node) save(m *member) {
	n.changed.Store(true)
	m.mu.Lock()
	was := m.mu.dirty
	m.mu.dirty = true
	m.mu.Unlock()
	if !was {
		n.saver.put(m)
	}
}

// run writes until ctx ends and nothing is left to write.
func (s *saver) run(ctx context.Context, n *Node) {
	var batch []*member
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
		}
		wait.Reset(gather)
		<-wait.C
		s.mu.Lock()
		batch, s.mu.queue = s.mu.queue, batch[:0]
		s.mu.Unlock()
		if len(batch) == 0 && ctx.Err() != nil {
			return
		}
		for from := 0; from < len(batch); from += saveBatch {
			n.write(batch[from:min(from+saveBatch, len(batch))])
		}
		clear(batch)
	}
}

// write stores the live state of guests. Those without a socket leave presence,
// all in one call, and are forgotten: their turns are held, so nobody comes back
// meanwhile. Those whose turn is somebody else's are written another time.
func (n *Node) write(batch []*member) {
	changes := make([]guest.Change, 0, len(batch))
	var held []*member
	for _, m := range batch {
		gone := m.client.Load() == nil
		if gone {
			if !m.turn.TryLock() {
				n.saver.put(m)
				continue
			}
			held = append(held, m)
		}
		m.mu.Lock()
		if !gone && m.client.Load() == nil { // since: it is dirty yet, and so not in the queue
			m.mu.Unlock()
			n.saver.put(m)
			continue
		}
		patch, skip := m.state(), m.mu.deleted || m.mu.removed
		m.mu.dirty, m.mu.saved = false, n.now()
		m.mu.Unlock()
		if !skip {
			changes = append(changes, guest.Change{SessionID: m.sessionID, Patch: patch})
		}
	}
	ctx := context.WithoutCancel(n.ctx) // the last writes are owed even while the node stops
	var departing sync.WaitGroup
	departing.Go(func() { n.depart(ctx, held) })
	if len(changes) > 0 {
		for i, err := range n.sessions.PatchAll(ctx, changes) {
			if err != nil && !errors.Is(err, guest.ErrNotFound) {
				n.log.Warn("session not saved", "guest", guest.IDPrefix+changes[i].SessionID, "error", err)
			}
		}
	}
	departing.Wait()
	for _, m := range held {
		n.forget(m)
		m.turn.Unlock()
	}
}

// depart takes those of the guests who have no socket from presence. The caller
// holds their turns.
func (n *Node) depart(ctx context.Context, held []*member) {
	ids := make([]string, 0, len(held))
	for _, m := range held {
		m.mu.Lock()
		if m.client.Load() == nil && !m.mu.removed {
			ids = append(ids, m.sessionID)
		}
		m.mu.Unlock()
	}
	if len(ids) == 0 {
		return
	}
	if err := n.presence.Leave(ctx, ids...); err != nil {
		n.log.Warn("presence did not hear of guests who left", "guests", len(ids), "error", err)
	}
	n.changed.Store(true)
}

// forget drops a member without a socket that is owed nothing. The caller holds
// its turn.
func (n *Node) forget(m *member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client.Load() == nil && !m.mu.dirty && !m.mu.removed {
		m.mu.removed = true
		delete(n.mu.members, m.sessionID)
	}
}
