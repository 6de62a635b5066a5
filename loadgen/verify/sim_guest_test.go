package verify

import (
	"fmt"
	"math/rand/v2"
	"time"

	"guestload/server/api"
)

type state uint8

const (
	offline state = iota
	connected
	searching
	cancelling
	chatting
	leaving
	finished
)

// conn is one socket of a guest.
type conn struct{ up, down *link }

// player is a guest of the model: what the server knows of it, and what it
// knows itself.
type player struct {
	sim      *sim
	w        *Witness
	guest    int
	id       string
	instance int

	// the server's
	conn         *conn
	pair         *meeting // the matcher's
	told         *meeting // the instance's
	descriptions int      // how often it has left or searched
	before       *player  // its last partner
	shunned      bool     // it is never matched again

	// the guest's own
	sock     *conn
	state    state
	step     int // grows with each change of state, so that old plans lapse
	partner  *player
	k, n     int
	peerDone bool
	answers  int // to searches, yet to come
	rounds   int
}

// newSim lays out guests who arrive within two seconds.
func newSim(seed uint64, guests int, gentle bool) *sim {
	s := &sim{r: rand.New(rand.NewPCG(seed, 42)), v: New(Contract()), gentle: gentle}
	for i := range s.between {
		s.between[i] = &link{sim: s, slow: 20 * time.Millisecond}
	}
	for i := range guests {
		p := &player{sim: s, w: s.v.Witness(i), guest: i, instance: i % 2,
			id: fmt.Sprintf("guest_%08x-0000-4000-8000-%012d", s.r.Uint32(), i)}
		s.guests = append(s.guests, p)
		s.at(time.Duration(s.r.Int64N(int64(2*time.Second))), p.open)
	}
	return s
}

// chance is true once in n, and never among the gentle.
func (p *player) chance(n int) bool { return !p.sim.gentle && p.sim.r.IntN(n) == 0 }

func (p *player) soon(within time.Duration) time.Duration {
	return time.Duration(p.sim.r.Int64N(int64(within)))
}

// enter changes the state; plan does something later unless the state has
// changed by then.
func (p *player) enter(s state) { p.state, p.step = s, p.step+1 }

func (p *player) plan(d time.Duration, do func()) {
	step := p.step
	p.sim.after(d, func() {
		if p.step == step {
			do()
		}
	})
}

func (p *player) open() {
	c := &conn{up: &link{sim: p.sim, slow: 20 * time.Millisecond}, down: &link{sim: p.sim, slow: 20 * time.Millisecond}}
	p.sock, p.answers = c, 0
	c.up.send(func() { p.sim.connect(p, c) })
}

func (p *player) say(name, text string) {
	c := p.sock
	c.up.send(func() { p.sim.handle(p, c, name, text) })
}

func (p *player) hear(c *conn, name, userID string) {
	if p.sock != c {
		return
	}
	now := p.sim.now
	if name == api.EventEstablished {
		p.w.Established(now, p.id)
		if p.state == offline || p.partner == nil {
			p.enter(connected)
			p.plan(p.soon(time.Second), p.search)
		} else { // back in a chat that may have gone on
			p.enter(chatting)
			p.plan(p.soon(time.Second), p.talk)
		}
		return
	}
	p.w.Heard(now, name, []byte(userID))
	switch name {
	case api.EventSearching:
		if p.answers--; p.state == chatting { // a second search has left this chat
			p.partner = nil
			p.enter(searching)
			p.plan(20*time.Second, p.drop)
		}
	case api.EventMatchCancelled:
		p.enter(connected)
		p.next()
	case api.EventClearConfirmed:
		p.partner = nil
		p.next()
	case api.EventUserLeft, api.EventRoomClosed, api.EventChatCleared:
		if p.partner != nil && userID == p.partner.id && p.state != leaving {
			p.partner = nil
			p.enter(connected)
			if p.sim.r.IntN(3) == 0 { // some speak on
				p.say(api.EventChatMessage, string(p.w.Compose(nil, p.sim.now, 0, 0, 40, p.sim.r)))
			}
			p.plan(200*time.Millisecond+p.soon(200*time.Millisecond), p.next)
		}
	}
}

func (p *player) hearEnd(c *conn) {
	if p.sock == c {
		p.w.Gone(p.sim.now)
		p.enter(finished)
	}
}

