package verify

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"guestload/scenarios/rule"
	"guestload/server/api"
)

// Drop is how a guest ends its own socket.
type Drop uint8

// The ways to drop.
const (
	Closed   Drop = iota // with a closing handshake
	Reset                // without: the server notices at once
	HalfOpen             // silent, the server has to find out
)

// Witness is what one guest saw. Only the guest's goroutine may call its methods.
//
// Times count from the start of the run. Take the time of something that is sent before it
// is written, and of something that is received after it was read: the rules depend on that
// order. Slices are not kept.
type Witness struct {
	verifier *Verifier
	guest    int
	order    uint64        // in which locks are taken
	stamp    time.Duration // of the latest call that was tapped

	id  string // set once, before others can find the guest
	tag uint16 // of id

	wronged atomic.Bool // a rule was broken for this guest

	mu struct {
		sync.Mutex
		sockets   int           // opened so far
		connected time.Duration // since when the latest of them is open
		instance  string        // of the backend, which the latest of them is to; "" where it is not named
		unsure    bool          // the latest took over from another, and has answered no search yet
		recent    [4]*episode   // the latest episodes, a ring
		count     uint32        // of episodes so far
		messages  int64         // received
		events    eventLog
	}

	// Of the guest's own goroutine alone; what they point to is guarded by mu.
	group  *group   // of the searches from now on; nil: says nothing of itself, and wants anybody
	search *episode // the open search
	chat   *episode // whose messages may come: until closed
	last   *episode // the latest chat that was closed

	receipts receipts
}

// String names the guest as reports do.
func (w *Witness) String() string { return fmt.Sprintf("guest %d", w.guest) }

// Established reports that the server has greeted the guest's socket, the first or another
// one. A chat or search that continues from the old socket is judged less strictly.
func (w *Witness) Established(at time.Duration, id string) {
	w.tapped(callEstablished, at, 0, []byte(id), nil)
	first := w.id == ""
	if first {
		w.id, w.tag = id, tagOf(id)
	}
	w.mu.Lock()
	w.mu.sockets++
	w.mu.connected = at
	w.mu.unsure = !first
	w.note(didConnect, at, nil)
	var e, claim *episode
	if w.search != nil {
		w.verifier.dequeue(w.search, at, false)
		e, claim = w.endSearch(at, w.verifier.limits.Vanished, w.verifier.limits.Vanished)
	}
	w.resume()
	w.mu.Unlock()
	fs := w.abandon(e, claim, at)
	if other := w.verifier.register(w); first && other != nil {
		fs = append(fs, found(rule.UniqueID, w, other, "%s and %s were both given the id %s", w, other, id)...)
	}
	w.verifier.tally.add(fs)
}

// resume goes on with the chat of the old socket, whose end the server may not
// have noticed: a partner who was not told is still a partner.
func (w *Witness) resume() {
	last := w.last
	if w.chat == nil && last != nil && !last.settled && !last.released && (last.end == dropped || last.end == gone) {
		w.chat = last
		w.chat.end, w.chat.closed = notEnded, false
	}
	if w.chat != nil {
		w.chat.doubt = true
		w.receipts.begin(w.chat)
	}
}

// Searching reports that the guest is about to send user:match, which leaves its chat.
func (w *Witness) Searching(at time.Duration) {
	w.tapped(callSearching, at, 0, nil, nil)
	w.mu.Lock()
	w.note(didSearch, at, nil)
	if w.chat != nil && w.chat.end == notEnded {
		w.chat.finish(left, at, w.verifier.limits.Release)
	}
	if w.search == nil {
		w.search = w.begin(at)
	}
	if w.search.searches++; w.search.searches > 1 {
		w.verifier.dequeue(w.search, at, false)
	}
	w.search.searchedLast = at
	w.mu.Unlock()
}

// begin starts a new episode.
func (w *Witness) begin(at time.Duration) *episode {
	before := w.mu.recent[w.mu.count%uint32(len(w.mu.recent))]
	w.mu.count++
	e := &episode{owner: w, serial: w.mu.count, searched: at, until: forever}
	if e.group = w.group; e.group == nil {
		e.group = w.verifier.anybody
	}
	if before != nil && before.partner != nil {
		e.before = before.partner
		e.just = w.verifier.stretched(at-before.stayed(at)) <= w.verifier.limits.JustLeft // it may have left earlier than it heard
	}
	w.mu.recent[w.mu.count%uint32(len(w.mu.recent))] = e
	return e
}

// Cancelling reports that the guest is about to send user:match:cancel.
func (w *Witness) Cancelling(at time.Duration) {
	w.tapped(callCancelling, at, 0, nil, nil)
	w.mu.Lock()
	w.note(didCancel, at, nil)
	w.mu.Unlock()
}

// Leaving reports that the guest is about to leave its chat.
func (w *Witness) Leaving(at time.Duration) {
	w.tapped(callLeaving, at, 0, nil, nil)
	w.mu.Lock()
	w.note(didLeave, at, w.chat)
	if w.chat != nil && w.chat.end == notEnded {
		w.chat.finish(left, at, w.verifier.limits.Release)
	}
	w.mu.Unlock()
}

