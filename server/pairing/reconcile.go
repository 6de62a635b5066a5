package pairing

import (
	"maps"
	"slices"
	"time"
)

// pause is how long to wait after so many tries that were not answered.
func pause(tries int) time.Duration {
	if tries < 4 {
		return soon
	}
	return resendEvery
}

// reconcile makes the next call that brings the matcher to what the guest wants, one
// at a time, and forgets a guest of whom nothing is left.
func (m *Machine) reconcile(g *guest) {
	for g.call == 0 {
		p := g.chat
		switch {
		case g.from != "" && g.arriving == 0:
			m.callLeave(g)
		case p != nil && g.ending != 0:
			if g.record == absent {
				m.end(g, true)
				continue
			}
			if them := m.guests[p.Of[1-p.index(g.id)].Guest]; them != nil && them.chat == p && them.ending != 0 && them.call == CallLeave {
				return // which is for both
			}
			m.callLeave(g)
		case g.purge:
			m.callLeave(g)
		case p != nil:
			if !m.recordPair(g, p) {
				return
			}
		case g.want && g.arriving == 0:
			if g.record == waiting {
				return
			}
			if g.misses >= maxMisses {
				g.want, g.record = false, dirty
				m.tell(g, Effect{Kind: TellSearchFailed})
				continue
			}
			g.again = g.called == g.search
			g.call, g.called = CallSearch, g.search
			avoid := g.avoid
			if m.flaw == forgetsAvoid {
				avoid = ""
			}
			m.do(Effect{Kind: CallSearch, Guest: g.id, Search: g.search, Avoid: avoid})
		case g.record == dirty && g.arriving == 0, g.socket == 0 && g.record != absent:
			m.callLeave(g)
		case g.socket == 0:
			delete(m.guests, g.id)
			return
		default:
			return
		}
	}
}

// callLeave leaves the matcher, where the guest is recorded for this instance or for the
// one that it came from: a newer socket elsewhere may have a record by now.
func (m *Machine) callLeave(g *guest) {
	at := m.instance
	if g.other = g.from != ""; g.other {
		at, g.from = g.from, ""
	}
	g.call = CallLeave
	m.do(Effect{Kind: CallLeave, Guest: g.id, Instance: at})
}

// purges has a pair taken out that is not the one that the guest searches for, or is in.
// Where it is that of a newer socket elsewhere, the guest is about to be claimed.
func (m *Machine) purges(g *guest, me *Party) {
	if me.Instance != m.instance && me.Search > g.search {
		if g.want {
			g.want = false
			m.tell(g, Effect{Kind: TellSearchFailed})
		}
		g.record = unsure
		if m.claims[claimKey{g.id, me.Instance}] == nil {
			m.claim(g.id, me.Instance, g.at, 0)
		}
		return
	}
	g.misses++
	if g.purge = me.Instance == m.instance; !g.purge {
		g.from = me.Instance
	}
}

// recordPair has the matcher record where the guest is, or the pair anew.
func (m *Machine) recordPair(g *guest, p *pair) (called bool) {
	i := p.index(g.id)
	switch {
	case !p.sides[i].begun:
	case p.move:
		p.move = false
		g.call = CallMove
		m.do(Effect{Kind: CallMove, Guest: g.id, Pair: p.id})
		return true
	case p.restore && (i == 0 || !p.sides[0].here):
		p.restore, p.anew = false, true
		g.call = CallRestore
		match := p.Pair
		m.do(Effect{Kind: CallRestore, Guest: g.id, Match: &match})
		return true
	}
	return false
}

// answered acts on the answer to the guest's call.
func (m *Machine) answered(g *guest, in *Input) {
	want := map[InputKind]EffectKind{Searched: CallSearch, Parted: CallLeave, Moved: CallMove, Restored: CallRestore}[in.Kind]
	if g.call != want {
		return
	}
	stale := g.stale
	g.call, g.stale = 0, false
	p := g.chat
	switch in.Kind {
	case Searched:
		m.searched(g, in, stale)
	case Parted:
		m.parted(g, in, stale)
	case Moved:
		if p != nil && in.Refused {
			p.restore = true
		}
	case Restored:
		m.restored(g, in, stale)
	}
	m.reconcile(g)
	m.reconcileBoth(p)
}

