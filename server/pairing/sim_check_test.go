package pairing

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// checks is what the world watches: the rules of the contract that the machines keep.
type checks struct {
	byID    map[string]*person
	talks   map[string]*talk
	live    []*talk
	spoken  []*words
	tombs   map[string]bool
	crashed map[string]bool
	erasing map[string]bool
	failed  int // searches
	matches int
	got     int
}

// calm is how long no fault has been going on.
func (w *world) calm() time.Duration { return w.now - w.troubled }

// settled is how long after a fault everything must be as if there had been none.
const settled = 12 * time.Second

// excuse lets the talks of guests who were on an instance lose messages, and end.
func (w *world) excuse(name string) {
	for _, t := range w.live {
		if slices.Contains(t.who[0].lately(), name) || slices.Contains(t.who[1].lately(), name) {
			t.cause, t.excused = true, true
		}
	}
}

func (p *person) lately() []string { return p.recent[max(0, len(p.recent)-5):] }

// talkOf is the talk that a guest is told of.
func (p *person) talkOf(e *Effect) *talk {
	t := p.talks[e.Pair]
	if t == nil {
		t = &talk{id: e.Pair}
		for i := range t.who {
			t.who[i] = p.byID[e.Match.Of[i].Guest]
		}
		p.talks[e.Pair] = t
		p.live = append(p.live, t)
		p.matches++
	}
	return t
}

func (p *person) matched(k *socket, e *Effect) {
	t := p.talkOf(e)
	if p.harsh > p.now {
		t.excused, t.cause = true, true
	}
	i := t.side(p)
	if k != p.socket && p.superseded(k) {
		t.told[i], t.over[i], t.cause, p.missed = true, p.now, true, t
		return
	}
	if p.talk != nil && p.superseded(k) { // of an older socket, which is about to be closed
		p.talk.cause = true
		p.ends()
	}
	switch {
	case t.who[i] != p || t.who[0] == t.who[1] || t.who[1-i].idIn(t, e) != e.Partner:
		p.fail("rule 1: self", "%s was told of %s with %s", p.id, e.Pair, e.Partner)
	case t.told[i]:
		p.fail("rule 1: twice", "%s was told twice of %s", p.id, e.Pair)
	case p.talk != nil:
		p.fail("rule 1: two partners", "%s was told of %s in %s", p.id, e.Pair, p.talk.id)
	case !k.searching:
		p.fail("rule 5: search", "%s was told of %s and did not search", p.id, e.Pair)
	}
	t.told[i] = true
	p.talk, p.talkOn = t, k
	k.searching = false
	for _, name := range append(slices.Clone(t.who[0].lately()), t.who[1].lately()...) {
		if p.crashed[name] {
			t.excused, t.cause = true, true
		}
	}
}

func (p *person) idIn(_ *talk, e *Effect) string {
	for i := range e.Match.Of {
		if e.Match.Of[i].Guest == e.Partner {
			return e.Partner
		}
	}
	return p.id
}

// superseded reports whether the guest has been on two instances that an outage may
// have kept from hearing of each other, so that each may tell it something else.
func (p *person) superseded(k *socket) bool {
	if p.calm() > settled {
		return false
	}
	for _, name := range p.lately() {
		if name != k.server.name {
			return true
		}
	}
	return k != p.socket
}

// hears checks a message: of the partner, in its order, once.
func (p *person) hears(k *socket, e *Effect) {
	guest, pair, number := e.Guest, e.Pair, e.Number
	k.server.later(p.between(0, 3*ms), func() {
		if k.known {
			k.server.step(Input{Kind: Taken, Guest: guest, Pair: pair, Number: number})
		}
	})
	n, err := strconv.Atoi(e.ID)
	if err != nil {
		if (p.talk == nil || p.talk.id != e.Pair) && !p.superseded(k) {
			p.fail("rule 3: stranger", "%s heard an event of %s", p.id, e.Pair)
		}
		return
	}
	x := p.spoken[n]
	p.World().got++
	switch {
	case p.talk != x.of && p.superseded(k):
		x.got = true
		return
	case p.talk != x.of || x.of.who[x.side] == p || x.of.id != e.Pair:
		p.fail("rule 3: stranger", "%s heard message %d of %s", p.id, n, x.of.id)
	case x.got:
		p.fail("rule 3: twice", "%s heard message %d twice", p.id, n)
	}
	x.got = true
	t := x.of
	side := t.said[x.side]
	for len(side) > t.heard[x.side] && side[t.heard[x.side]].got {
		t.heard[x.side]++
	}
	if x.acked && t.heard[x.side] < x.index {
		p.fail("rule 3: order", "%s heard message %d of %s and not the one before", p.id, n, t.id)
	}
}

