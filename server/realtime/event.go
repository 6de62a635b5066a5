package realtime

import (
	"strconv"
	"time"

	"guestload/server/api"
)

const textMatchFailed = "Matching is not possible right now, please try again"

// Handle acts on one event of the guest. The socket's one goroutine calls it,
// event after event.
func (c *Client) Handle(in api.Inbound) {
	if c.shut.Load() {
		return
	}
	m, n := c.member, c.node
	m.active.Store(n.now().UnixMilli())
	refusal, known := n.handle(c, m, in)
	if in.Ack < 0 || !known {
		return
	}
	buf := takeBuffer()
	*buf = api.AppendAckFrame(*buf, in.Ack, appendAck(nil, refusal))
	c.send(*buf)
	giveBuffer(buf)
}

// handle acts on one event. It returns what an ack says if the event was refused.
// Events that the contract does not name are unknown: Socket.IO ignores events
// without a listener, and so no ack answers them either.
func (n *Node) handle(c *Client, m *member, in api.Inbound) (refusal string, known bool) {
	switch in.Event {
	case api.EventChatMessage:
		return n.message(m, in.Data), true
	case api.EventTypingStart, api.EventTypingStop:
		n.typing(m, in.Event)
	case api.EventMatch:
		return n.match(c, m, in.Data), true
	case api.EventMatchCancel:
		_ = c.turn(func() error { n.cancel(m); return nil })
	case api.EventChatClear, api.EventLeaveRoom, api.EventCloseRoom:
		_ = c.turn(func() error { n.clear(m); return nil })
	case api.EventGetStats:
		return n.tellStats(c), true
	default:
		if !api.IsSignal(in.Event) {
			return "", false
		}
		return n.signal(m, in), true
	}
	return "", true
}

// match starts a search. It returns what an ack says if the search was refused.
func (n *Node) match(c *Client, m *member, data api.Value) (refusal string) {
	wants, err := api.ParseWishes(data)
	if err != nil {
		n.matchError(m, err.Error())
		return err.Error()
	}
	if err := c.turn(func() error { return n.search(n.ctx, m, wants) }); err != nil {
		return textMatchFailed
	}
	return ""
}

// turn does a step of the guest's life while nothing else does one, unless a
// newer socket has taken over by then.
func (c *Client) turn(step func() error) error {
	m := c.member
	m.turn.Lock()
	if m.client.Load() != c {
		m.turn.Unlock()
		c.node.forget(m) // somebody may have tried while we held the turn
		return nil
	}
	defer m.turn.Unlock()
	c.node.arrive(c.node.ctx, m)
	return step()
}

// cancel ends a search. A match that was decided at that moment stands, and is left.
func (n *Node) cancel(m *member) {
	if c := m.hold(); c != nil {
		c.mu.Unlock() // a match that has just begun has been told by now
	}
	if m.chat.Load() == nil {
		n.leave(n.ctx, m, left)
		n.save(m)
	}
	m.send(func(c *Client, dst []byte) []byte {
		return api.AppendEventFrame(dst, c.framing, api.EventMatchCancelled, cancelledData)
	})
}

// clear leaves the chat; where there is none, that is confirmed all the same.
func (n *Node) clear(m *member) {
	m.expectNothing() // nor is one to come
	for m.mu.Lock(); m.chat.Load() != nil; m.mu.Lock() {
		m.mu.Unlock()
		if n.leave(n.ctx, m, left) {
			return
		}
	}
	defer m.mu.Unlock() // a chat that begins at this moment is told of afterwards
	m.send(func(c *Client, dst []byte) []byte {
		return api.AppendEventFrame(dst, c.framing, api.EventClearConfirmed, clearedData)
	})
}

// chatError tells the guest what was wrong, and returns it.
func (n *Node) chatError(m *member, message string) string {
	m.send(func(c *Client, dst []byte) []byte {
		return api.AppendNoticeFrame(dst, c.framing, api.EventChatError, message)
	})
	return message
}

func (n *Node) matchError(m *member, message string) {
	m.send(func(c *Client, dst []byte) []byte {
		return api.AppendNoticeFrame(dst, c.framing, api.EventMatchError, message)
	})
}

// maxMessageID is the longest name of a message, in bytes.
const maxMessageID = 32

// appendMessageID names a message: the instance's random prefix and a count.
func (n *Node) appendMessageID(dst []byte) []byte {
	return strconv.AppendUint(append(dst, n.prefix...), n.messages.Add(1), 36)
}

// stamp is the time as the contract writes it, milliseconds.
func (n *Node) stamp() time.Time { return n.now().UTC().Truncate(time.Millisecond) }
