package realtime

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"

	"guestload/server/guest"
)

// savers is how many goroutines write documents. A guest's writes are done by
// one of them, in order.
const savers = 8

// saver brings stored documents up to date with the live state. Changes that
// come while a guest waits its turn are written together; nobody waits for it.
type saver struct {
	wake chan struct{}
	mu   struct {
		sync.Mutex
		queue []*member
	}
}

// save has the guest's document brought up to date soon.
func (n *Node) save(m *member) {
	n.changed.Store(true)
	m.mu.Lock()
	was := m.mu.dirty
	m.mu.dirty = true
	m.mu.Unlock()
	if was {
		return
	}
	s := &n.savers[maphash.String(n.seed, m.sessionID)%savers]
	s.mu.Lock()
	s.mu.queue = append(s.mu.queue, m)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run writes until ctx ends and nothing is left to write.
func (s *saver) run(ctx context.Context, n *Node) {
	var batch []*member
	for {
		s.mu.Lock()
		batch, s.mu.queue = s.mu.queue, batch[:0]
		s.mu.Unlock()
		for i, m := range batch {
			n.write(m)
			batch[i] = nil
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			s.mu.Lock()
			left := len(s.mu.queue)
			s.mu.Unlock()
			if left == 0 {
				return
			}
		}
	}
}

// write stores the live state, and forgets a guest whose last socket is gone.
func (n *Node) write(m *member) {
	m.mu.Lock()
	patch, deleted := m.state(), m.mu.deleted
	m.mu.dirty, m.mu.saved = false, n.now()
	m.mu.Unlock()
	if !deleted {
		// The last writes are owed even while the node stops.
		_, err := n.sessions.Patch(context.WithoutCancel(n.ctx), m.sessionID, patch)
		if err != nil && !errors.Is(err, guest.ErrNotFound) {
			n.log.Warn("session not saved", "guest", m.id, "error", err)
		}
	}
	n.forget(m)
}

// forget drops a member without a socket. Whoever is at work on the member saves
// it afterwards, and so comes here again.
func (n *Node) forget(m *member) {
	if m.client.Load() != nil || !m.turn.TryLock() {
		return
	}
	defer m.turn.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client.Load() == nil && !m.mu.dirty && !m.mu.removed {
		m.mu.removed = true
		delete(n.mu.members, m.sessionID)
	}
}
