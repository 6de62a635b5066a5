package pairing

import (
	"cmp"
	"slices"
	"time"
)

// Machine is what one instance knows about guests and pairs. It is not safe for
// concurrent use. Make it with New.
type Machine struct {
	instance string
	link     bool // other instances can be reached
	guests   map[string]*guest
	pairs    map[string]*pair
	claims   map[claimKey]*claim
	handed   map[string]*handover // by guest
	notices  map[string]*notice   // by pair
	joining  map[string]int       // joins under way, by guest
	recent   map[string]*Message  // claims that came meanwhile, by guest
	store    uint64               // how often the store behind the ports has changed
	buffered int                  // bytes of unacknowledged events
	timers   timers
	flaw     flaw

	now     time.Duration
	effects []Effect // of the step under way
}

// guest is somebody with a socket here, or about whom a call is under way.
type guest struct {
	id     string
	socket uint64 // 0: none
	at     int64  // when it joined
	known  int64  // since when presence knows, by the shared clock; 0: not yet

	want   bool  // it searches
	search int64 // its latest search; rises with every search, whatever the instance
	since  time.Duration
	order  uint64 // of searches here, where since is equal
	told   bool   // that nobody is here
	misses int    // searches in a row that led to nothing
	avoid  string

	chat   *pair // begun, or offered to the partner's instance
	ending Why   // the chat is being left: the matcher is told first
	next   bool  // then the guest searches

	record record // what the matcher may hold of the guest
	purge  bool   // take it out, whatever the guest does
	from   string // take out, too, what is recorded for the instance that it came from
	other  bool   // the call is about that
	call   EffectKind
	stale  bool // the store has changed since the call was made
	called int64
	again  bool // the matcher was asked twice for this search: it may have the guest wait who was found

	arriving int64  // the claim whose answer the guest waits for; 0: none
	previous string // the instance that is asked
	partner  string
	held     []Input // what it has asked for meanwhile
	claimed  *Message
}

// record is what the matcher may hold of a guest.
type record uint8

const (
	absent record = iota
	waiting
	paired
	unsure // something of the past; taken out when the guest goes
	dirty  // something of the past; to be taken out now
)

// New makes the machine of an instance. link says whether others can be reached.
func New(instance string, link bool) *Machine {
	return &Machine{
		instance: instance, link: link,
		guests: make(map[string]*guest), pairs: make(map[string]*pair),
		claims: make(map[claimKey]*claim), handed: make(map[string]*handover),
		notices: make(map[string]*notice), joining: make(map[string]int), recent: make(map[string]*Message),
	}
}

// Step acts on one input at a time now, which never goes back, and appends to dst
// what is to be done, in that order.
func (m *Machine) Step(now time.Duration, in *Input, dst []Effect) []Effect {
	m.now, m.effects = now, dst
	switch in.Kind {
	case Joining:
		if !in.Failed {
			m.joining[in.Guest]++
		} else if m.joinEnded(in.Guest); m.joining[in.Guest] == 0 {
			delete(m.recent, in.Guest)
		}
	case Connected:
		m.joinEnded(in.Guest)
		m.connected(in)
	case Disconnected:
		if g := m.guests[in.Guest]; g != nil && g.socket == in.Socket {
			m.vacate(g, Dropped)
			m.reconcile(g)
		}
	case Search, Cancel, Leave, Send:
		if g := m.guests[in.Guest]; g != nil && g.socket == in.Socket {
			m.command(g, in)
		}
	case Taken:
		m.taken(in)
	case Deleted:
		m.deleted(in)
	case Joined:
		m.joined(in)
	case Searched, Parted, Moved, Restored:
		if g := m.guests[in.Guest]; g != nil {
			m.answered(g, in)
		}
	case Located:
		m.located(in)
	case Received:
		m.received(in.Message)
	case Resync:
		m.resync(in)
	case Dissolved:
		if in.Match != nil && in.Match.index(in.Guest) >= 0 && m.flaw != dissolvesSilently {
			m.notify(in.Match, in.Guest)
		}
	case Contested:
		if g := m.guests[in.Guest]; g != nil && g.socket != 0 && m.claims[claimKey{in.Guest, in.Instance}] == nil {
			m.claim(g.id, in.Instance, g.at, 0)
		}
	case LinkDown:
		m.link = false
	case Dead:
		m.dead(in.Instance)
	case Timer:
		m.expire()
	}
	if m.timers.due() != m.timers.woken && m.timers.due() != never {
		m.timers.woken = m.timers.due()
		m.do(Effect{Kind: Wake, Time: m.timers.woken})
	}
	dst, m.effects = m.effects, nil
	return dst
}

