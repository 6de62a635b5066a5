package realtime

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/guest"
)

// remoteKind says what one instance tells another.
type remoteKind byte

const (
	remoteMatched   remoteKind = iota + 1 // pair: a guest of yours has been matched; is it so?
	remoteEvent                           // name, data: an event for the guest's socket; message: its id, where a receipt is wanted
	remoteDelivered                       // message: the partner's socket has taken it
	remoteEnd                             // why: the partner has left the chat
	remoteReplaced                        // at: the guest has joined another instance
	remoteDeleted                         // the guest's session is gone
	remoteAsk                             // is the guest still in the pair?
	remoteConfirm                         // yes, the partner is in the pair
	remoteMoved                           // pair: a guest of it is on another instance now; none: no chat comes; at: of the claim
	remoteMark                            // at: nothing follows on this way: say so, where it ends
	remoteMarked                          // at: all before the mark has arrived
	remoteRival                           // at: the guest has been on another instance, through an outage, since it joined
)

// remote is one message between instances, about the guest `to`.
type remote struct {
	kind    remoteKind
	why     parting
	hops    byte   // how many instances have passed it on
	id      string // of the pair
	to      string // guest id, at the receiving instance
	from    string // the partner's guest id
	name    string // of the event; of remoteEnd, the partner's username
	message string
	// instance is who wants an answer; of remoteReplaced, remoteRival and
	// remoteConfirm, where the guest is now
	instance string
	data     []byte
	pair     *guest.Pair // nil where the kind has none
	// at is when the guest joined the instance that claims it, as Presence says; of
	// remoteAsk, 1 where the matcher refuses the pair; of remoteMark and remoteMarked,
	// the mark's number
	at int64
}

var errNoBroker = errors.New("there is no other instance")

// publish sends one message to another instance, or fails where it cannot go now.
func (n *Node) publish(instance string, r remote) error {
	return n.convey(instance, r, Broker.Publish)
}

// post is publish of what may come late: while the other instance is out of reach
// it waits. Only where too much waits already it fails.
func (n *Node) post(instance string, r remote) error {
	return n.convey(instance, r, Broker.Keep)
}

func (n *Node) convey(instance string, r remote, how func(Broker, context.Context, string, []byte) error) error {
	if n.broker == nil {
		return errNoBroker
	}
	buf := takeBuffer()
	defer giveBuffer(buf)
	*buf = r.append(*buf)
	if err := how(n.broker, n.ctx, instance, *buf); err != nil {
		return fmt.Errorf("publish to %s: %w", instance, err)
	}
	return nil
}

// mustPublish is post if nobody waits for the outcome. It fails only if the backlog is
// full: after such an outage, the instances settle their chats by asking each other.
func (n *Node) mustPublish(instance string, r remote) {
	if err := n.post(instance, r); err != nil {
		n.log.Debug("message to another instance dropped", "instance", instance, "guest", r.to, "error", err)
	}
}

// tell is mustPublish to an instance that may be this one.
func (n *Node) tell(instance string, r remote) {
	if instance == n.instance {
		n.hear(r)
	} else {
		n.mustPublish(instance, r)
	}
}

// listen acts on what other instances tell, until ctx ends.
func (n *Node) listen(ctx context.Context) {
	if n.broker == nil {
		return
	}
	err := n.broker.Subscribe(ctx, n.instance, func(message []byte) {
		r, err := parseRemote(message)
		if err != nil {
			n.log.Error("message from another instance", "error", err)
			return
		}
		n.hear(r)
	})
	if err != nil && ctx.Err() == nil {
		n.log.Error("not listening to other instances", "error", err)
	}
}

