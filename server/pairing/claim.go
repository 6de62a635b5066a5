package pairing

import "slices"

// claimKey is a guest whom this instance claims from another.
type claimKey struct{ guest, instance string }

// claim is made until it is answered.
type claim struct {
	claimKey
	at    int64
	flags Flags
	tries int
}

// handover is a side that was given away, until the other instance has it.
type handover struct {
	to      string
	message *Message
	tries   int
	done    bool // the other has it; kept for a while, since what gave the side may come again
}

// notice tells an instance that a pair which nobody holds here is dissolved.
type notice struct {
	to      string
	message *Message
	tries   int
}

// claim has another instance give up the guest, who joined this one at a time.
func (m *Machine) claim(guest, instance string, at int64, flags Flags) {
	c := &claim{claimKey: claimKey{guest, instance}, at: at, flags: flags}
	m.claims[c.claimKey] = c
	m.reclaim(c)
}

func (m *Machine) reclaim(c *claim) {
	if m.claims[c.claimKey] != c {
		return
	}
	if m.link {
		if c.tries++; c.tries > lingerTries {
			m.unanswered(c)
			return
		}
		m.do(Effect{Kind: Transmit, Instance: c.instance, Message: &Message{Kind: ClaimMessage, Flags: c.flags,
			Instance: m.instance, To: c.guest, At: c.at}})
	}
	m.timers.add(m.now+pause(c.tries), timer{claim: c})
}

// unanswered gives a claim up: the other instance is gone.
func (m *Machine) unanswered(c *claim) {
	delete(m.claims, c.claimKey)
	g := m.guests[c.guest]
	if g == nil {
		return
	}
	m.won(c, g)
	m.arrived(g, false)
	g.from = c.instance // what it has recorded of the guest nobody else takes out
	m.reconcile(g)
}

// won acts on the answer to a claim of a guest of whom two instances thought that it is
// theirs: presence is to know where it is, and tells of a third; and the matcher, which
// may have refused.
func (m *Machine) won(c *claim, g *guest) {
	if c.flags&(Adopt|Delete) != 0 || g == nil || g.socket == 0 || m.flaw == winsSilently {
		return
	}
	m.do(Effect{Kind: CallJoin, Guest: g.id})
	if g.chat != nil {
		g.chat.restore, g.chat.restored = true, 0
	} else if g.want {
		g.record = unsure
	}
	m.reconcile(g)
	m.reconcileBoth(g.chat)
}

// claimed acts on another instance's claim of a guest.
func (m *Machine) claimed(r *Message) {
	if m.joining[r.To] > 0 && r.Flags&Adopt != 0 {
		m.recent[r.To] = r // which of the two is the newer is not known yet: the other asks again
		return
	}
	h := m.handed[r.To]
	given := h != nil && h.message.At == r.At && h.to == r.Instance
	if given {
		m.do(Effect{Kind: Transmit, Instance: h.to, Message: h.message})
		if r.Flags&Adopt != 0 {
			return
		}
	}
	g := m.guests[r.To]
	if g == nil || g.socket == 0 {
		if !given {
			m.keeps(r, "", 0)
		}
		return
	}
	if r.Flags&Delete != 0 {
		m.tell(g, Effect{Kind: CloseSocket, Why: SessionEnded})
		m.vacate(g, Dropped)
		m.keeps(r, "", 0)
		m.reconcile(g)
		return
	}
	if m.newer(g, r) && m.flaw != yieldsToOlder {
		m.keeps(r, "", Newer)
		if r.Flags&Adopt == 0 {
			m.claim(g.id, r.Instance, g.at, 0)
		}
		return
	}
	if g.arriving != 0 {
		g.claimed = r // what has not come yet goes on
		return
	}
	m.surrender(g, r)
}

// keeps answers a claim: no chat comes. partner is in one that ends instead.
func (m *Machine) keeps(r *Message, partner string, flags Flags) {
	m.do(Effect{Kind: Transmit, Instance: r.Instance, Message: &Message{Kind: HandoverMessage, Flags: flags,
		Instance: m.instance, To: r.To, From: partner, At: r.At}})
}

// surrender closes the guest's socket, whose newer one is elsewhere, and gives its
// chat away, or ends it.
func (m *Machine) surrender(g *guest, r *Message) {
	m.tell(g, Effect{Kind: CloseSocket, Why: Replaced})
	p, partner := g.chat, ""
	if p != nil && p.has(g) && g.ending == 0 {
		partner = p.Of[1-p.index(g.id)].Guest
		if r.Flags&Adopt != 0 {
			m.give(g, p, r)
			m.vacate(g, Replaced)
			m.reconcile(g)
			return
		}
	}
	m.vacate(g, Replaced)
	m.keeps(r, partner, 0)
	m.reconcile(g)
}