// reconcileBoth makes the next calls of both guests of a pair, which may be nil.
func (m *Machine) reconcileBoth(p *pair) {
	for i := range 2 {
		if p != nil && m.pairs[p.id] == p {
			if g := m.guests[p.Of[i].Guest]; g != nil {
				m.reconcile(g)
			}
		}
	}
}

func (m *Machine) searched(g *guest, in *Input, stale bool) {
	switch {
	case in.Failed:
		if g.chat == nil {
			g.record = dirty
		}
		if g.want && g.chat == nil {
			g.want = false
			m.tell(g, Effect{Kind: TellSearchFailed})
		}
	case in.Match != nil:
		m.matched(g, in.Match, stale)
	case g.chat != nil: // another instance was faster
		g.chat.restore = g.chat.restore || stale
	case !g.want:
		g.record = dirty
	default:
		g.record = waiting
		if stale || g.called != g.search {
			g.record = unsure
		}
		if !g.told {
			g.told = true
			m.tell(g, Effect{Kind: TellNoUsers})
		}
	}
}

// matched acts on the pair that the matcher has made, or has for the guest.
func (m *Machine) matched(g *guest, match *Pair, stale bool) {
	i := match.index(g.id)
	me, them := &match.Of[i], &match.Of[1-i]
	local := them.Instance == m.instance
	switch {
	case g.chat != nil && g.chat.id == match.ID:
		g.chat.restore = g.chat.restore || stale
	case g.chat != nil:
		m.purges(g, me)
	case !g.want || g.socket == 0:
		g.record = dirty
	case me.Instance != m.instance || me.Search != g.search && m.flaw != acceptsAnySearch || m.pairs[match.ID] != nil || local && !m.free(them.Guest, them):
		m.purges(g, me) // of another search, or of a partner who is gone
	default:
		p := m.newPair(match)
		p.restore = stale
		p.sides[i] = side{here: true, at: g.at}
		if local || m.flaw == beginsUnasked {
			p.sides[1-i] = side{here: local, at: g.at, instance: them.Instance}
			m.begin(p, i)
			if !local {
				m.say(p, i, Item{What: BeginItem})
				return
			}
			p.sides[1-i].at = m.guests[them.Guest].at
			m.begin(p, 1-i)
			return
		}
		p.sides[1-i] = side{instance: them.Instance}
		g.chat, g.record = p, paired
		m.say(p, i, Item{What: BeginItem})
	}
}

func (m *Machine) parted(g *guest, in *Input, stale bool) {
	if g.other {
		g.other = false
		if in.Match != nil {
			m.notify(in.Match, g.id)
		}
		return
	}
	g.purge = false
	g.record = absent
	if in.Failed || stale {
		g.record = unsure
	}
	p := g.chat
	if p != nil && g.ending != 0 {
		mine := in.Match != nil && in.Match.ID == p.id
		m.end(g, mine && m.link && !stale)
		if in.Match != nil && !mine {
			m.notify(in.Match, g.id)
		}
		return
	}
	switch {
	case in.Match == nil:
	case p != nil && p.id == in.Match.ID:
		g.record, p.restore = paired, true
	case m.flaw != dissolvesSilently:
		m.notify(in.Match, g.id)
	}
	if p != nil {
		g.record = paired
	}
}

// maxRestores is how often a pair is recorded anew that the matcher refuses.
const maxRestores = 8

func (m *Machine) restored(g *guest, in *Input, stale bool) {
	p := g.chat
	if p == nil {
		g.record = dirty // it has ended meanwhile
		return
	}
	if stale {
		p.restore = true
		return
	}
	if !in.Refused {
		return
	}
	if p.restored++; p.restored > maxRestores {
		return
	}
	j := 1 - p.index(g.id)
	them := m.guests[p.Of[j].Guest]
	switch {
	case in.Match != nil && in.Match.index(g.id) >= 0:
		p.restore = true
		m.purges(g, &in.Match.Of[in.Match.index(g.id)])
	case in.Match != nil && p.sides[j].here && them != nil:
		p.restore = true
		m.purges(them, &in.Match.Of[in.Match.index(them.id)])
	case p.sides[j].here: // one waits elsewhere, by a record that another instance is about to take out
		p.retry = true
		m.arm(p)
	default: // the partner's instance is to say
		p.sides[1-j].asking = true
		if m.link {
			m.burst(p, 1-j)
		} else {
			m.arm(p)
		}
	}
}

