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

// saver brings stored documents up to date with the live state: one goroutine,
// so that a guest's writes are done in order.
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
	s := &n.saver
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
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-s.wake:
			wait.Reset(gather)
			select {
			case <-wait.C:
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
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

// write stores the live state of guests, and forgets those whose last socket is gone.
func (n *Node) write(batch []*member) {
	changes := make([]guest.Change, 0, len(batch))
	for _, m := range batch {
		m.mu.Lock()
		patch, deleted := m.state(), m.mu.deleted
		m.mu.dirty, m.mu.saved = false, n.now()
		m.mu.Unlock()
		if !deleted {
			changes = append(changes, guest.Change{SessionID: m.sessionID, Patch: patch})
		}
	}
	if len(changes) > 0 {
		// The last writes are owed even while the node stops.
		for i, err := range n.sessions.PatchAll(context.WithoutCancel(n.ctx), changes) {
			if err != nil && !errors.Is(err, guest.ErrNotFound) {
				n.log.Warn("session not saved", "guest", guest.IDPrefix+changes[i].SessionID, "error", err)
			}
		}
	}
	for _, m := range batch {
		n.forget(m)
	}
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
