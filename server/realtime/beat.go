package realtime

import (
	"context"
	"sync"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
)

// The heartbeat. A socket that has been silent for pingEvery is asked for a sign of
// life; one that has given none for silence is gone. Every socket is looked at once
// in wheelSlots seconds, so a vanished one is noticed within 60 s. Engine.IO
// promises a ping every pingEvery, so its sockets get one though they talk; of the
// others those who do are not asked, which in a chat halves what heartbeats cost.
const (
	wheelSlots = 5
	pingEvery  = 25 * time.Second
	silence    = 54 * time.Second
)

// wheel spreads the sockets over the seconds of a turn, so that heartbeats need
// no timer each and come evenly.
type wheel struct {
	mu   sync.Mutex
	next int
	slot [wheelSlots]map[*Client]struct{}
}

func (w *wheel) add(c *Client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.slot = w.next
	w.next = (w.next + 1) % wheelSlots
	if w.slot[c.slot] == nil {
		w.slot[c.slot] = make(map[*Client]struct{})
	}
	w.slot[c.slot][c] = struct{}{}
}

func (w *wheel) remove(c *Client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.slot[c.slot], c)
}

// clients appends a slot's sockets to dst.
func (w *wheel) clients(dst []*Client, slot int) []*Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.slot[slot] {
		dst = append(dst, c)
	}
	return dst
}

// beat looks at one slot of the wheel a second, until ctx ends.
func (n *Node) beat(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var turn []*Client
	for i := 0; ; i = (i + 1) % wheelSlots {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		turn = n.wheel.clients(turn[:0], i)
		now := n.now()
		for _, c := range turn {
			c.beat(now)
		}
		clear(turn)
	}
}

var (
	pingJSON     = frame.Append(nil, frame.Ping, "")
	pingSocketIO = frame.Append(nil, frame.Text, api.PacketPing)
)

// beat asks the peer for a sign of life, or ends a socket that gave none.
func (c *Client) beat(now time.Time) {
	c.reap(now)
	if now.Unix()-c.heard.Load() > int64(silence/time.Second) {
		c.node.counts.lost.Add(1)
		c.Cut()
		return
	}
	last := c.pinged.Load()
	if c.framing != api.SocketIO {
		last = max(last, c.heard.Load())
	}
	if now.Unix()-last < int64(pingEvery/time.Second) {
		return
	}
	c.pinged.Store(now.Unix())
	if c.framing == api.SocketIO {
		c.send(pingSocketIO)
	} else {
		c.send(pingJSON)
	}
}

// keepEvery is how often a connected guest's stored lifetime starts anew.
const keepEvery = 10 * time.Minute

// keep renews the sessions of connected guests, until ctx ends: nobody's session
// lapses under an open socket.
func (n *Node) keep(ctx context.Context) {
	tick := time.NewTicker(keepEvery / 10)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.keepAll(n.now())
		}
	}
}

func (n *Node) keepAll(now time.Time) {
	for _, m := range n.everybody() {
		m.mu.Lock()
		due := m.client.Load() != nil && now.Sub(m.mu.saved) >= keepEvery
		m.mu.Unlock()
		if due {
			n.save(m)
		}
	}
}