func (p *player) search() {
	if p.sim.picky {
		languages := [...]string{"en", "de"}
		p.w.Seeks(Traits{Language: languages[p.guest%2]}, Traits{Language: languages[1-p.guest%2]}, true)
	}
	p.w.Searching(p.sim.now)
	p.answers++
	p.say(api.EventMatch, "")
	p.partner = nil
	p.enter(searching)
	p.rounds++
	switch {
	case p.chance(8):
		p.plan(p.soon(300*time.Millisecond), p.search)
	case p.chance(6):
		p.plan(p.soon(300*time.Millisecond), p.cancel)
	case p.chance(12):
		p.plan(p.soon(100*time.Millisecond), p.drop)
	default:
		p.plan(20*time.Second, p.drop)
	}
}

func (p *player) cancel() {
	p.w.Cancelling(p.sim.now)
	p.say(api.EventMatchCancel, "")
	p.enter(cancelling)
	p.plan(20*time.Second, p.drop)
}

func (p *player) hearMatch(c *conn, partner *player, room string) {
	if p.sock != c {
		return
	}
	p.w.Matched(p.sim.now, []byte(partner.id), []byte(room))
	p.partner, p.k, p.n, p.peerDone = partner, 0, 1+p.sim.r.IntN(8), false
	if p.sim.gentle {
		p.n = 3 + p.sim.r.IntN(6)
	}
	p.enter(chatting)
	p.plan(p.soon(300*time.Millisecond), p.talk)
}

// talk says the next message, or ends the chat once all is said.
func (p *player) talk() {
	if p.answers > 0 {
		p.plan(p.soon(50*time.Millisecond), p.talk)
		return
	}
	if p.k < p.n {
		p.k++
		text := p.w.Compose(nil, p.sim.now, p.k, p.n, 20+p.sim.r.IntN(80), p.sim.r)
		p.w.Sent(p.sim.now)
		p.say(api.EventChatMessage, string(text))
	}
	if p.chance(30) {
		p.end()
		return
	}
	if p.k < p.n {
		p.plan(p.soon(200*time.Millisecond), p.talk)
		return
	}
	p.concluded()
}

// concluded ends the chat when the time has come: the gentle do when both have
// said everything, and one of them waits for the other to.
func (p *player) concluded() {
	p.plan(6*time.Second, func() { p.w.Waiting(p.sim.now) }) // where it is still there
	if p.sim.gentle && (!p.peerDone || p.partner.guest < p.guest) {
		p.plan(20*time.Second, p.leave)
		return
	}
	if p.chance(4) {
		p.plan(10*time.Second, p.leave) // and wait for the partner to end it
		return
	}
	p.plan(p.soon(300*time.Millisecond), p.end)
}

func (p *player) end() {
	switch r := p.sim.r.IntN(8); {
	case p.sim.gentle || r < 3:
		p.leave()
	case r < 5:
		p.search()
	default:
		p.drop()
	}
}

func (p *player) leave() {
	p.w.Leaving(p.sim.now)
	p.say(api.EventChatClear, "")
	p.enter(leaving)
	p.plan(20*time.Second, p.drop)
}

func (p *player) next() {
	if p.rounds < 4 && p.sim.r.IntN(3) > 0 {
		p.search()
		return
	}
	p.drop()
}

func (p *player) hearMessage(c *conn, from *player, text string) {
	if p.sock != c {
		return
	}
	m, _ := p.w.Received(p.sim.now, []byte(from.id), []byte(text))
	if p.partner == from && m.K == m.N {
		p.peerDone = true
		if p.sim.gentle && p.state == chatting && p.k == p.n {
			p.enter(chatting)
			p.concluded()
		}
	}
}

func (p *player) hearReceipt(c *conn, id string, delivered bool) {
	if p.sock != c {
		return
	}
	if delivered {
		p.w.Delivered(p.sim.now, []byte(id))
	} else {
		p.w.Acked(p.sim.now, []byte(id))
	}
}

// drop ends the socket in one way or another, and sometimes comes back.
func (p *player) drop() {
	how, c, notices := Closed, p.sock, time.Duration(0)
	switch r := p.sim.r.IntN(4); {
	case p.sim.gentle || r == 0:
		c.up.send(func() { p.sim.ended(p, c) })
		p.away(how)
		return
	case r == 1:
		how, notices = HalfOpen, p.soon(55*time.Second)
	default:
		how, notices = Reset, p.soon(100*time.Millisecond)
	}
	if p.chance(2) {
		c.up.dead = true // and what it had under way is lost
	}
	p.sim.after(notices, func() {
		c.down.dead = true
		p.sim.ended(p, c)
	})
	p.away(how)
}

func (p *player) away(how Drop) {
	p.w.Dropping(p.sim.now, how)
	p.sock = nil
	p.enter(finished)
	if p.chance(3) && how != Closed {
		p.enter(offline)
		p.plan(p.soon(500*time.Millisecond), p.open)
	}
}
