package realtime

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/api"
	"guestload/server/guest"
)

// member is a guest who is connected to this instance. Sockets come and go by
// takeover; the member stays, until the last socket is gone and the stored
// document says so.
//
// Locks are taken in the order turn, join, chat.mu, member.mu (of two members, the
// smaller id first), Client.mu.
type member struct {
	id        string // guest id
	sessionID string

	// turn is held throughout a step of the guest's life that asks the store:
	// connecting, searching, leaving, going. Partners never take it; the saver
	// does where nobody has it.
	turn sync.Mutex

	client atomic.Pointer[Client] // the socket of the moment; nil when gone
	chat   atomic.Pointer[chat]   // the chat of the moment; nil outside one
	active atomic.Int64           // unix milliseconds of the last activity

	join struct {
		sync.Mutex       // held while the guest joins this instance; taken after turn, or without it
		at         int64 // when it last did, as Presence says
	}

	mu struct {
		sync.Mutex
		profile     guest.Session // as stored; its state fields are not kept up
		connectedAt time.Time
		searching   bool
		searchedAt  time.Time
		wants       guest.Preferences
		told        bool      // that nobody is here, since the search began
		avoid       string    // the partner just left
		dissolved   [8]string // the last pairs that are over, so that none begins again
		dissolvedAt int       // where the next one goes
		farewell    farewell
		engaged     *engagement // to a guest of another instance: a chat that is about to begin
		recorded    string      // what the matcher may hold of the guest: a pair's id, nothing, or "" for anything
		dirty       bool        // the stored document is to be brought up to date
		saved       time.Time
		claims      []int64       // on other instances, that a chat may come for: the joins they were made for
		handover    chan struct{} // closed when all claims are answered
		deleted     bool          // the session is gone: nothing is to be stored
		removed     bool          // the node knows this member no longer
	}
}

// farewell is how a guest's last chat ended: the other instance was told, at a time.
type farewell struct {
	pair, instance string
	at             time.Time
}

// overlay puts the live state over a stored document.
func (m *member) overlay(s *guest.Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state().Apply(s)
}

// state is the guest's live state as a patch of the document. The caller holds m.mu.
func (m *member) state() guest.Patch {
	p := guest.Patch{Fields: guest.FieldIsOnline | guest.FieldIsSearching | guest.FieldInChat |
		guest.FieldConnectedUser | guest.FieldSocketID | guest.FieldLastSeen | guest.FieldConnectedAt}
	p.To.LastSeen = time.UnixMilli(m.active.Load()).UTC()
	p.To.ConnectedAt = m.mu.connectedAt
	c := m.client.Load()
	if c == nil {
		return p
	}
	p.To.IsOnline, p.To.SocketID = true, c.socketID
	p.To.IsSearching = m.mu.searching
	if ch := m.chat.Load(); ch != nil {
		p.To.InChat, p.To.ConnectedUser = true, ch.partner(m.id).id
	}
	return p
}

// searcher describes the guest to the matcher. The caller holds m.mu.
func (m *member) searcher(instance string) guest.Searcher {
	return guest.Searcher{
		ID: m.id, Username: m.mu.profile.Username, Instance: instance,
		Traits: m.mu.profile.Traits(), Wants: m.mu.wants,
		Location: m.mu.profile.Location, Avoid: m.mu.avoid,
	}
}

// send gives frames, built for the framing of the guest's socket, to it.
func (m *member) send(build func(c *Client, dst []byte) []byte) {
	c := m.client.Load()
	if c == nil {
		return
	}
	buf := takeBuffer()
	*buf = build(c, *buf)
	open := c.send(*buf)
	giveBuffer(buf)
	if !open {
		m.sendAnew(c, build)
	}
}

// sendAnew is send to the socket that has come in the place of c.
//
//go:noinline
func (m *member) sendAnew(c *Client, build func(c *Client, dst []byte) []byte) {
	buf := takeBuffer()
	defer giveBuffer(buf)
	for c = m.instead(c); c != nil; c = m.instead(c) {
		if *buf = build(c, (*buf)[:0]); c.send(*buf) {
			return
		}
	}
}

// sendInstead is Client.sendMessage to the socket that has come in the place of c,
// which takes nothing any more.
//
//go:noinline
func (m *member) sendInstead(c *Client, event string, payload []byte, id string, r *receipt) (taken bool) {
	buf := takeBuffer()
	defer giveBuffer(buf)
	for open := false; !open; {
		if c = m.instead(c); c == nil {
			return false
		}
		*buf = api.AppendEventFrame((*buf)[:0], c.framing, event, payload)
		taken, open = c.sendMessage(*buf, id, *r)
	}
	return taken
}

// instead returns the socket that has come in the place of one which takes nothing
// any more, nil where none has.
func (m *member) instead(c *Client) *Client {
	if next := m.client.Load(); next != c {
		return next
	}
	return nil
}

// lockBoth locks two members without a deadlock. Either may be nil.
func lockBoth(a, b *member) (unlock func()) {
	if a == nil || b != nil && b.id < a.id {
		a, b = b, a
	}
	if a != nil {
		a.mu.Lock()
	}
	if b != nil {
		b.mu.Lock()
	}
	return func() {
		if b != nil {
			b.mu.Unlock()
		}
		if a != nil {
			a.mu.Unlock()
		}
	}
}

// nothing: the matcher holds no record of the guest, who need not leave it.
const nothing = "nothing"

// record notes what the matcher may hold of the guest.
func (m *member) record(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.recorded = what
}

// unrecord notes that the matcher has dissolved a pair of the guest's; what it may
// hold besides stays in doubt.
func (m *member) unrecord(pair string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.recorded == pair {
		m.mu.recorded = nothing
	}
}

// dissolve notes that a pair is over: nothing that the matcher or another
// instance still says of it begins it again. The caller holds m.mu.
func (m *member) dissolve(pair string) {
	if m.mu.engaged != nil && m.mu.engaged.pair.ID == pair {
		m.mu.engaged = nil
	}
	if m.dissolved(pair) {
		return
	}
	m.mu.dissolved[m.mu.dissolvedAt] = pair
	m.mu.dissolvedAt = (m.mu.dissolvedAt + 1) % len(m.mu.dissolved)
}

// dissolved reports whether a pair is known to be over. The caller holds m.mu.
func (m *member) dissolved(pair string) bool { return slices.Contains(m.mu.dissolved[:], pair) }

// knowsOver reports whether a pair is known to be over.
func (m *member) knowsOver(pair string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dissolved(pair)
}

func (m *member) isSearching() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.searching
}

// joined is when the guest last joined this instance; a join under way is waited for.
func (m *member) joined() int64 {
	m.join.Lock()
	defer m.join.Unlock()
	return m.join.at
}

// vacate notes that the guest has no socket here any more.
func (m *member) vacate() {
	m.client.Store(nil)
	m.expectNothing()
}

// expectNothing notes that a chat which still comes from another instance comes too late.
func (m *member) expectNothing() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.claims = nil
	m.answer()
}

// answer ends the wait for other instances, where all have answered. The caller
// holds m.mu.
func (m *member) answer() {
	if len(m.mu.claims) == 0 && m.mu.handover != nil {
		close(m.mu.handover)
		m.mu.handover = nil
	}
}

// claims reports whether the guest is here, and expects a chat for a join.
func (m *member) claims(join int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.client.Load() != nil && m.expects(join)
}

// expects reports whether a chat may come for the claim that was made for a join.
// The caller holds m.mu.
func (m *member) expects(join int64) bool { return slices.Contains(m.mu.claims, join) }
