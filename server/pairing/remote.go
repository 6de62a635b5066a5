package pairing

import (
	"cmp"
	"slices"
)

// received acts on one message of another instance.
func (m *Machine) received(r *Message) {
	switch r.Kind {
	case ItemMessage, AckMessage:
		m.heard(r)
	case GoneMessage:
		m.gone(r)
	case ClaimMessage:
		m.claimed(r)
	case HandoverMessage:
		m.handover(r)
	case HandedMessage:
		m.handedOver(r)
	}
}

// deny tells the sender of r that its side of the pair has no partner here.
func (m *Machine) deny(r *Message) {
	m.do(Effect{Kind: Transmit, Instance: r.Instance, Message: &Message{Kind: GoneMessage,
		Instance: m.instance, Pair: r.Pair, To: r.From, From: r.To}})
}

// heard acts on an item or an acknowledgement.
func (m *Machine) heard(r *Message) {
	m.noticed(r)
	p := m.pairs[r.Pair]
	j := -1
	if p != nil {
		j = p.index(r.To)
	}
	asks := r.Kind == ItemMessage || r.Flags&Ask != 0
	if j < 0 || !p.sides[j].here {
		if p == nil && r.Match != nil && m.accept(r) {
			return
		}
		if g := m.guests[r.To]; asks && (g == nil || g.arriving == 0) {
			m.deny(r) // while its chat is coming, the sender is left to ask again
			if r.Kind == ItemMessage && r.Item.What == EndItem {
				m.found(g) // of a pair whose begin has been lost, perhaps
			}
		}
		return
	}
	s, them := &p.sides[j], &p.sides[1-j]
	if them.here || r.At < them.at {
		if asks {
			m.deny(r) // somebody else holds it now
		}
		return
	}
	moved := them.instance != r.Instance
	them.at, them.instance = r.At, r.Instance
	p.Of[1-j].Instance = r.Instance
	s.quiet, s.asking, p.checking, p.gone = 0, false, false, 0
	m.acknowledged(p, j, r)
	if s.over && len(s.unacked) == 0 {
		m.forget(p)
		return
	}
	if moved {
		m.burst(p, j)
	}
	if g := m.guests[r.To]; (r.Flags&Record != 0 || p.dissolved) && g != nil && g.chat == p {
		p.restore, p.restored, p.dissolved = true, 0, false
		m.reconcile(g)
	}
	if r.Kind == ItemMessage {
		m.take(p, j, &r.Item)
	} else if r.Flags&Ask != 0 {
		m.ack(p, j, 0)
	}
}

// found has a guest who waits search again: the matcher may have taken it from the
// queue for a pair that is over.
func (m *Machine) found(g *guest) {
	if g != nil && g.chat == nil && g.want && g.record == waiting {
		g.record = unsure
		m.reconcile(g)
	}
}

// acknowledged drops what the partner's side has, and gives receipts for what its
// socket has taken.
func (m *Machine) acknowledged(p *pair, j int, r *Message) {
	s := &p.sides[j]
	n := 0
	for n < len(s.unacked) && s.unacked[n].Number <= r.Delivered {
		n++
	}
	m.unbuffer(s.unacked[:n])
	s.unacked = slices.Delete(s.unacked, 0, n)
	m.receipt(p, j, r.Taken)
}

// take delivers an item of the partner in its order, once.
func (m *Machine) take(p *pair, j int, item *Item) {
	s := &p.sides[j]
	switch {
	case m.flaw == endUnnumbered && item.What == EndItem, m.flaw == keepsNoOrder && item.Number > s.delivered:
		m.deliver(p, j, item)
		return
	case item.Number <= s.delivered && m.flaw != deliversTwice:
		m.ack(p, j, 0)
		return
	case item.Number > s.delivered+1:
		at, again := slices.BinarySearchFunc(s.early, item.Number, func(e Item, n uint64) int { return cmp.Compare(e.Number, n) })
		if !again && len(s.early) < maxEarly {
			s.early = slices.Insert(s.early, at, *item)
		}
		return
	}
	m.deliver(p, j, item)
	n := 0
	for n < len(s.early) && m.pairs[p.id] == p {
		if s.early[n].Number > s.delivered+1 {
			break
		}
		early := s.early[n]
		n++
		m.deliver(p, j, &early)
	}
	s.early = slices.Delete(s.early, 0, min(n, len(s.early)))
	if m.pairs[p.id] == p && s.acked < s.delivered && !p.owing {
		p.owing = true
		m.timers.add(m.now+soon, timer{owing: p})
	}
}

// owed acknowledges what has not been since.
func (m *Machine) owed(p *pair) {
	p.owing = false
	for j := range p.sides {
		if s := &p.sides[j]; s.here && !p.sides[1-j].here && s.acked < s.delivered && m.pairs[p.id] == p {
			m.ack(p, j, 0)
		}
	}
}

