package realtime

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"guestload/server/api/frame"
)

// Counts are this instance's numbers.
type Counts struct {
	Sockets    int64 // open, those included that are closing
	Guests     int64 // connected
	Rooms      int64 // chats with a guest here
	Searching  int64
	Relayed    int64 // messages, ever
	QueueDrops int64 // sockets closed since they read too slowly, ever
	Lost       int64 // sockets that fell silent, ever
}

type counts struct {
	sockets, rooms, relayed, queueDrops, lost atomic.Int64
}

// Counts returns this instance's numbers of this moment.
func (n *Node) Counts() Counts {
	c := Counts{
		Sockets: n.counts.sockets.Load(), Rooms: n.counts.rooms.Load(), Relayed: n.counts.relayed.Load(),
		QueueDrops: n.counts.queueDrops.Load(), Lost: n.counts.lost.Load(),
	}
	for _, m := range n.everybody() {
		if m.client.Load() != nil {
			c.Guests++
		}
		if m.isSearching() {
			c.Searching++
		}
	}
	return c
}

// Drain takes no more sockets, tells the partners, closes every socket, and
// returns when all sessions are stored as offline, or with ctx's error when
// that takes longer than ctx lasts; what is left then is cut.
func (n *Node) Drain(ctx context.Context) error {
	n.draining.Store(true)
	for _, m := range n.everybody() {
		m.turn.Lock()
		n.leaveAt(ctx, m, disconnected, n.instance)
		c := m.client.Load()
		m.turn.Unlock()
		n.save(m)
		if c != nil {
			c.end(frame.GoingAway, textShuttingDown)
		}
	}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		left := n.everybody()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-poll.C:
			for _, m := range left {
				if c := m.client.Load(); c != nil {
					c.reap(n.now())
				}
			}
		case <-ctx.Done():
			for _, m := range left {
				if c := m.client.Load(); c != nil {
					c.Cut()
				}
			}
			return context.Cause(ctx)
		}
	}
}

// instanceOf is the instance that gave out a socket id.
func instanceOf(socketID string) string {
	instance, _, ok := strings.Cut(socketID, ".")
	if !ok {
		return ""
	}
	return instance
}
