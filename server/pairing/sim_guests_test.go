package pairing

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// person is a simulated guest and what it has been told.
type person struct {
	*world
	name        string
	id          string
	lives       int
	trait, want int
	socket      *socket // the newest, while it is open
	latest      int     // how many sockets it has opened
	open        []*socket
	recent      []string // instances that its latest sockets were on
	joining     int
	asked       time.Duration // when it last left or searched, perhaps before it knew of its chat
	since       time.Duration // of the newest socket ever

	talk   *talk
	talkOn *socket // that was told of it
	ghost  *talk   // in which it was as its last socket closed
	missed *talk   // of which an older, closed socket was told
	last   string  // the latest partner
	lastOn *socket
}

// socket is one connection of a person.
type socket struct {
	*person
	server    *server
	id        uint64
	number    int
	began     time.Duration
	since     time.Duration
	rival     bool
	known     bool // the server has not closed it
	searching bool
	sought    time.Duration
}

// talk is a pair as its two guests were told of it.
type talk struct {
	id      string
	who     [2]*person
	told    [2]bool
	over    [2]time.Duration // when its guest was told, or left
	quit    [2]bool          // its guest left, or dropped
	cause   bool             // there is a reason for it to end
	excused bool             // messages may be lost
	said    [2][]*words
	heard   [2]int // index of the latest words of the other
}

type words struct {
	of                   *talk
	side, index          int
	at                   time.Duration
	acked, got, receipts bool
}

func (t *talk) side(p *person) int {
	if t.who[0] == p {
		return 0
	}
	return 1
}

// ends notes that the guest is no longer in its talk.
func (p *person) ends() {
	if t := p.talk; t != nil {
		t.over[t.side(p)] = p.now
		p.last, p.lastOn = t.who[1-t.side(p)].id, p.socket
		p.talk = nil
	}
}

func (p *person) quits() {
	if t := p.talk; t != nil {
		t.cause, t.quit[t.side(p)] = true, true
		t.quitAt(p)
	}
}

func (t *talk) quitAt(p *person) {
	if i := t.side(p); t.over[i] == 0 {
		t.over[i] = p.now
	}
}

// connect opens a socket to the instance of a slot, or to the next that lives.
func (p *person) connect(slot int) {
	var s *server
	for i := range p.slots {
		if o := p.slots[(slot+i)%len(p.slots)]; o.alive {
			s = o
			break
		}
	}
	if s == nil {
		return
	}
	p.joining++
	id, began := p.id, p.now
	s.awake(func() {
		s.join(id, func(in Input) {
			if p.joining--; in.Failed {
				return
			}
			p.sockets++
			in.Socket = p.sockets
			k := &socket{person: p, server: s, id: in.Socket, number: p.latest + 1, began: began, since: p.now, known: true}
			s.sockets[k.id] = k
			p.latest++
			k.rival = p.since > began-50*ms // two came at the same time, as clocks go
			p.since = p.now
			p.socket = k
			p.open = append(p.open, k)
			p.recent = append(p.recent, s.name)
			if p.talk == nil && p.ghost != nil { // it goes on, unless this socket hears otherwise
				p.talk = p.ghost
				p.talk.over[p.talk.side(p)] = 0
			}
			p.ghost = nil
			if g := s.machine.guests[p.id]; p.talk == nil && g != nil && g.chat != nil && g.ending == 0 && p.calm() < settled {
				p.missed = p.talks[g.chat.id] // another instance has told it that this is over
			}
			if p.talk != nil {
				in.Partner = p.talk.who[1-p.talk.side(p)].id
			}
			s.step(in)
		}, Connected)
	})
}

// drop closes the sockets; the instances notice some time later.
func (p *person) drop(notice time.Duration) {
	if len(p.open) == 0 {
		return
	}
	p.quits()
	p.ghost = p.talk
	p.ends()
	id := p.id
	for _, k := range p.open {
		s := k.server
		k.searching = false
		s.later(notice, func() {
			if k.known {
				k.known = false
				delete(s.sockets, k.id)
				s.step(Input{Kind: Disconnected, Guest: id, Socket: k.id})
			}
		})
	}
	p.open, p.socket = nil, nil
}

// broken notes that the connection is gone with its instance.
func (k *socket) broken() {
	k.known, k.searching = false, false
	p := k.person
	p.open = slices.DeleteFunc(p.open, func(o *socket) bool { return o == k })
	if n := len(p.open); p.socket == k && n > 0 { // by clocks that differ, an older one is the newest
		p.socket = p.open[n-1]
		if !k.server.alive {
			p.quits()
			p.ends()
		}
	} else if p.socket == k {
		p.socket = nil
		p.quits()
		p.ghost = p.talk
		p.ends()
	}
}

// command asks the instance of the newest socket for something.
func (p *person) command(kind InputKind) {
	if k := p.socket; k != nil {
		k.server.awake(func() {
			if k.known {
				if kind == Leave || kind == Search {
					p.asked = p.now
					p.quits()
				}
				k.server.step(Input{Kind: kind, Guest: p.id, Socket: k.id})
			}
		})
	}
}

