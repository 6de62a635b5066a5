package verify

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"guestload/server/api"
)

// A model of the whole system on one goroutine: guests, sockets with delays,
// two server instances with a delay between them, and a matcher whose decisions
// are atomic. It keeps every rule, in as many orders as its seed can think of,
// unless it is told to break one.

type sim struct {
	r         *rand.Rand
	v         *Verifier
	now       time.Duration
	agenda    agenda
	seq       int
	guests    []*player
	queue     []*player
	between   [2]*link // from one instance to the other
	fault     fault
	faultIn   int // how many opportunities to let pass
	faulty    bool
	gentle    bool // nobody resets, falls silent, cancels or leaves before all is said
	picky     bool // each guest wants one of the other half
	messageID int
}

func (s *sim) at(t time.Duration, do func()) {
	s.seq++
	heap.Push(&s.agenda, event{t, s.seq, do})
}

func (s *sim) after(d time.Duration, do func()) { s.at(s.now+d, do) }

func (s *sim) run() Report {
	for len(s.agenda) > 0 {
		e := heap.Pop(&s.agenda).(event)
		s.now = e.at
		e.do()
	}
	return s.v.Finish(s.now, nil)
}

// breaks reports whether now is the moment to break the rule.
func (s *sim) breaks(f fault) bool {
	if s.fault != f || s.faulty {
		return false
	}
	if s.faultIn--; s.faultIn >= 0 {
		return false
	}
	s.faulty = true
	return true
}

// meeting is a pair as the matcher knows it.
type meeting struct {
	first *player // who searched last, of whom both hear first
	other *player
	said  map[*player]string  // the latest text of each
	held  map[*player]*parcel // a message to be swapped with the next
}

type parcel struct{ id, text string }

func (m *meeting) partner(p *player) *player {
	if m.first == p {
		return m.other
	}
	return m.first
}

// tell sends an event to the guest's present socket.
func (s *sim) tell(p *player, name, userID string) {
	conn := p.conn
	if conn == nil {
		return
	}
	conn.down.send(func() { p.hear(conn, name, userID) })
}

// route does something at the guest's instance, from another's: at once where
// they live on the same.
func (s *sim) route(from, to *player, do func()) {
	if from.instance == to.instance {
		do()
		return
	}
	s.between[from.instance].send(do)
}

// handle is what the server does with an event from a guest.
func (s *sim) handle(p *player, conn *conn, name, text string) {
	if p.conn != conn { // replaced
		return
	}
	switch name {
	case api.EventMatch:
		s.leave(p, false)
		s.tell(p, api.EventSearching, "")
		s.search(p)
	case api.EventMatchCancel:
		if !s.leave(p, true) {
			s.tell(p, api.EventMatchCancelled, "")
		}
	case api.EventChatClear:
		s.leave(p, false)
		s.tell(p, api.EventClearConfirmed, "")
	case api.EventChatMessage:
		s.relay(p, text)
	}
}

func (s *sim) search(p *player) {
	if s.breaks(selfMatch) {
		s.told(p, p, p.id+"_"+p.id)
		return
	}
	if slices.Contains(s.queue, p) {
		return
	}
	for _, third := range s.guests {
		if third == p || third.conn == nil {
			continue
		}
		taken := third.pair != nil && third.told == third.pair && third.state == chatting
		if taken && s.breaks(doubleTold) {
			s.told(third, p, room(p, third))
			s.told(p, third, room(p, third))
			return
		}
		if taken && s.breaks(doubleMatch) || third.state == connected && s.breaks(strangeMatch) {
			s.told(p, third, room(p, third))
			return
		}
	}
	q := s.choose(p)
	if q != nil && s.breaks(keepWaiting) {
		p.shunned, q.shunned = true, true
		q = nil
	}
	if q == nil {
		s.queue = append(s.queue, p)
		s.tell(p, api.EventNoUsers, "")
		return
	}
	s.queue = slices.DeleteFunc(s.queue, func(o *player) bool { return o == q })
	p.before, q.before = q, p
	m := &meeting{first: p, other: q, said: map[*player]string{}, held: map[*player]*parcel{}}
	p.pair, q.pair = m, m
	never := s.breaks(neverTold)
	descriptions := q.descriptions
	s.join(m, p)
	s.route(p, q, func() {
		if q.descriptions == descriptions && !never { // else q has left it before hearing of it
			s.join(m, q)
		}
	})
}

// choose returns whom p is to meet: who has waited longest, but for its last
// partner, who is better than nobody. nil for nobody.
func (s *sim) choose(p *player) (best *player) {
	var fit []*player
	for _, q := range s.queue {
		if !q.shunned && (!s.picky || p.guest%2 != q.guest%2) {
			fit = append(fit, q)
		}
	}
	for _, q := range fit {
		if last := p.before == q || q.before == p; best == nil || !last && (p.before == best || best.before == p) {
			best = q
		}
		if p.before == q && q.before == p && len(fit) > 1 && s.breaks(sameAgain) {
			return q
		}
	}
	if len(fit) > 1 && fit[len(fit)-1] != best && s.breaks(lastFirst) {
		return fit[len(fit)-1]
	}
	for _, q := range s.queue {
		if s.picky && p.guest%2 == q.guest%2 && s.breaks(ignoreWishes) {
			return q
		}
	}
	return best
}