// give hands the guest's side of its chat over to the instance that claims it.
func (m *Machine) give(g *guest, p *pair, r *Message) {
	i := p.index(g.id)
	s, them := &p.sides[i], &p.sides[1-i]
	state := &State{At: max(r.At, s.at+1), Anew: p.anew, Sent: s.sent, Delivered: s.delivered, Taken: s.delivered, // its socket is flushed
		Unacked: slices.Clone(s.unacked), Receipts: slices.Clone(s.receipts), Partner: them.instance, PartnerAt: them.at}
	if them.here {
		state.Partner = m.instance
	}
	match := p.Pair
	match.Of[i].Instance = r.Instance
	h := &handover{to: r.Instance, message: &Message{Kind: HandoverMessage, Instance: m.instance, Pair: p.id,
		To: g.id, At: r.At, Match: &match, State: state}}
	m.handed[g.id] = h
	m.unbuffer(s.unacked)
	if them.here {
		m.receipt(p, 1-i, state.Taken)
	}
	*s = side{instance: r.Instance, at: state.At}
	g.chat, g.record = nil, absent
	p.Pair = match
	if !them.here {
		delete(m.pairs, p.id)
	}
	m.handAgain(h)
}

// handAgain sends a handover until it is answered. Where the other instance is gone,
// the side ends here.
func (m *Machine) handAgain(h *handover) {
	if m.handed[h.message.To] != h || h.done {
		return
	}
	if m.link {
		if h.tries++; h.tries > lingerTries {
			m.takeBack(h)
			return
		}
		m.do(Effect{Kind: Transmit, Instance: h.to, Message: h.message})
	}
	m.timers.add(m.now+pause(h.tries), timer{handover: h})
}

// handedOver notes that the other instance holds the side.
func (m *Machine) handedOver(r *Message) {
	if h := m.handed[r.To]; h != nil && h.message.At == r.At && !h.done {
		h.done = true
		m.timers.add(m.now+lingerTries*resendEvery, timer{handover: h, at: 1})
	}
}

// takeBack ends a side that nobody has taken.
func (m *Machine) takeBack(h *handover) {
	delete(m.handed, h.message.To)
	r := *h.message
	r.Instance = m.instance // where the matcher has it
	m.install(&r)
	m.orphan(&r)
}

// handover acts on the answer to a claim.
func (m *Machine) handover(r *Message) {
	key := claimKey{r.To, r.Instance}
	c := m.claims[key]
	answers := c != nil && c.at == r.At
	if answers {
		delete(m.claims, key)
	}
	g := m.guests[r.To]
	if answers && r.Flags&Newer == 0 {
		m.won(c, g)
	}
	if r.State == nil {
		if !answers || g == nil || g.socket == 0 {
			return
		}
		if g.arriving == r.At {
			if r.Flags&Newer != 0 { // this socket is about to be closed, and hears nothing more
				g.partner, g.held = "", nil
			}
			if r.From != "" {
				g.partner = r.From
			}
			m.arrived(g, true)
		} else if r.From != "" && g.chat == nil && !g.want && g.arriving == 0 {
			m.lost(g, r.From)
		}
		return
	}
	m.do(Effect{Kind: Transmit, Instance: r.Instance, Message: &Message{Kind: HandedMessage,
		Instance: m.instance, Pair: r.Pair, To: r.To, At: r.At}})
	if h := m.handed[r.To]; h != nil && h.message.Pair == r.Pair && h.message.State.At > r.State.At {
		return // told twice: it has come, and gone on
	}
	if !m.install(r) {
		return // told twice
	}
	if g == nil || g.socket == 0 || g.arriving != r.At && m.flaw != adoptsLate || g.chat != nil {
		m.orphan(r) // too late
		return
	}
	p := m.pairs[r.Pair]
	g.chat, g.want, g.record, p.move, p.came = p, false, paired, m.flaw != forgetsMove, r.Instance
	m.resume(p, p.index(g.id))
	m.arrived(g, true)
}

// install makes this instance the holder of the side that a handover brings; false
// where it is already.
func (m *Machine) install(r *Message) bool {
	p := m.pairs[r.Pair]
	i := r.Match.index(r.To)
	if p != nil && p.sides[i].here {
		return false
	}
	if p == nil {
		p = m.newPair(r.Match)
		p.sides[1-i] = side{instance: r.State.Partner, at: r.State.PartnerAt}
	}
	st := r.State
	p.anew = p.anew || st.Anew
	p.Of[i].Instance = m.instance
	p.sides[i] = side{here: true, begun: true, at: st.At, sent: st.Sent, delivered: st.Delivered, taken: st.Taken,
		acked: st.Delivered, unacked: slices.Clone(st.Unacked), receipts: slices.Clone(st.Receipts)}
	for k := range st.Unacked {
		m.buffered += len(st.Unacked[k].Data)
	}
	return true
}

