package liar

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"guestload/server/api"
)

// handle does what an event asks for. The lock is held, here and below.
func (s *Server) handle(g *guest, event string, data json.RawMessage) {
	switch event {
	case api.EventMatch:
		s.leave(g)
		g.send(api.EventSearching, object{"message": api.TextSearching})
		g.wants = traits{}
		if json.Unmarshal(data, &g.wants) != nil {
			g.wants = traits{} // no wishes were sent
		}
		s.search(g)
	case api.EventMatchCancel:
		s.unqueue(g)
		g.send(api.EventMatchCancelled, object{"message": api.TextCancelled})
	case api.EventChatClear, api.EventLeaveRoom, api.EventCloseRoom:
		s.leave(g)
		g.send(api.EventClearConfirmed, object{"message": api.TextCleared})
	case api.EventChatMessage:
		s.relay(g, data)
	}
}

func (s *Server) unqueue(g *guest) {
	s.mu.queue = slices.DeleteFunc(s.mu.queue, func(q *guest) bool { return q == g })
}

// search pairs g with who waits longest.
func (s *Server) search(g *guest) {
	if slices.Contains(s.mu.queue, g) {
		return
	}
	if taken := s.taken(g); taken != nil && s.lies(DoubleMatch) {
		s.introduce(g, taken)
		return
	}
	p := s.choose(g)
	if p == nil {
		s.mu.queue = append(s.mu.queue, g)
		g.send(api.EventNoUsers, object{"message": api.TextNoUsers})
		return
	}
	s.unqueue(p)
	g.partner, p.partner = p, g
	g.last, p.last = p, g
	s.introduce(g, p)
}

// traits are what a guest says of itself, or wants; "" is not said, or no wish.
type traits struct{ Language, Gender, Country string }

func (wants traits) accept(t traits) bool {
	return (wants.Language == "" || wants.Language == t.Language) &&
		(wants.Gender == "" || wants.Gender == t.Gender) && (wants.Country == "" || wants.Country == t.Country)
}

// choose returns who has waited longest of those who accept g and whom g accepts.
// The last partner is chosen only where nobody else is there. nil: nobody is.
func (s *Server) choose(g *guest) *guest {
	var fit []*guest
	for _, p := range s.mu.queue {
		if g.wants.accept(p.is) && p.wants.accept(g.is) {
			fit = append(fit, p)
		}
	}
	parted := func(p *guest) bool { return g.last == p || p.last == g }
	again := slices.IndexFunc(fit, func(p *guest) bool { return g.last == p && p.last == g })
	best := slices.IndexFunc(fit, func(p *guest) bool { return !parted(p) })
	switch {
	case len(s.mu.queue) > 0 && !slices.Contains(fit, s.mu.queue[0]) && s.lies(IgnoreWishes):
		return s.mu.queue[0]
	case len(fit) == 0 || s.lies(KeepWaiting):
		return nil
	case best >= 0 && again >= 0 && s.lies(SameAgain):
		return fit[again]
	case len(fit) > 1 && !parted(fit[len(fit)-1]) && s.lies(LastFirst):
		return fit[len(fit)-1]
	}
	return fit[max(best, 0)]
}

// taken returns somebody who is in a chat, not with g.
func (s *Server) taken(g *guest) *guest {
	for p := range s.mu.online {
		if p != g && p.partner != nil && p.partner != g {
			return p
		}
	}
	return nil
}

// introduce tells two of their match; g searched last.
func (s *Server) introduce(g, p *guest) {
	room := min(g.id, p.id) + "_" + max(g.id, p.id)
	for _, side := range [][2]*guest{{g, p}, {p, g}} {
		me, other := side[0], side[1]
		me.send(api.EventMatched, object{"roomId": room, "matchedUser": object{
			"id": other.id, "username": other.name, "isGuest": true, "location": nil, "gender": nil, "language": nil,
		}})
		for _, who := range []*guest{g, p} {
			me.send(api.EventUserJoined, object{"userId": who.id, "username": who.name, "message": who.name + " has joined the chat"})
		}
	}
}

// part ends the chat of g, and returns the partner if that one is to be told.
func (s *Server) part(g *guest) *guest {
	p := g.partner
	if p == nil {
		return nil
	}
	for _, who := range []*guest{g, p} {
		if who.held != nil {
			who.held.send()
			who.held = nil
		}
	}
	g.partner, p.partner = nil, nil
	if s.lies(ForgetRelease) {
		return nil
	}
	return p
}

func (s *Server) leave(g *guest) {
	s.unqueue(g)
	if g.partner == nil {
		return
	}
	left := object{"userId": g.id, "username": g.name, "message": g.name + " has left the chat"}
	p := s.part(g)
	g.send(api.EventUserLeft, left)
	if p != nil {
		p.send(api.EventUserLeft, left)
		p.send(api.EventChatCleared, object{"userId": g.id, "username": g.name, "reason": api.TextLeftReason})
	}
}

func (s *Server) relay(g *guest, data json.RawMessage) {
	p := g.partner
	if p == nil && g.last != nil && s.lies(RelayLate) {
		p = g.last
	}
	if p == nil {
		g.send(api.EventChatError, object{"message": api.TextNotConnected})
		return
	}
	var body struct{ Type, Content string }
	if err := json.Unmarshal(data, &body); err != nil {
		g.send(api.EventChatError, object{"message": api.TextInvalidMessage})
		return
	}
	s.mu.count++
	id, now := fmt.Sprintf("msg_%d", s.mu.count), time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	g.send(api.EventMessageSent, object{"messageId": id, "timestamp": now, "status": "sent"})
	if s.lies(DamageMessage) {
		_, size := utf8.DecodeLastRuneInString(body.Content)
		body.Content = body.Content[:len(body.Content)-size]
	}
	deliver := func(to *guest) {
		to.send(api.EventChatMessage, object{"id": id, "senderId": g.id, "senderUsername": g.name,
			"type": body.Type, "content": body.Content, "timestamp": now})
	}
	to := g
	if s.lies(WrongReceipt) {
		to = p
	}
	confirm := func() { to.send(api.EventDelivered, object{"messageId": id, "timestamp": now}) }
	switch {
	case g.held == nil && s.lies(SwapMessages):
		s.hold(g, func() { deliver(p); confirm() })
		return
	case s.lies(DropMessage):
		confirm()
		return
	case s.lies(RepeatMessage):
		deliver(p)
	}
	deliver(p)
	if third := s.taken(g); third != nil && third != p && s.lies(Misdirect) {
		deliver(third)
	}
	confirm()
	if held := g.held; held != nil {
		g.held = nil
		held.send()
	}
}

// holding is a message that is held back to be sent after the next.
type holding struct{ send func() }

// hold holds back a guest's message, though not for ever: where none follows,
// both would wait for each other's words.
func (s *Server) hold(g *guest, send func()) {
	h := &holding{send}
	g.held = h
	time.AfterFunc(500*time.Millisecond, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if g.held == h {
			g.held = nil
			h.send()
		}
	})
}