// joined notes that presence knows the guest here again. When its socket came stays as
// it was: another instance may hold a newer one, whose name presence then had.
func (m *Machine) joined(in *Input) {
	g := m.guests[in.Guest]
	if g == nil || g.socket == 0 { // it has gone meanwhile
		m.do(Effect{Kind: CallForget, Guest: in.Guest})
		return
	}
	if in.Failed {
		return
	}
	if !in.Local {
		g.known = in.At
	}
	if in.Instance != "" && in.Instance != m.instance {
		m.claim(g.id, in.Instance, g.at, 0)
	}
}

// resync brings a store that is another one now to what is so here, and asks about
// what may have been missed.
func (m *Machine) resync(in *Input) {
	m.link = in.Up
	m.store++
	for _, o := range in.Others {
		if g := m.guests[o[0]]; g != nil && g.socket != 0 {
			m.claim(g.id, o[1], g.at, 0)
		}
	}
	guests := m.sorted()
	for _, g := range guests {
		if g.known == 0 && in.Up {
			g.known = in.At
		}
		g.stale = g.call != 0
		if g.chat == nil {
			g.record = max(g.record, unsure)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.pairs)) {
		p := m.pairs[id]
		if p == nil {
			continue
		}
		p.checking, p.gone = false, 0
		for j := range p.sides {
			s := &p.sides[j]
			if s.here && !s.over {
				p.restore, p.restored = s.begun, 0
			}
			if s.here && !p.sides[1-j].here {
				s.asking, s.quiet = m.flaw != asksNobody, 0
				if m.link {
					m.burst(p, j)
				}
				m.arm(p)
			}
		}
	}
	if m.link {
		m.againAll()
	}
	for _, chatting := range []bool{true, false} {
		for _, g := range guests {
			if (g.chat != nil) == chatting && m.guests[g.id] == g {
				m.reconcile(g)
			}
		}
	}
}

// againAll sends claims, handovers and notices anew. Their timers go on as well.
func (m *Machine) againAll() {
	for _, id := range slices.Sorted(maps.Keys(m.handed)) {
		h := m.handed[id]
		if h.done {
			continue
		}
		h.tries = 0
		m.do(Effect{Kind: Transmit, Instance: h.to, Message: h.message})
	}
	for _, id := range slices.Sorted(maps.Keys(m.notices)) {
		n := m.notices[id]
		n.tries = 0
		m.do(Effect{Kind: Transmit, Instance: n.to, Message: n.message})
	}
}

// dead releases the partners of guests on an instance that is gone.
func (m *Machine) dead(instance string) {
	if m.flaw == ignoresDeath {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(m.pairs)) {
		p := m.pairs[id]
		for j := range 2 {
			if p == nil || !p.sides[j].here || p.sides[1-j].here || p.sides[1-j].instance != instance {
				continue
			}
			if p.sides[j].over {
				m.forget(p)
			} else {
				m.closed(p, j, Offline, false)
			}
			break
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(m.claims), compareClaims) {
		if key.instance == instance {
			m.unanswered(m.claims[key])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.handed)) {
		if h := m.handed[id]; h.to == instance && !h.done {
			m.takeBack(h)
		}
	}
	maps.DeleteFunc(m.notices, func(_ string, n *notice) bool { return n.to == instance })
	for _, g := range m.sorted() {
		if g.want && g.chat == nil && g.record == waiting {
			g.record = unsure
		}
		m.reconcile(g)
	}
}

func compareClaims(a, b claimKey) int {
	if a.guest != b.guest {
		if a.guest < b.guest {
			return -1
		}
		return 1
	}
	if a.instance < b.instance {
		return -1
	}
	return 1
}