func (p *person) World() *world { return p.world }

// closed checks that there is a reason, and that all was heard before.
func (p *person) closed(k *socket, e *Effect) {
	t := p.talk
	if e.Pair == "" && t != nil && t.who[1-t.side(p)].id != e.Partner && p.superseded(k) {
		return
	}
	if e.Pair != "" && p.superseded(k) && (t == nil || e.Pair != t.id) {
		return
	}
	if t == nil {
		if e.Pair != "" {
			p.fail("rule 1: another", "%s was told the end of %s and is in none", p.id, e.Pair)
		}
		return
	}
	if e.Pair != "" && t.id != e.Pair {
		p.fail("rule 1: another", "%s was told the end of %s in %s", p.id, e.Pair, t.id)
	}
	i := t.side(p)
	for _, o := range t.who {
		t.cause = t.cause || o.asked > 0 && p.now-o.asked < 2*time.Second
	}
	if !t.cause && t.told[1-i] && p.calm() > settled {
		p.fail("rule 6: chat goes on", "%s was told the end of %s, which nobody has ended", p.id, t.id)
	}
	t.cause = true
	if e.Pair != "" && !t.excused && !t.quit[i] && p.harsh <= p.now {
		for _, x := range t.said[1-i] {
			if !x.got {
				p.fail("rule 3: lost", "%s was told the end of %s before message %d of %d", p.id, t.id, x.index, len(t.said[1-i]))
				break
			}
		}
	}
	p.ends()
	p.lastOn = k // the instance of which knows
}

// checkMatch checks that nobody is given the partner just left while another waits.
func (w *world) checkMatch(m *matcher, s, partner *searcher) {
	a, b := w.byID[s.Guest], w.byID[partner.Guest]
	same := func(p, o *person) bool {
		return p.last == o.id && p.socket != nil && p.lastOn == p.socket && p.socket.searching
	}
	if w.calm() < settled || a == nil || b == nil || a.id != s.Guest || b.id != partner.Guest || !same(a, b) && !same(b, a) {
		return
	}
	for i := range m.waiting {
		o := &m.waiting[i]
		if o.Guest != s.Guest && o.Guest != partner.Guest && o.accepts(s) && o.avoid != s.Guest && s.avoid != o.Guest {
			w.fail("rule 2: again", "%s was given %s again, while %s waits", s.Guest, partner.Guest, o.Guest)
		}
	}
}

// look checks from time to time what must become true.
func (w *world) look() {
	w.after(500*ms, w.look)
	limit := settled
	if w.calm() > settled {
		limit = 10 * time.Second
	}
	if w.calm() > limit {
		for _, t := range w.live {
			w.lookAt(t)
		}
		w.lookAround()
	}
	w.live = slices.DeleteFunc(w.live, func(t *talk) bool {
		return w.over(t, 0) > time.Minute && w.over(t, 1) > time.Minute
	})
}

// over is how long ago the talk was over for one of its guests.
func (w *world) over(t *talk, i int) time.Duration {
	if t.over[i] == 0 && t.told[i] {
		return 0
	}
	return w.now - t.over[i]
}