// hear acts on one message of another instance. It must not wait.
func (n *Node) hear(r remote) {
	switch r.kind {
	case remoteMatched:
		n.hearMatched(*r.pair)
		return
	case remoteMoved:
		if r.id != "" {
			n.hearMoved(r)
		} else if m := n.find(r.to); m != nil {
			n.hearNoChat(m, r)
		}
		return
	case remoteMark:
		n.hearMark(r)
		return
	}
	m := n.find(r.to)
	if m == nil {
		if r.kind == remoteReplaced || r.kind == remoteRival {
			n.noChat(r, side{})
		} else if !n.passOn(r) && (r.kind == remoteEvent || r.kind == remoteAsk) {
			n.deny(r)
		}
		return
	}
	began := false
	switch r.kind {
	case remoteEvent, remoteDelivered, remoteAsk, remoteConfirm:
		began = n.promised(m, r.id)
	}
	switch r.kind {
	case remoteEvent, remoteDelivered:
		n.hearEvent(m, r)
	case remoteEnd:
		n.hearEnd(m, r)
	case remoteReplaced:
		n.work.Go(func() { n.replaced(m, r) })
	case remoteRival:
		n.work.Go(func() { n.rival(m, r) })
	case remoteDeleted:
		n.work.Go(func() { n.evict(m, frame.SessionEnded, textSessionEnded) })
	case remoteAsk:
		n.work.Go(func() { n.answer(m, r) })
	case remoteConfirm:
		n.confirmed(m, r, began)
	case remoteMarked:
		n.flow(m, r.id, r.at)
	}
}

// deny tells the partner's instance that the pair which it speaks of is over here.
func (n *Node) deny(r remote) {
	n.tell(r.instance, remote{kind: remoteEnd, why: offline, id: r.id, to: r.from, from: r.to})
}

// hearMatched begins a chat that another instance's guest has found, and says so.
func (n *Node) hearMatched(p guest.Pair) {
	me, them := p.B, p.A
	if me.Instance != n.instance {
		me, them = them, me
	}
	m := n.find(me.ID)
	now := n.instance
	switch away := n.moves.where(moveKey{p.ID, me.ID}); {
	case m != nil && n.linkHere(m, p):
	case away != "":
		now = away // the guest has gone on with that chat already
	case m != nil && !m.refuse(p.ID): // it is in it by now
	default:
		n.mustPublish(them.Instance, remote{kind: remoteEnd, why: offline, id: p.ID, to: them.ID, from: me.ID, name: me.Username})
		return
	}
	n.mustPublish(them.Instance, remote{kind: remoteConfirm, id: p.ID, to: them.ID, from: me.ID, instance: now})
}

// refuse has a pair that the guest is not in never begin, for this is about to be
// told. It reports false where the guest is in it.
func (m *member) refuse(pair string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.chat.Load(); c != nil && c.pair == pair {
		return false
	}
	m.dissolve(pair)
	return true
}

// hearEvent passes an event of the partner on to the guest's socket.
func (n *Node) hearEvent(m *member, r remote) {
	c := m.hold()
	if c != nil && c.pair == r.id && !c.mu.over {
		n.deliver(c, m, r)
		c.mu.Unlock()
		return
	}
	if c != nil {
		c.mu.Unlock()
	}
	if n.passOn(r) {
		return
	}
	if r.kind == remoteEvent && r.message != "" {
		// Of a chat that is over, or that was never told of here.
		n.work.Go(func() { n.answer(m, r) })
	}
}

// deliver gives an event of the partner, or word that the partner has one, to the
// guest's socket. The caller holds c.mu.
func (n *Node) deliver(c *chat, m *member, r remote) {
	if r.kind == remoteDelivered {
		now := n.stamp()
		m.send(func(cl *Client, dst []byte) []byte { return appendDelivered(cl, dst, r.message, now) })
		return
	}
	cl := m.client.Load()
	if cl == nil {
		return
	}
	buf := takeBuffer()
	*buf = api.AppendEventFrame(*buf, cl.framing, r.name, r.data)
	taken, open := cl.sendMessage(*buf, r.message, receipt{chat: c, receiver: m.id})
	giveBuffer(buf)
	if !open {
		taken = m.sendInstead(cl, r.name, r.data, r.message, &receipt{chat: c, receiver: m.id})
	}
	if taken && r.message != "" {
		n.mustPublish(c.partner(m.id).instance, remote{kind: remoteDelivered, id: c.pair, to: r.from, from: m.id, message: r.message})
	}
}

