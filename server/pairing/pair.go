package pairing

import (
	"slices"
	"time"
)

// pair is what this instance knows of one pair: it holds one side, or both.
type pair struct {
	Pair
	id    string
	sides [2]side
	armed bool // a timer will look at it
	owing bool // a timer will acknowledge what was delivered
	// restore: the matcher may not know the pair; tried so often
	restore   bool
	restored  int
	retry     bool          // it is to be tried again some time later
	store     uint64        // the machine's as the pair was made
	anew      bool          // the matcher was told of it here, perhaps after the partner's instance had dissolved it
	move      bool          // the matcher does not know where the guest is now
	came      string        // but at this instance
	dissolved bool          // by the matcher, though the partner may be in it
	gone      time.Duration // since when the partner's instance says that it is not there; 0: it does not
	checking  bool          // it has said so for long enough: presence decides
}

// side is one guest's part of a pair.
type side struct {
	here  bool
	begun bool // the guest has been told
	over  bool // the guest is no longer in it; what it has said is still on its way
	// at is the time of the holder: of several, the latest counts.
	at       int64
	instance string // that holds it, where that is not here

	// Where it is here:
	sent      uint64 // items said
	delivered uint64 // items of the partner given to the guest
	taken     uint64 // and taken by its socket
	unacked   []Item // said, and not acknowledged; where the partner is elsewhere
	receipts  []Receipt
	early     []Item
	acked     uint64 // the last Delivered that the partner's instance was told
	quiet     int    // times that the partner's instance was asked since it was last heard
	asking    bool   // it is asked although nothing is outstanding
}

// has reports whether the guest has been told of the pair.
func (p *pair) has(g *guest) bool {
	i := p.index(g.id)
	return i >= 0 && p.sides[i].here && p.sides[i].begun
}

func (m *Machine) newPair(d *Pair) *pair {
	p := &pair{Pair: *d, id: d.ID, store: m.store}
	m.pairs[p.id] = p
	return p
}

// forget drops a pair of which nothing is left to do.
func (m *Machine) forget(p *pair) {
	for i := range p.sides {
		m.unbuffer(p.sides[i].unacked)
		p.sides[i] = side{}
		if g := m.guests[p.Of[i].Guest]; g != nil && g.chat == p {
			g.chat, g.ending = nil, 0
		}
	}
	delete(m.pairs, p.id)
}

func (m *Machine) unbuffer(items []Item) {
	for i := range items {
		m.buffered -= len(items[i].Data)
	}
}

// begin tells the guest of side i that it is in the pair.
func (m *Machine) begin(p *pair, i int) {
	s, g := &p.sides[i], m.guests[p.Of[i].Guest]
	if s.begun || s.over || g == nil || g.ending != 0 || g.chat != nil && g.chat != p {
		return
	}
	s.begun = true
	g.chat, g.want, g.next, g.record, g.misses = p, false, false, paired, 0
	if !g.told && i == 1 {
		m.tell(g, Effect{Kind: TellNoUsers})
	}
	g.told = true
	m.tell(g, Effect{Kind: TellMatched, Pair: p.id, Match: &p.Pair, Partner: p.Of[1-i].Guest})
	if p.store != m.store && m.flaw != beginsLateUnrecorded { // which may have forgotten it
		p.restore = true
		m.reconcile(g)
	}
}

// say numbers an item of side i and gives it to the partner, wherever that is.
func (m *Machine) say(p *pair, i int, item Item) {
	s, them := &p.sides[i], &p.sides[1-i]
	s.sent++
	item.Number = s.sent
	if m.flaw == endUnnumbered && item.What == EndItem {
		m.transmit(p, i, item)
		m.arm(p)
		return
	}
	if item.ID != "" {
		s.receipts = append(s.receipts, Receipt{item.Number, item.ID})
	}
	if them.here {
		m.deliver(p, 1-i, &item)
		return
	}
	s.unacked = append(s.unacked, item)
	m.buffered += len(item.Data)
	m.transmit(p, i, item)
	m.arm(p)
}

// transmit sends an item to the instance that holds the partner's side.
func (m *Machine) transmit(p *pair, i int, item Item) {
	r := m.about(p, i, ItemMessage)
	r.Item = item
	if item.What == BeginItem {
		match := p.Pair
		r.Match = &match
	}
	m.do(Effect{Kind: Transmit, Instance: p.sides[1-i].instance, Message: r})
}

// about is a message from side i to the partner's.
func (m *Machine) about(p *pair, i int, kind MessageKind) *Message {
	s := &p.sides[i]
	s.acked = s.delivered
	return &Message{Kind: kind, Instance: m.instance, Pair: p.id, To: p.Of[1-i].Guest, From: p.Of[i].Guest,
		At: s.at, Delivered: s.delivered, Taken: s.taken}
}

func (m *Machine) ack(p *pair, i int, flags Flags) {
	r := m.about(p, i, AckMessage)
	r.Flags = flags
	m.do(Effect{Kind: Transmit, Instance: p.sides[1-i].instance, Message: r})
}

