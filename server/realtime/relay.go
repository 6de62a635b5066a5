package realtime

import (
	"slices"
	"strings"
	"time"

	"guestload/server/api"
)

// message carries one chat message to the partner of this moment, and tells the
// sender. No store is asked. It returns what was wrong, if anything.
func (n *Node) message(m *member, data api.Value) (refusal string) {
	body, err := api.ParseChat(data)
	if err != nil {
		return n.chatError(m, api.TextInvalidMessage)
	}
	c := m.hold()
	if c == nil {
		return n.chatError(m, api.TextNotConnected)
	}
	defer c.mu.Unlock()
	payload, now := takeBuffer(), n.stamp()
	defer giveBuffer(payload)
	var room [maxMessageID]byte
	id := string(n.appendMessageID(room[:0])) // on the stack: nobody below keeps it
	me := c.self(m.id)
	*payload = api.AppendChatMessage(*payload, id, me.id, me.username, body, now)

	taken, refusal := n.carry(c, m, api.EventChatMessage, *payload, id)
	if refusal != "" {
		return n.chatError(m, refusal)
	}
	n.counts.relayed.Add(1)
	m.send(func(cl *Client, dst []byte) []byte {
		dst = appendSent(cl, dst, id, now)
		if taken {
			dst = appendDelivered(cl, dst, id, now)
		}
		return dst
	})
	return ""
}

// hold returns the guest's chat with its lock held, nil where there is none. A
// chat that has moved on is another.
func (m *member) hold() *chat {
	for {
		c := m.chat.Load()
		if c == nil {
			return nil
		}
		c.mu.Lock()
		if !c.mu.over || m.chat.Load() == c {
			return c
		}
		c.mu.Unlock()
	}
}

// carry gives an event to m's partner. The caller holds c.mu. taken reports that
// the partner's socket has it already; id is "" where no receipt is wanted.
func (n *Node) carry(c *chat, m *member, event string, payload []byte, id string) (taken bool, refusal string) {
	if c.mu.over {
		return false, api.TextNotConnected
	}
	them := c.partner(m.id)
	if len(c.wait(m.id).marks) > 0 {
		return false, n.withhold(c, m, event, payload, id)
	}
	if them.member == nil {
		return false, n.carryAway(c, m, event, payload, id)
	}
	cl := them.member.client.Load()
	if cl == nil {
		return false, api.TextPartnerGone
	}
	buf := takeBuffer()
	*buf = api.AppendEventFrame(*buf, cl.framing, event, payload)
	taken, open := cl.sendMessage(*buf, id, receipt{chat: c, to: m})
	giveBuffer(buf)
	if !open {
		taken = them.member.sendInstead(cl, event, payload, id, &receipt{chat: c, to: m})
	}
	return taken, ""
}

// withhold keeps an event back until all that m has said has reached the partner. The caller holds c.mu.
//
// Like carryAway it stays out of carry's frame: a remote is so large that with
// one in it, each message made its goroutine's small stack grow.
//
//go:noinline
func (n *Node) withhold(c *chat, m *member, event string, payload []byte, id string) (refusal string) {
	w := c.wait(m.id)
	if len(w.held) == maxHeld {
		return api.TextPartnerGone
	}
	w.held = append(w.held, remote{kind: remoteEvent, id: c.pair, to: c.partner(m.id).id, from: m.id, name: event,
		data: slices.Clone(payload), message: strings.Clone(id), instance: n.instance})
	return ""
}

// carryAway gives an event to the partner's instance, also where that is out of
// reach for now: the chat goes on, a little late. The caller holds c.mu.
//
//go:noinline
func (n *Node) carryAway(c *chat, m *member, event string, payload []byte, id string) (refusal string) {
	them := c.partner(m.id)
	r := remote{kind: remoteEvent, id: c.pair, to: them.id, from: m.id, name: event, data: payload, message: id, instance: n.instance}
	if n.post(them.instance, r) != nil {
		return api.TextPartnerGone
	}
	return ""
}

// delivered tells the senders of messages that had to wait, those of one sender
// and chat in one write.
func (n *Node) delivered(due []receipt) {
	for len(due) > 0 {
		together := 1
		for together < len(due) && due[together].chat == due[0].chat && due[together].to == due[0].to {
			together++
		}
		n.confirm(due[:together])
		due = due[together:]
	}
}

// confirm tells the one sender of some messages of one chat.
func (n *Node) confirm(due []receipt) {
	c, sender := due[0].chat, due[0].to
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.over {
		return
	}
	if sender == nil {
		for _, r := range due {
			them := c.partner(r.receiver)
			n.mustPublish(them.instance, remote{kind: remoteDelivered, id: c.pair, to: them.id, from: r.receiver, message: r.id})
		}
		return
	}
	now := n.stamp()
	sender.send(func(cl *Client, dst []byte) []byte {
		for _, r := range due {
			dst = appendDelivered(cl, dst, r.id, now)
		}
		return dst
	})
}

// typing passes a typing event on. It says nothing where there is no partner:
// "stopped typing" after a chat's end is no mistake of the client's.
func (n *Node) typing(m *member, event string) {
	c := m.hold()
	if c == nil {
		return
	}
	defer c.mu.Unlock()
	me := c.self(m.id)
	payload := takeBuffer()
	defer giveBuffer(payload)
	*payload = api.AppendTyping(*payload, me.id, me.username)
	_, _ = n.carry(c, m, event, *payload, "")
}

// signal passes a WebRTC event on.
func (n *Node) signal(m *member, in api.Inbound) (refusal string) {
	signal, err := api.ParseSignal(in.Event, in.Data)
	if err != nil {
		return n.chatError(m, err.Error())
	}
	c := m.hold()
	if c == nil {
		return n.chatError(m, api.TextNotConnected)
	}
	defer c.mu.Unlock()
	me := c.self(m.id)
	payload := takeBuffer()
	defer giveBuffer(payload)
	*payload = api.AppendSignal(*payload, signal, me.id, me.username)
	if _, refusal = n.carry(c, m, in.Event, *payload, ""); refusal != "" {
		return n.chatError(m, refusal)
	}
	return ""
}

func appendSent(c *Client, dst []byte, id string, at time.Time) []byte {
	var data [128]byte
	return api.AppendEventFrame(dst, c.framing, api.EventMessageSent, api.AppendSent(data[:0], id, at))
}

func appendDelivered(c *Client, dst []byte, id string, at time.Time) []byte {
	var data [128]byte
	return api.AppendEventFrame(dst, c.framing, api.EventDelivered, api.AppendDelivered(data[:0], id, at))
}