// hearEnd ends a chat whose other side has left, also one not begun here yet.
func (n *Node) hearEnd(m *member, r remote) {
	ends := func(c *chat) bool { return c != nil && c.pair == r.id && n.finish(c, r.from, r.why) }
	c := m.chat.Load()
	ended := ends(c)
	if !ended && n.passOn(r) {
		return // it follows the chat, which may yet come back
	}
	m.mu.Lock()
	known := m.dissolved(r.id) && !ended
	m.dissolve(r.id)
	now := m.chat.Load()
	m.mu.Unlock()
	if ends(now) { // it has begun at this moment
		c, ended = now, true
	}
	if !ended && !known {
		n.goOnSearching(m)
	}
	if r.why == offline || c != nil && c.restored.Load() {
		// The other instance knows nothing of the pair: the matcher may still hold it.
		n.work.Go(func() { n.leaveIdle(m) })
	}
}

// Evict closes the sockets here of guests whose sessions are gone.
func (n *Node) Evict(sessionIDs []string) {
	for _, id := range sessionIDs {
		if m := n.member(id); m != nil {
			n.work.Go(func() { n.evict(m, frame.SessionEnded, textSessionEnded) })
		}
	}
}

// evict closes a guest's socket here because its session went elsewhere, or away.
func (n *Node) evict(m *member, code frame.Code, message string) {
	m.turn.Lock()
	c := m.client.Load()
	if c == nil {
		m.turn.Unlock()
		return
	}
	m.vacate()
	n.leave(n.ctx, m, disconnected)
	m.mu.Lock()
	m.mu.deleted = true // the document is another's to write
	m.mu.Unlock()
	m.turn.Unlock()
	c.end(code, message)
	n.save(m)
}

// append encodes r: a kind, a reason, its hops, a number, then length-prefixed strings.
func (r remote) append(dst []byte) []byte {
	dst = append(dst, byte(r.kind), byte(r.why), r.hops)
	dst = binary.AppendVarint(dst, r.at)
	for _, s := range []string{r.id, r.to, r.from, r.name, r.message, r.instance} {
		dst = appendString(dst, s)
	}
	dst = appendString(dst, r.data)
	if r.kind == remoteMatched || r.kind == remoteMoved {
		pair := r.pair
		if pair == nil {
			pair = &guest.Pair{}
		}
		dst = appendString(dst, pair.ID)
		for _, s := range []*guest.Searcher{&pair.A, &pair.B} {
			for _, f := range []string{s.ID, s.Username, s.Instance, s.Traits.Language, s.Traits.Gender, s.Traits.Country} {
				dst = appendString(dst, f)
			}
			dst = appendString(dst, s.Location)
		}
	}
	return dst
}

func appendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

var errShort = errors.New("message between instances is cut short")

// parseRemote decodes what append made. Data is a view into b; all else shares one
// copy of it.
func parseRemote(b []byte) (r remote, err error) {
	if len(b) < 3 {
		return remote{}, errShort
	}
	r.kind, r.why, r.hops = remoteKind(b[0]), parting(b[1]), b[2]
	if r.kind < remoteMatched || r.kind > remoteRival {
		return remote{}, fmt.Errorf("message between instances of unknown kind %d", b[0])
	}
	at, size := binary.Varint(b[3:])
	if size <= 0 {
		return remote{}, errShort
	}
	r.at, b = at, b[3+size:]
	fields, text := b, string(b)
	next := func() (field string) {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			err = errShort
			return ""
		}
		at := len(text) - len(b) + n
		b = b[n+int(size):]
		return text[at : at+int(size)]
	}
	for _, s := range []*string{&r.id, &r.to, &r.from, &r.name, &r.message, &r.instance} {
		*s = next()
	}
	size = len(next())
	end := len(fields) - len(b)
	r.data = fields[end-size : end : end]
	if r.kind == remoteMatched || r.kind == remoteMoved {
		r.pair = new(guest.Pair)
		r.pair.ID = next()
		for _, s := range []*guest.Searcher{&r.pair.A, &r.pair.B} {
			for _, f := range []*string{&s.ID, &s.Username, &s.Instance, &s.Traits.Language, &s.Traits.Gender, &s.Traits.Country} {
				*f = next()
			}
			if loc := next(); len(loc) > 0 {
				s.Location = append(guest.Location(nil), loc...)
			}
		}
	}
	if err == nil && len(b) > 0 {
		err = fmt.Errorf("message between instances has %d bytes too many", len(b))
	}
	return r, err
}