// join tells p of the meeting.
func (s *sim) join(m *meeting, p *player) {
	p.told = m
	name := room(p, m.partner(p))
	if s.breaks(wrongRoom) {
		name = m.partner(p).id + "-" + p.id
	}
	s.told(p, m.partner(p), name)
	if s.breaks(tellTwice) {
		s.told(p, m.partner(p), name)
	}
	first, second := m.first, m.other
	if s.breaks(joinsReversed) {
		first, second = second, first
	}
	s.tell(p, api.EventUserJoined, first.id)
	if !s.breaks(noJoin) {
		s.tell(p, api.EventUserJoined, second.id)
	}
}

func (s *sim) told(p, partner *player, room string) {
	conn := p.conn
	if conn != nil {
		conn.down.send(func() { p.hearMatch(conn, partner, room) })
	}
}

func room(a, b *player) string {
	return min(a.id, b.id) + "_" + max(a.id, b.id)
}

// leave takes p from the queue or dissolves its pair. keepTold: where p has been
// told of the pair, which a cancel does not undo.
func (s *sim) leave(p *player, keepTold bool) (kept bool) {
	s.queue = slices.DeleteFunc(s.queue, func(q *player) bool { return q == p })
	m, told := p.pair, p.told
	if keepTold && m != nil && told == m {
		return true
	}
	p.descriptions++
	p.told = nil // and what is still on its way from the partner's instance will find nobody
	if m == nil {
		return false
	}
	s.dissolve(m, p)
	if told == m {
		s.tell(p, api.EventUserLeft, p.id)
	}
	return false
}

func (s *sim) dissolve(m *meeting, leaver *player) {
	q := m.partner(leaver)
	leaver.pair, q.pair = nil, nil
	late := time.Duration(0)
	switch {
	case s.breaks(forgetRelease):
		return
	case s.breaks(lateRelease):
		late = 5 * time.Second
	}
	closed := leaver.conn == nil
	s.route(leaver, q, func() {
		s.after(late, func() {
			if q.told != m {
				return
			}
			q.told = nil
			if closed {
				s.tell(q, api.EventRoomClosed, leaver.id)
			} else {
				s.tell(q, api.EventUserLeft, leaver.id)
				if m.said[leaver] != "" && s.breaks(afterLeaving) {
					s.deliver(leaver, q, m.said[leaver])
				}
				s.tell(q, api.EventChatCleared, leaver.id)
			}
		})
	})
}

func (s *sim) relay(p *player, text string) {
	m := p.told
	if m == nil {
		if q := p.before; q != nil && s.breaks(relayLate) {
			s.deliver(p, q, text)
			return
		}
		s.tell(p, api.EventChatError, "")
		return
	}
	m.said[p] = text
	s.messageID++
	x := &parcel{fmt.Sprintf("msg_%08d", s.messageID), text}
	if s.r.IntN(2) == 0 { // the receipt may overtake the message, or come after its delivery
		s.receipt(p, x, false)
	} else {
		defer s.receipt(p, x, false)
	}
	header, _ := ReadHeader([]byte(text))
	if held := m.held[p]; held != nil {
		m.held[p] = nil
		s.forward(m, p, x)
		x = held
	} else if header.K < header.N && s.breaks(swapMessages) {
		m.held[p] = x
		return
	}
	if header.K < header.N && s.breaks(dropMessage) {
		return
	}
	s.forward(m, p, x)
}

// forward carries a message to the partner, if it still is one there and then.
func (s *sim) forward(m *meeting, p *player, x *parcel) {
	q := m.partner(p)
	s.route(p, q, func() {
		if q.told != m {
			return
		}
		s.arrive(p, q, x.text)
		if q.conn != nil {
			if s.breaks(wrongReceipt) {
				s.receipt(q, x, true)
				return
			}
			s.route(q, p, func() { s.receipt(p, x, true) })
		}
	})
}

// arrive hands a message to q's socket.
func (s *sim) arrive(p, q *player, text string) {
	if s.breaks(dropDelivered) {
		return
	}
	if s.breaks(truncate) {
		text = text[:len(text)-1]
	}
	if s.breaks(duplicate) {
		s.deliver(p, q, text)
	}
	for _, third := range s.guests {
		if third == p || third == q || third.conn == nil || third.state != chatting {
			continue
		}
		if s.breaks(misroute) {
			s.deliver(p, third, text)
			return
		}
		if s.breaks(copyToThird) {
			s.deliver(p, third, text)
		}
	}
	s.deliver(p, q, text)
}

func (s *sim) deliver(from, to *player, text string) {
	if conn := to.conn; conn != nil {
		conn.down.send(func() { to.hearMessage(conn, from, text) })
	}
}

func (s *sim) receipt(p *player, x *parcel, delivered bool) {
	if conn := p.conn; conn != nil {
		conn.down.send(func() { p.hearReceipt(conn, x.id, delivered) })
	}
}

// connect is the server greeting a socket; an older one of the same guest's is
// replaced, and with it ends its search.
func (s *sim) connect(p *player, conn *conn) {
	if old := p.conn; old != nil {
		s.queue = slices.DeleteFunc(s.queue, func(q *player) bool { return q == p })
		old.down.send(func() { p.hearEnd(old) })
	}
	p.conn = conn
	s.tell(p, api.EventEstablished, "")
}

// ended is the server noticing that a socket has gone.
func (s *sim) ended(p *player, conn *conn) {
	if p.conn == conn {
		p.conn = nil
		s.leave(p, false)
		p.told = nil
	}
}