// resume goes on with a side that has come: with the partner here, or by telling its
// instance where the side is now.
func (m *Machine) resume(p *pair, i int) {
	s, them := &p.sides[i], &p.sides[1-i]
	if !them.here {
		s.asking = true
		if m.flaw == movesSilently {
			s.asking = false
			return
		}
		m.burst(p, i)
		return
	}
	for _, j := range [2]int{i, 1 - i} { // each hears what the other has said and it has not heard
		items := p.sides[1-j].unacked
		p.sides[1-j].unacked, p.sides[j].early = nil, nil
		m.unbuffer(items)
		for k := range items {
			if items[k].Number > p.sides[j].delivered && m.pairs[p.id] == p {
				m.deliver(p, j, &items[k])
			}
		}
	}
	if m.pairs[p.id] != p {
		return
	}
	m.receipt(p, i, them.taken)
	m.receipt(p, 1-i, s.taken)
	them.asking, them.quiet = false, 0
}

// orphan ends a side that has come and whose guest is not here, behind all that it has
// said. The matcher still has it where it came from.
func (m *Machine) orphan(r *Message) {
	p := m.pairs[r.Pair]
	i := p.index(r.To)
	p.sides[i].over = true
	m.resume(p, i)
	if m.pairs[r.Pair] == p {
		m.say(p, i, Item{What: EndItem, Why: Dropped})
		if p.sides[1-i].here && m.pairs[r.Pair] == p {
			m.forget(p)
		}
	}
	g := m.guests[r.To]
	if g == nil {
		g = &guest{id: r.To}
		m.guests[g.id] = g
	}
	g.from = r.Instance
	m.reconcile(g)
}

// flushed notes that an older socket of the guest has taken what it was given.
func (m *Machine) flushed(g *guest) {
	if p := g.chat; p != nil && p.has(g) && g.ending == 0 {
		m.taken(&Input{Pair: p.id, Guest: g.id, Number: p.sides[p.index(g.id)].delivered})
	}
}

// tell the other instance of a pair that the matcher has dissolved, and of which no
// side is here.
func (m *Machine) notify(match *Pair, guest string) {
	them := &match.Of[1-match.index(guest)]
	r := &Message{Kind: GoneMessage, Flags: Notice, Instance: m.instance, Pair: match.ID, To: them.Guest, From: guest}
	if them.Instance == m.instance {
		m.hearNotice(m.pairs[match.ID], match.index(them.Guest), r)
		return
	}
	n := &notice{to: them.Instance, message: r}
	m.notices[match.ID] = n
	m.noticeAgain(n)
}

func (m *Machine) noticeAgain(n *notice) {
	if m.notices[n.message.Pair] != n {
		return
	}
	if m.link {
		if n.tries++; n.tries > silentTries { // it is gone, or asks when it is back
			delete(m.notices, n.message.Pair)
			return
		}
		m.do(Effect{Kind: Transmit, Instance: n.to, Message: n.message})
	}
	m.timers.add(m.now+resendEvery, timer{notice: n})
}

// noticed notes that the other instance has answered.
func (m *Machine) noticed(r *Message) {
	if n := m.notices[r.Pair]; n != nil && n.to == r.Instance {
		delete(m.notices, r.Pair)
	}
}

// hearNotice acts on the word that the matcher has dissolved a pair.
func (m *Machine) hearNotice(p *pair, j int, r *Message) {
	if p == nil || j < 0 || !p.sides[j].here {
		if r.Instance != m.instance {
			m.deny(r)
		}
		m.found(m.guests[r.To])
		return
	}
	s, them := &p.sides[j], &p.sides[1-j]
	if r.Instance != m.instance {
		m.do(Effect{Kind: Transmit, Instance: r.Instance, Message: &Message{Kind: AckMessage, Instance: m.instance, Pair: r.Pair, To: r.From, From: r.To}})
	}
	switch {
	case s.over:
	case them.here:
		p.restore, p.restored = true, 0
		m.reconcileBoth(p)
	case !s.begun && them.instance == r.Instance:
		m.closed(p, j, Offline, false)
	default: // it may be so that only the matcher thinks so
		s.asking, p.dissolved = true, true
		m.burst(p, j)
	}
}