// accept begins a pair that another instance offers, if the guest still searches as
// it did when the matcher found it.
func (m *Machine) accept(r *Message) bool {
	j := r.Match.index(r.To)
	if j < 0 || !m.free(r.To, &r.Match.Of[j]) {
		return false
	}
	p := m.newPair(r.Match)
	p.sides[j] = side{here: true, at: m.guests[r.To].at}
	p.sides[1-j] = side{instance: r.Instance, at: r.At}
	g := m.guests[r.To]
	p.restore = g.again && m.flaw != beginsLateUnrecorded
	m.take(p, j, &r.Item)
	m.say(p, j, Item{What: BeginItem})
	m.reconcile(g)
	return true
}

// free reports whether the guest searches, and the search is the one that party is of.
func (m *Machine) free(id string, party *Party) bool {
	g := m.guests[id]
	return g != nil && g.socket != 0 && g.want && g.chat == nil && (g.search == party.Search || m.flaw == acceptsAnySearch)
}

// gone acts on the word that another instance does not hold the partner's side.
func (m *Machine) gone(r *Message) {
	m.noticed(r)
	p := m.pairs[r.Pair]
	j := -1
	if p != nil {
		j = p.index(r.To)
	}
	if r.Flags&Notice != 0 {
		m.hearNotice(p, j, r)
		return
	}
	if j < 0 || !p.sides[j].here || p.sides[1-j].here || p.sides[1-j].instance != r.Instance {
		return
	}
	switch s := &p.sides[j]; {
	case !s.begun && !s.over:
		m.closed(p, j, Offline, false)
	default: // it may be on its way to another instance, or back to that one
		if p.gone == 0 {
			p.gone = m.now
		}
		p.checking = m.now-p.gone >= arriveWithin
		s.asking = true
		m.arm(p)
		m.do(Effect{Kind: CallWhere, Guest: r.From, Pair: p.id})
	}
}

// located acts on where the partner's socket is.
func (m *Machine) located(in *Input) {
	p := m.pairs[in.Pair]
	if p == nil || in.Failed {
		return
	}
	i := p.index(in.Guest)
	if i < 0 || p.sides[i].here || !p.sides[1-i].here {
		return
	}
	them, s := &p.sides[i], &p.sides[1-i]
	g := m.guests[in.Guest]
	arriving := in.Instance == m.instance && g != nil && g.arriving != 0
	switch {
	case !p.checking:
		if in.Instance != "" && in.Instance != m.instance && in.Instance != them.instance {
			r := m.about(p, 1-i, AckMessage)
			r.Flags = Ask
			m.do(Effect{Kind: Transmit, Instance: in.Instance, Message: r})
		}
	case arriving: // it is coming here with its side
		p.checking = false
	case in.Instance == "" || in.Instance == them.instance || in.Instance == m.instance:
		if s.over {
			m.forget(p)
		} else {
			m.closed(p, 1-i, Offline, false)
		}
	default:
		p.checking, p.gone, s.asking = false, 0, true
		them.instance = in.Instance
		m.burst(p, 1-i)
	}
}

// arm has a timer look at a pair of which something is outstanding.
func (m *Machine) arm(p *pair) {
	if !p.armed {
		p.armed = true
		m.timers.add(m.now+resendEvery, timer{pair: p})
	}
}

// resend sends again what the partner's instance has not acknowledged, and gives up
// where that is silent for too long.
func (m *Machine) resend(p *pair) {
	if m.pairs[p.id] != p {
		return
	}
	if p.retry {
		p.retry, p.restore = false, true
		m.reconcileBoth(p)
	}
	for j := range p.sides {
		s := &p.sides[j]
		if !s.here || p.sides[1-j].here || len(s.unacked) == 0 && len(s.receipts) == 0 && !s.asking {
			continue
		}
		if m.link {
			if !m.patient(p, j) {
				return
			}
			m.burst(p, j)
		}
		m.arm(p)
	}
}

// patient counts one more time without an answer; it reports false once they are too many.
func (m *Machine) patient(p *pair, j int) bool {
	s := &p.sides[j]
	s.quiet++
	switch {
	case s.over && s.quiet > lingerTries:
		m.forget(p)
		return false
	case !s.over && s.quiet > silentTries:
		if s.begun {
			m.closed(p, j, Offline, false)
		} else { // the other may have begun it
			g := m.guests[p.Of[j].Guest]
			g.misses++
			g.chat, g.ending, g.record, s.over, s.quiet = nil, 0, dirty, true, 0
			m.say(p, j, Item{What: EndItem, Why: Offline})
			m.reconcile(g)
		}
		return false
	case s.quiet == 2 || s.quiet == 4:
		m.do(Effect{Kind: CallWhere, Guest: p.Of[1-j].Guest, Pair: p.id})
	}
	return true
}

// burst sends what is not acknowledged, or asks.
func (m *Machine) burst(p *pair, j int) {
	s := &p.sides[j]
	if m.flaw == neverResends {
		return
	}
	for i := range min(len(s.unacked), maxBurst) {
		m.transmit(p, j, s.unacked[i])
	}
	if len(s.unacked) == 0 || s.asking {
		flags := Ask
		if p.restored > 0 && !p.restore {
			flags |= Record
		}
		m.ack(p, j, flags)
	}
	m.arm(p)
}