// Dropping reports that the guest is about to end its socket.
func (w *Witness) Dropping(at time.Duration, how Drop) {
	w.tapped(callDropping, at, int(how), nil, nil)
	limit, event := w.verifier.limits.Release, didClose
	switch how {
	case Reset:
		event = didReset
	case HalfOpen:
		limit, event = w.verifier.limits.Vanished, didFallSilent
	}
	w.cut(at, dropped, limit, event)
}

// Gone reports that the guest's socket was closed by the other side, or broke. After
// Dropping it changes nothing.
func (w *Witness) Gone(at time.Duration) {
	w.tapped(callGone, at, 0, nil, nil)
	w.cut(at, gone, w.verifier.limits.Vanished, didLoseSocket)
}

// Lost reports that the instance of the guest's socket has been killed. Unlike after a
// broken socket, the chat is over and the partner is told, even if the guest connects to
// another instance.
func (w *Witness) Lost(at time.Duration) {
	w.tapped(callLost, at, 0, nil, nil)
	w.verifier.outages.shake(at + w.verifier.limits.Instance)
	w.cut(at, lost, w.verifier.limits.Instance, didLoseInstance)
}

func (w *Witness) cut(at time.Duration, how ending, limit time.Duration, event kind) {
	w.mu.Lock()
	w.note(event, at, w.chat)
	var e, claim *episode
	var fs []finding
	if w.search != nil {
		fs = w.verifier.dequeue(w.search, at, how == dropped)
		e, claim = w.endSearch(at, limit, limit)
	}
	chat := w.chat
	if chat != nil {
		chat.finish(how, at, limit)
	}
	w.mu.Unlock()
	fs = append(fs, w.abandon(e, claim, at)...)
	if chat != nil {
		fs = append(fs, w.close(chat, at)...)
	}
	w.verifier.tally.add(fs)
}

// Heard reports an event without a method of its own: all but user:matched, chat:message and
// its two receipts. userID is the event's, empty if it has none. Events that are in no rule
// are ignored.
func (w *Witness) Heard(at time.Duration, event string, userID []byte) {
	w.tapped(callHeard, at, 0, []byte(event), userID)
	var fs []finding
	switch event {
	case api.EventSearching:
		fs = w.heardSearching(at)
	case api.EventNoUsers:
		fs = w.heardNoUsers(at)
	case api.EventMatchCancelled:
		fs = w.heardCancelled(at)
	case api.EventUserJoined:
		fs = w.heardJoined(at, userID)
	case api.EventUserLeft, api.EventChatCleared, api.EventRoomClosed:
		fs = w.heardRelease(at, userID)
	case api.EventClearConfirmed:
		fs = w.heardConfirmed(at)
	case api.EventMatchError:
		w.heardMatchError(at)
	case api.EventChatError, api.EventError:
		w.heardError(at)
	}
	w.verifier.tally.add(fs)
}

// close ends what can come of e, and compares it with its other half when that
// is closed too. The owner calls it, without locks.
func (w *Witness) close(e *episode, at time.Duration) []finding {
	unlock := lock(w, e.partner)
	defer unlock()
	e.closed = true
	w.last = e
	if w.chat == e {
		w.chat = nil
	}
	switch {
	case e.peer != nil && e.peer.closed:
		return w.verifier.settle(e, e.peer, at)
	case e.givenUp != nil:
		return w.verifier.settleGivenUp(e, at)
	}
	return nil
}

// settleGivenUp judges a chat whose partner had given up its search before it was told of
// the match. Both locks are held.
func (v *Verifier) settleGivenUp(e *episode, now time.Duration) []finding {
	if e.settled || e.doubt || e.partner.reconnectedSince(e.givenUp.endAt) {
		return nil
	}
	e.settled = true
	return within(v.judgeWait(e, e.givenUp.owner, max(e.givenUp.endAt, e.matched), e.givenUp.limit, now), e, e.givenUp)
}

// finish judges the guest's open episodes.
func (w *Witness) finish(at time.Duration) []finding {
	var fs []finding
	for i := range uint32(len(w.mu.recent)) {
		e := w.mu.recent[(w.mu.count+1+i)%uint32(len(w.mu.recent))]
		if e == nil || e.partner == nil {
			continue
		}
		unlock := lock(w, e.partner)
		switch {
		case e.peer != nil:
			fs = append(fs, w.verifier.settle(e, e.peer, at)...)
		case e.givenUp != nil:
			fs = append(fs, w.verifier.settleGivenUp(e, at)...)
		default:
			fs = append(fs, w.verifier.judgeNotice(e, at)...)
		}
		unlock()
	}
	return fs
}

// lock locks one witness, or two in the order of their creation, so that no deadlock is
// possible.
func lock(a, b *Witness) (unlock func()) {
	if b == nil || b == a {
		a.mu.Lock()
		return a.mu.Unlock
	}
	if b.order < a.order {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	return func() {
		b.mu.Unlock()
		a.mu.Unlock()
	}
}
