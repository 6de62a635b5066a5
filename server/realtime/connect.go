package realtime

import (
	"context"
	"fmt"
	"strconv"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/guest"
)

// Connect makes the socket the guest's, in place of an older one, and says
// connection:established. After it, the socket's goroutine calls Heard and Handle,
// and at last Closed. Errors wrap guest.ErrUnavailable or ErrDraining.
func (n *Node) Connect(ctx context.Context, s guest.Session, f api.Framing, sock Socket) (*Client, error) {
	if n.draining.Load() {
		return nil, ErrDraining
	}
	m := n.take(s)
	defer m.turn.Unlock()
	c, err := n.connect(ctx, m, s, f, sock)
	if err != nil {
		n.forget(m)
		return nil, err
	}
	n.save(m)
	return c, nil
}

// connect does so while the guest's turn is held.
func (n *Node) connect(ctx context.Context, m *member, s guest.Session, f api.Framing, sock Socket) (*Client, error) {
	old := m.client.Load()
	previous, at, err := n.join(ctx, m, func() {
		if old != nil && m.isSearching() {
			n.leaveAt(ctx, m, undone, n.instance) // a search ends with its socket
		}
	})
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", m.id, err)
	}
	now := n.now()
	c := &Client{node: n, member: m, sock: sock, framing: f,
		socketID: n.instance + "." + strconv.FormatUint(n.sockets.Add(1), 36)}
	c.heard.Store(now.UnixMilli())
	c.pinged.Store(now.UnixMilli())
	m.active.Store(now.UnixMilli())
	m.mu.Lock()
	m.mu.profile, m.mu.connectedAt, m.mu.deleted = s, n.stamp(), false
	m.mu.Unlock()
	n.moves.remove(moveKey{id: m.id})
	n.wheel.add(c)
	n.counts.sockets.Add(1)

	c.greet(s)
	m.client.Store(c) // from now on it hears what the guest hears
	if old != nil {
		old.end(frame.Replaced, api.TextReplaced)
	}
	switch {
	case previous != "" && previous != n.instance:
		n.takeOver(ctx, m, s, previous, at)
	case s.ConnectedUser != "" && m.chat.Load() == nil:
		n.missed(ctx, m, s.ConnectedUser)
	}
	return c, nil
}

// greet says that the connection stands, before anything else.
func (c *Client) greet(s guest.Session) {
	s.SocketID = c.socketID
	buf := takeBuffer()
	defer giveBuffer(buf)
	if c.framing == api.SocketIO {
		*buf = frame.Append(*buf, frame.Text, api.AppendConnected(nil, c.socketID))
	}
	*buf = api.AppendEventFrame(*buf, c.framing, api.EventEstablished, api.AppendEstablished(nil, &s))
	c.send(*buf)
}

// join has the guest join this instance, when first is done. The caller holds m.turn.
func (n *Node) join(ctx context.Context, m *member, first func()) (previous string, at int64, err error) {
	m.join.Lock()
	defer m.join.Unlock()
	first()
	if previous, at, err = n.presence.Join(ctx, m.sessionID); err == nil {
		m.join.at = at
	}
	return previous, at, err
}

// missed clears a chat that ended while the guest's instance was not there to
// tell, and tells.
func (n *Node) missed(ctx context.Context, m *member, partnerID string) {
	m.expectNothing()
	n.leave(ctx, m, disconnected)
	gone := side{id: partnerID}
	if id, ok := guest.SessionIDOf(partnerID); ok {
		if p, err := n.sessions.Get(ctx, id); err == nil {
			gone.username = p.Username
		}
	}
	m.send(func(c *Client, dst []byte) []byte { return appendParted(c, dst, &gone, offline) })
}

// Closed reports that the socket has ended. If a newer socket has replaced this
// one, nothing else changes.
func (c *Client) Closed() {
	c.Cut()
	c.depart()
}

// Leave is Closed for a guest whose transport stays open, as after a Socket.IO
// DISCONNECT. It returns once everything queued is written and the transport is
// free for another Connect, and reports false if the socket is closing instead.
// A peer that does not read can delay it by writeTimeout.
func (c *Client) Leave() (free bool) {
	c.shut.Store(true)
	c.mu.Lock()
	if c.mu.closing || c.mu.dead {
		c.mu.Unlock()
		c.Closed()
		return false
	}
	c.mu.closing, c.mu.left = true, true
	var idle chan struct{}
	if c.mu.flushing {
		idle = make(chan struct{})
		c.mu.idle = idle
	}
	c.mu.Unlock()
	c.depart()
	if idle != nil {
		<-idle
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.mu.dead
}

// depart removes the socket from the node, and with it the guest unless a newer
// socket has replaced this one.
func (c *Client) depart() {
	n, m := c.node, c.member
	n.wheel.remove(c)
	n.counts.sockets.Add(-1)
	m.turn.Lock()
	if m.client.Load() != c {
		m.turn.Unlock()
		return
	}
	m.vacate()
	n.leaveAt(n.ctx, m, disconnected, n.instance)
	m.turn.Unlock()
	n.save(m)
}