// Searching reports whether the guest searches here.
func (m *Machine) Searching(id string) bool {
	g := m.guests[id]
	return g != nil && g.socket != 0 && g.want
}

// Chatting reports whether a record that the matcher holds, that the guest is in the
// pair, may stand: the guest is in it, or may yet hear of it.
func (m *Machine) Chatting(id, pair string) bool {
	g := m.guests[id]
	if g == nil || g.socket == 0 {
		return false
	}
	if g.chat != nil {
		return g.chat.id == pair && g.ending == 0
	}
	return g.want
}

func (m *Machine) do(e Effect) { m.effects = append(m.effects, e) }

// tell gives an event to the guest's socket, if there is one.
func (m *Machine) tell(g *guest, e Effect) {
	if g != nil && g.socket != 0 {
		e.Guest, e.Socket = g.id, g.socket
		m.do(e)
	}
}

// sorted returns the guests in a fixed order.
func (m *Machine) sorted() []*guest {
	all := make([]*guest, 0, len(m.guests))
	for _, g := range m.guests {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *guest) int {
		return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.order, b.order), cmp.Compare(a.id, b.id))
	})
	return all
}

// connected gives the guest a socket, in place of an older one.
func (m *Machine) connected(in *Input) {
	g := m.guests[in.Guest]
	if g == nil {
		g = &guest{id: in.Guest}
		m.guests[in.Guest] = g
	}
	if g.socket != 0 {
		m.tell(g, Effect{Kind: CloseSocket, Why: Replaced})
		m.quit(g)
		m.flushed(g)
	}
	g.socket, g.claimed = in.Socket, nil
	g.joined(in)
	if p := g.chat; p != nil && p.has(g) && g.ending == Dropped && in.Partner != "" { // too late for it
		g.ending = Replaced // which is told once
		m.tell(g, Effect{Kind: TellClosed, Pair: p.id, Partner: p.Of[1-p.index(g.id)].Guest, Why: Offline})
	}
	outrun := m.recent[g.id]
	if outrun != nil && (in.Local || in.At >= outrun.At) {
		outrun = nil
	}
	if m.joining[g.id] == 0 {
		delete(m.recent, g.id)
	}
	if in.Instance == "" || in.Instance == m.instance {
		if g.arriving == 0 && g.chat == nil && in.Partner != "" {
			m.lost(g, in.Partner)
			g.record = max(g.record, unsure)
		}
		if g.claimed = outrun; outrun != nil && g.arriving == 0 {
			g.claimed = nil
			m.surrender(g, outrun)
		}
		m.reconcile(g)
		return
	}
	g.claimed = outrun
	g.partner = in.Partner
	g.record = max(g.record, unsure)
	if g.chat == nil {
		g.arriving, g.previous = in.At, in.Instance
		m.timers.add(m.now+arriveWithin, timer{guest: g, at: in.At})
	}
	m.claim(g.id, in.Instance, in.At, Adopt)
	if outrun != nil && g.arriving == 0 {
		g.claimed = nil
		m.surrender(g, outrun)
	}
	m.reconcile(g)
}

func (m *Machine) joinEnded(guest string) {
	if m.joining[guest]--; m.joining[guest] <= 0 {
		delete(m.joining, guest)
	}
}

func (g *guest) joined(in *Input) {
	g.at, g.known = in.At, in.At
	if in.Local {
		g.known = 0
	}
}

// newer reports whether the guest's socket here is newer than the one that a claim is
// made for. A claim that knows of this instance, by presence, is later than anything
// that presence knew then; any other is compared by the clocks alone.
func (m *Machine) newer(g *guest, r *Message) bool {
	if r.Flags&Adopt != 0 && g.known != 0 {
		return r.At < g.known
	}
	return r.At < g.at || r.At == g.at && r.Instance < m.instance
}