func (w *world) lookAt(t *talk) {
	for i, p := range t.who {
		if p.talk != t || p.socket == nil {
			continue
		}
		o := t.who[1-i]
		limit := 2500 * ms
		if t.excused {
			limit = 10 * time.Second // an instance was lost
		}
		if o.talk != t && o.missed != t && t.told[1-i] && w.now-t.over[1-i] > limit && w.calm() > limit+settled {
			w.fail("rule 4: released", "%s is in %s, which was over for %s %v ago", p.id, t.id, o.id, w.now-t.over[1-i])
		}
	}
	for i := range t.said {
		if t.who[0].talk != t || t.who[1].talk != t || t.over[0] != 0 || t.over[1] != 0 {
			return
		}
		for _, x := range t.said[i] {
			if !x.got && w.now-x.at > 4*time.Second {
				w.fail("rule 3: stuck", "message %d of %s in %s is on its way since %v", x.index, t.who[i].id, t.id, w.now-x.at)
			}
			if x.got && !x.receipts && w.now-x.at > 6*time.Second && t.who[1-i].socket != nil && w.now-t.who[i].socket.since > 6*time.Second {
				w.fail("rule 3: no receipt", "message %d of %s in %s has no receipt since %v", x.index, t.who[i].id, t.id, w.now-x.at)
			}
		}
	}
}

// lookAround checks who searches, and how many sockets are open.
func (w *world) lookAround() {
	for i, p := range w.everybody {
		if p.socket == nil {
			continue
		}
		for _, k := range p.open {
			if k != p.socket && k.known && w.now-p.socket.since > 3*time.Second {
				w.fail("rule 6: two sockets", "%s has had a newer socket for %v", p.id, w.now-p.socket.since)
			}
		}
		for _, o := range w.everybody[:i] {
			if o.socket != nil && p.waits() && o.waits() && (&searcher{trait: p.trait, want: p.want}).accepts(&searcher{trait: o.trait, want: o.want}) {
				w.fail("rule 2: both wait", "%s and %s wait and accept each other", p.id, o.id)
			}
		}
	}
}

func (p *person) waits() bool { return p.socket.searching && p.now-p.socket.sought > 8*time.Second }

// leftovers checks that nothing is left of guests who have gone.
func (w *world) leftovers() {
	for _, s := range w.slots {
		m := s.machine
		if n := len(m.guests) + len(m.pairs) + len(m.claims) + len(m.handed) + len(m.notices) + len(m.recent) + len(m.joining) + m.buffered; n != 0 {
			w.fail("leftovers: machine", "%s has %d guests %v, %d pairs %v, %d claims, %d handed, %d notices, %d bytes", s.name, len(m.guests),
				slices.Sorted(maps.Keys(m.guests)), len(m.pairs), slices.Sorted(maps.Keys(m.pairs)), len(m.claims), len(m.handed), len(m.notices), m.buffered)
		}
		if len(s.sockets) != 0 {
			w.fail("rule 6: closed", "%s has %d sockets of guests who have gone", s.name, len(s.sockets))
		}
	}
	if n := len(w.redis.owners); n != 0 {
		w.fail("rule 8: count", "%d guests are online of nobody: %v", n, slices.Sorted(maps.Keys(w.redis.owners)))
	}
	if len(w.redis.waiting)+len(w.redis.pairs) != 0 {
		w.fail("leftovers: matcher", "%v wait, in pairs %v", w.redis.waiting, slices.Sorted(maps.Keys(w.redis.pairs)))
	}
}

// counted checks that those are online who have a socket.
func (w *world) counted() {
	want := map[string]string{}
	for _, p := range w.everybody {
		if p.socket != nil {
			want[p.id] = p.socket.server.name
		}
	}
	if !maps.Equal(want, w.redis.owners) {
		w.fail("rule 8: count", "online %v, with a socket %v", w.redis.owners, want)
	}
	for _, p := range w.everybody {
		if t := p.talk; t != nil && p.socket != nil {
			o := t.who[1-t.side(p)]
			if o.talk != t && o.missed != t {
				w.fail("rule 1: mutual", "%s is in %s, and %s is not", p.id, t.id, o.id)
			}
			if q := w.redis.pairs[p.id]; q == nil || q.ID != t.id {
				w.fail("leftovers: matcher", "%s is in %s, and the matcher does not know", p.id, t.id)
			}
		}
	}
}