// deliver gives side j the next item of its partner.
func (m *Machine) deliver(p *pair, j int, item *Item) {
	s := &p.sides[j]
	s.delivered = item.Number
	g := m.guests[p.Of[j].Guest]
	switch item.What {
	case BeginItem:
		s.taken = item.Number
		m.begin(p, j)
	case EventItem:
		if s.over || g == nil || g.chat != p || g.ending != 0 {
			return // to nobody: the guest has left
		}
		m.tell(g, Effect{Kind: TellEvent, Pair: p.id, Number: item.Number, Event: item.Event, ID: item.ID, Data: item.Data})
	case EndItem:
		m.partnerEnded(p, j, item)
	}
}

// partnerEnded acts on the end that the partner's side has said.
func (m *Machine) partnerEnded(p *pair, j int, item *Item) {
	if !p.sides[1-j].here {
		m.ack(p, j, 0)
	}
	m.closed(p, j, item.Why, item.Parted)
}

// closed ends the pair for side j, whose partner is gone, and forgets it.
func (m *Machine) closed(p *pair, j int, why Why, parted bool) {
	s, g := p.sides[j], m.guests[p.Of[j].Guest]
	mine := g != nil && g.chat == p && !s.over
	parted = parted && (!p.anew || m.flaw == trustsParted)
	var ending Why
	if mine {
		ending = g.ending
	}
	m.forget(p)
	if !mine {
		return
	}
	switch {
	case parted && m.flaw != recordsForever:
		g.record = absent
	case m.flaw != recordsForever:
		g.record = dirty
	default:
		g.record = absent
	}
	if p.move {
		g.from = p.came
	}
	if !s.begun {
		g.misses++
		m.finished(g, p.id, Dropped)
		m.reconcile(g)
		return
	}
	g.avoid = p.Of[1-j].Guest
	if ending == Left {
		m.finished(g, p.id, ending)
	} else if ending == 0 {
		m.tell(g, Effect{Kind: TellClosed, Pair: p.id, Partner: p.Of[1-j].Guest, Why: why})
	}
	m.reconcile(g)
}

// finished tells a guest who has left that this is done, and goes on to the next search.
func (m *Machine) finished(g *guest, pair string, why Why) {
	if why == Left {
		m.tell(g, Effect{Kind: TellLeft, Pair: pair})
	}
	if g.next {
		g.next = false
		m.startSearch(g)
	}
}

// end ends the pair that the guest leaves; parted says that the matcher knows.
func (m *Machine) end(g *guest, parted bool) {
	p, why := g.chat, g.ending
	i := p.index(g.id)
	s, them := &p.sides[i], &p.sides[1-i]
	g.chat, g.ending = nil, 0
	if why == Replaced {
		why = Dropped
	}
	s.over = true
	s.early = nil
	if s.begun {
		g.avoid = p.Of[1-i].Guest
	} else {
		why = Dropped
	}
	m.finished(g, p.id, why)
	m.say(p, i, Item{What: EndItem, Why: why, Parted: parted})
	if them.here && m.pairs[p.id] == p {
		m.forget(p)
	}
}

// send gives an event of the guest to its partner.
func (m *Machine) send(g *guest, in *Input) {
	p := g.chat
	if p == nil || g.ending != 0 || !p.has(g) {
		m.tell(g, Effect{Kind: TellRefused, ID: in.ID, Why: NotConnected})
		return
	}
	i := p.index(g.id)
	s := &p.sides[i]
	if len(s.unacked) >= maxItems || len(s.receipts) >= maxItems || m.buffered >= maxBytes {
		m.tell(g, Effect{Kind: TellRefused, ID: in.ID, Why: Overflow})
		return
	}
	m.say(p, i, Item{What: EventItem, Event: in.Event, ID: in.ID, Data: in.Data})
	if in.ID != "" {
		m.tell(g, Effect{Kind: TellSent, ID: in.ID})
	}
}

// taken notes how far the guest's socket has taken what the partner said.
func (m *Machine) taken(in *Input) {
	p := m.pairs[in.Pair]
	if p == nil {
		return
	}
	j := p.index(in.Guest)
	if j < 0 || !p.sides[j].here || in.Number > p.sides[j].delivered || in.Number <= p.sides[j].taken {
		return
	}
	p.sides[j].taken = in.Number
	if p.sides[1-j].here {
		m.receipt(p, 1-j, in.Number)
	} else {
		m.ack(p, j, 0)
	}
}

// receipt tells the guest of side i what the partner's socket has taken.
func (m *Machine) receipt(p *pair, i int, taken uint64) {
	s, g := &p.sides[i], m.guests[p.Of[i].Guest]
	n := 0
	for n < len(s.receipts) && s.receipts[n].Number <= taken {
		if g != nil && g.chat == p {
			m.tell(g, Effect{Kind: TellReceipt, ID: s.receipts[n].ID})
		}
		n++
	}
	s.receipts = slices.Delete(s.receipts, 0, n)
}