func (p *person) say(event string) {
	k := p.socket
	if k == nil {
		return
	}
	k.server.awake(func() {
		if !k.known {
			return
		}
		in := Input{Kind: Send, Guest: p.id, Socket: k.id, Event: event}
		t := p.talk
		if g := k.server.machine.guests[p.id]; t != nil && g != nil && g.chat != nil && g.chat.id != t.id && p.calm() < settled {
			t = p.talks[g.chat.id] // what it was told of by two instances may differ
		}
		if event == "say" && t != nil && t.told[t.side(p)] {
			x := &words{of: t, side: t.side(p), at: p.now}
			p.spoken = append(p.spoken, x)
			in.ID, in.Data = strconv.Itoa(len(p.spoken)-1), []byte("hello")
		}
		k.server.step(in)
	})
}

// delete ends the session by an instance of any slot; the person comes back as another.
func (p *person) delete(slot int) {
	if len(p.open) == 0 || p.joining > 0 {
		return
	}
	s := p.slots[slot%len(p.slots)]
	if !s.alive {
		return
	}
	p.quits()
	p.erasing[p.id] = true
	p.eraseBy(p.id, slot)
	next := &person{world: p.world, name: p.name, lives: p.lives + 1, trait: p.trait, want: p.want}
	next.id = fmt.Sprint(p.name, ".", next.lives)
	p.byID[next.id] = next
	p.everybody[slices.Index(p.everybody, p)] = next
}

// eraseBy deletes a session, now and until it is known to be done.
func (w *world) eraseBy(id string, slot int) {
	if !w.erasing[id] {
		return
	}
	if s := w.slots[slot%len(w.slots)]; s.alive {
		s.awake(func() { s.erase(id) })
	}
	w.after(1100*ms, func() { w.eraseBy(id, slot+1) })
}

// erase deletes a session; while Redis is away, once more when it is back.
func (s *server) erase(id string) {
	s.call(func() Input {
		s.redis.tombs[id] = true
		return Input{Kind: Deleted, Guest: id, Instance: s.redis.owners[id], At: s.redis.clock(s.now)}
	},
		func() Input { return Input{Kind: Deleted, Guest: id, Failed: true} },
		func(in Input) {
			s.step(in)
			if !in.Failed {
				delete(s.erasing, id)
			}
		})
}

// hear is what the instance gives to the socket.
func (k *socket) hear(e *Effect) {
	p := k.person
	if e.Kind == CloseSocket {
		k.known = false
		delete(k.server.sockets, k.id)
		if e.Why == Replaced && k.number == p.latest && p.joining == 0 && !k.rival {
			p.fail("rule 6: newest", "%s: its newest socket was replaced", e.Guest)
		}
		if slices.Contains(p.open, k) {
			k.broken()
		}
		if p.calm() < settled {
			p.after(700*ms, p.looks)
		}
		return
	}
	if t := p.talks[e.Pair]; t != nil && e.Kind == TellLeft { // it has asked for that, perhaps before it knew of this pair
		t.cause, t.quit[t.side(p)] = true, true
	}
	if !slices.Contains(p.open, k) {
		p.unheard(e)
		return
	}
	if t := p.missed; t != nil && t.id == e.Pair && (k == p.socket || p.calm() > settled) { // it has come along to this one
		p.missed = nil
		if p.talk == nil {
			p.talk, p.talkOn, t.over[t.side(p)] = t, k, 0
		}
	}
	switch e.Kind {
	case TellMatched:
		p.matched(k, e)
	case TellEvent:
		p.hears(k, e)
	case TellClosed:
		p.closed(k, e)
	case TellLeft:
		if p.superseded(k) && (p.talk == nil || p.talk.id != e.Pair) {
			break
		}
		if e.Pair != "" && p.talk != nil && p.talk.id != e.Pair {
			p.fail("rule 1: another", "%s left %s and talks in %s", p.id, e.Pair, p.talk.id)
		}
		if e.Pair != "" {
			p.ends()
		}
	case TellSearching:
		k.searching, k.sought = true, p.now
	case TellCancelled, TellSearchFailed:
		k.searching = false
		if e.Kind == TellSearchFailed {
			p.failed++
		}
	case TellSent:
		if n, err := strconv.Atoi(e.ID); err == nil {
			x := p.spoken[n]
			x.acked, x.index = true, len(x.of.said[x.side])+1
			x.of.said[x.side] = append(x.of.said[x.side], x)
		}
	case TellReceipt:
		if n, err := strconv.Atoi(e.ID); err == nil {
			x := p.spoken[n]
			if !x.got || x.receipts {
				p.fail("rule 3: receipt", "message %d: got %v, receipt before %v", n, x.got, x.receipts)
			}
			x.receipts = true
		}
	}
}

