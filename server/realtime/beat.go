package realtime

import (
	"context"
	"sync"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
)

// The heartbeat. Every socket is checked once every wheelSlots seconds.
//
// Engine.IO advertises its timing: the server sends a ping every pingInterval, and
// the client has pingTimeout to answer. So a Socket.IO socket is pinged even while
// it talks, and is closed only when a ping has gone unanswered for pingTimeout.
// A WebSocket ping is answered by the client's protocol stack at once, so /ws pings
// only a socket that has been silent for pingEvery, which halves the cost of
// heartbeats in a chat, and closes one that has been silent for silence: a vanished
// one is noticed within 60 s.
const (
	wheelSlots = 5
	pingEvery  = api.PingInterval
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

// beat pings the peer when a ping is due, and ends a socket that is lost.
func (c *Client) beat(now time.Time) {
	c.reap(now)
	if c.lost(now) {
		c.node.counts.lost.Add(1)
		c.Cut()
		return
	}
	heard, pinged := c.heard.Load(), c.pinged.Load()
	last := pinged
	if c.framing != api.SocketIO {
		last = max(pinged, heard)
	} else if pinged > heard {
		return // one ping at a time: the client still has time to answer this one
	}
	if now.UnixMilli()-last < pingEvery.Milliseconds() {
		return
	}
	c.pinged.Store(now.UnixMilli())
	if c.framing == api.SocketIO {
		c.send(pingSocketIO)
	} else {
		c.send(pingJSON)
	}
}

// lost reports whether the peer has been silent for longer than it may be.
func (c *Client) lost(now time.Time) bool {
	heard, pinged, at := c.heard.Load(), c.pinged.Load(), now.UnixMilli()
	if c.framing == api.SocketIO {
		return pinged > heard && at-pinged >= api.PingTimeout.Milliseconds()
	}
	return at-heard > silence.Milliseconds()
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