// vacate notes that the guest has no socket here any more: its search ends, and its chat.
func (m *Machine) vacate(g *guest, why Why) {
	g.socket, g.arriving, g.held, g.partner, g.next = 0, 0, nil, "", false
	m.quit(g)
	if g.chat != nil && g.ending == 0 {
		g.ending = why
	}
	if why == Dropped || m.flaw != remembersReplaced {
		m.do(Effect{Kind: CallForget, Guest: g.id})
	}
}

// quit ends the guest's search.
func (m *Machine) quit(g *guest) {
	if m.flaw == searchOutlivesSocket && g.socket != 0 {
		return
	}
	g.next = false
	if !g.want {
		return
	}
	g.want = false
	if g.chat != nil { // offered
		g.ending = Dropped
	} else if g.record != absent {
		g.record = dirty
	}
}

// command acts on what the guest asks for. Until its chat has come from where it was
// before, that waits.
func (m *Machine) command(g *guest, in *Input) {
	if g.arriving != 0 {
		if len(g.held) < maxHeld {
			g.held = append(g.held, *in)
		} else if in.Kind == Send {
			m.tell(g, Effect{Kind: TellRefused, ID: in.ID, Why: Overflow})
		}
		return
	}
	switch in.Kind {
	case Search:
		if g.chat != nil {
			m.leave(g)
			g.next = true
		} else {
			m.startSearch(g)
		}
	case Cancel:
		m.quit(g)
		m.tell(g, Effect{Kind: TellCancelled})
	case Leave:
		g.next = false
		if g.chat == nil || !g.chat.has(g) {
			m.tell(g, Effect{Kind: TellLeft})
			break
		}
		m.leave(g)
	case Send:
		m.send(g, in)
		return
	}
	m.reconcile(g)
}

// leave begins to leave the chat, which has begun or is offered.
func (m *Machine) leave(g *guest) {
	if g.ending != 0 {
		return
	}
	g.ending, g.want = Left, false
	if m.flaw == endsBeforeMatcher {
		m.end(g, false)
	}
}

func (m *Machine) startSearch(g *guest) {
	if !g.want {
		g.since, g.want = m.now, true
		m.timers.sequence++
		g.order = m.timers.sequence
	}
	g.search, g.told, g.again, g.misses = max(g.search+1, g.at), false, false, 0
	if g.record == waiting {
		g.record = unsure
	}
	m.tell(g, Effect{Kind: TellSearching})
}

// arrived ends the guest's wait for its chat; answered says that the instance which
// had it has said whether there is one.
func (m *Machine) arrived(g *guest, answered bool) {
	if g.arriving == 0 {
		return
	}
	g.arriving = 0
	if g.chat == nil {
		if !answered {
			g.record = absent
			if g.claimed == nil { // else the guest is elsewhere again
				g.from = g.previous
			}
		} else if g.record == unsure {
			g.record = absent // the other takes out its own
		}
		if g.partner != "" && g.claimed == nil {
			m.lost(g, g.partner)
		}
	}
	g.partner = ""
	held := g.held
	g.held = nil
	for i := range held {
		if held[i].Socket == g.socket {
			m.command(g, &held[i])
		}
	}
	if c := g.claimed; c != nil {
		g.claimed = nil
		m.surrender(g, c)
	}
	m.reconcile(g)
}

// lost tells the guest that the chat which it had elsewhere is over.
func (m *Machine) lost(g *guest, partner string) {
	g.avoid = partner
	m.tell(g, Effect{Kind: TellClosed, Partner: partner, Why: Offline})
}

// deleted closes the socket of a guest whose session is gone, wherever it is.
func (m *Machine) deleted(in *Input) {
	if g := m.guests[in.Guest]; g != nil && g.socket != 0 {
		m.tell(g, Effect{Kind: CloseSocket, Why: SessionEnded})
		m.vacate(g, Dropped)
		m.reconcile(g)
	}
	if in.Instance != "" && in.Instance != m.instance {
		m.claim(in.Guest, in.Instance, in.At, Delete)
	}
}