// looks has a guest who was on two instances in an outage believe the one that has it now.
func (p *person) looks() {
	if p.socket == nil || !p.socket.known {
		return
	}
	if g := p.socket.server.machine.guests[p.id]; g != nil && g.arriving != 0 || p.now-p.socket.since < 600*ms {
		p.after(700*ms, p.looks)
		return
	}
	var now *talk
	if g := p.socket.server.machine.guests[p.id]; g != nil && g.chat != nil && g.chat.has(g) && g.ending == 0 {
		now = p.talks[g.chat.id]
	}
	if p.talk == now || now == nil && p.talkOn == p.socket {
		return
	}
	if p.talk != nil {
		p.talk.cause = true
		p.ends()
	}
	if now != nil {
		p.talk, p.talkOn, now.over[now.side(p)] = now, p.socket, 0
	}
}

// unheard is what the instance gives to a socket that is closed, and does not know yet.
// The chat may go on with the next socket.
func (p *person) unheard(e *Effect) {
	switch e.Kind {
	case TellEvent:
		if n, err := strconv.Atoi(e.ID); err == nil {
			p.spoken[n].got = true
		}
	case TellReceipt:
		if n, err := strconv.Atoi(e.ID); err == nil {
			p.spoken[n].receipts = true
		}
	case TellMatched:
		t := p.talkOf(e)
		i := t.side(p)
		t.told[i], t.over[i], t.quit[i], t.cause = true, p.now, true, true
		if p.socket == nil {
			p.ghost = t
		} else {
			p.missed = t
		}
	case TellClosed, TellLeft:
		if t := p.ghost; t != nil && (t.id == e.Pair || e.Pair == "" && t.who[1-t.side(p)].id == e.Partner) {
			p.ghost = nil
		}
	}
}

// searcher is a guest as the matcher sees it.
func (s *server) searcher(id string, search int64, avoid string) searcher {
	p := s.byID[id]
	return searcher{Party: Party{Guest: id, Instance: s.name, Search: search}, avoid: avoid, trait: p.trait, want: p.want}
}

func describeInput(in *Input) string {
	names := [...]string{"?", "joining", "connected", "disconnected", "search", "cancel", "leave", "send", "taken", "deleted", "searched",
		"parted", "moved", "restored", "located", "joined", "received", "resync", "dissolved", "contested", "link down", "dead", "timer"}
	var b strings.Builder
	b.WriteString(names[in.Kind])
	for _, f := range []string{in.Guest, in.Instance, in.Pair, in.ID} {
		if f != "" {
			b.WriteString(" " + f)
		}
	}
	if in.Failed {
		b.WriteString(" failed")
	}
	if in.Refused {
		b.WriteString(" refused")
	}
	if in.At != 0 {
		fmt.Fprintf(&b, " at %d", in.At)
	}
	if in.Match != nil {
		b.WriteString(" " + describePair(in.Match))
	}
	if len(in.Others) > 0 {
		fmt.Fprint(&b, " others ", in.Others)
	}
	if in.Message != nil {
		b.WriteString(" " + describeMessage(in.Message))
	}
	return b.String()
}

func describePair(p *Pair) string {
	return fmt.Sprintf("%s(%s@%s/%d %s@%s/%d)", p.ID, p.Of[0].Guest, p.Of[0].Instance, p.Of[0].Search, p.Of[1].Guest, p.Of[1].Instance, p.Of[1].Search)
}

func describeMessage(r *Message) string {
	kind := [...]string{"?", "item", "ack", "gone", "claim", "handover", "handed"}[r.Kind]
	s := fmt.Sprintf("%s[%s] %s→%s at %d, delivered %d, taken %d", kind, r.Pair, r.From, r.To, r.At, r.Delivered, r.Taken)
	if r.Flags != 0 {
		s += fmt.Sprintf(" flags %05b", r.Flags)
	}
	if r.Kind == ItemMessage {
		s += fmt.Sprintf(" #%d %s %s%s", r.Item.Number, [...]string{"?", "begin", "event", "end"}[r.Item.What], r.Item.Event, r.Item.ID)
	}
	if r.State != nil {
		s += fmt.Sprintf(" state at %d sent %d delivered %d unacked %d, partner on %s at %d", r.State.At, r.State.Sent, r.State.Delivered, len(r.State.Unacked), r.State.Partner, r.State.PartnerAt)
	}
	return s
}

func describeEffect(e *Effect) string {
	names := [...]string{"?", "searching", "no users", "cancelled", "search failed", "matched", "event", "sent", "refused", "left",
		"closed", "receipt", "close socket", "transmit", "call search", "call leave", "call move", "call restore", "call where", "call join", "call forget", "wake"}
	s := names[e.Kind]
	for _, f := range []string{e.Guest, e.Instance, e.Pair, e.Partner, e.ID} {
		if f != "" {
			s += " " + f
		}
	}
	if e.Number != 0 {
		s += fmt.Sprint(" #", e.Number)
	}
	if e.Match != nil {
		s += " " + describePair(e.Match)
	}
	if e.Message != nil {
		s += " " + describeMessage(e.Message)
	}
	return s
}
