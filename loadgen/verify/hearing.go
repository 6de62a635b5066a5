package verify

import (
	"time"

	"guestload/scenarios/rule"
)

// What a guest hears between its search and the end of its chat, in the order
// that the contract gives it.

func (w *Witness) heardSearching(at time.Duration) (fs []finding) {
	w.mu.Lock()
	w.note(heardSearching, at, nil)
	if e := w.search; e != nil {
		w.mu.unsure = false
		if e.heardSearching == 0 && e.sure() {
			w.verifier.queue.enter(e, at)
		}
		if e.heardSearching++; e.heardSearching > e.searches && w.mu.sockets == 1 {
			fs = found(rule.EventOrder, w, nil, "%s heard user:match:searching %d times for %d searches", w, e.heardSearching, e.searches)
		}
	}
	old := w.chat // which the search has left
	if old != nil && w.search != nil && old.end == left {
		old.confirmed = true
	} else {
		old = nil
	}
	w.mu.Unlock()
	if old != nil {
		fs = append(fs, w.close(old, at)...)
	}
	return fs
}

func (w *Witness) heardNoUsers(at time.Duration) []finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(heardNoUsers, at, nil)
	switch e := w.search; {
	case e != nil && e.heardSearching > 0:
		w.verifier.queue.place(e, at)
	case e != nil:
		return found(rule.EventOrder, w, nil, "%s heard user:match:no_users before user:match:searching", w)
	case e == nil && w.chat != nil && w.mu.sockets == 1:
		return found(rule.EventOrder, w, w.chat.partner, "%s heard user:match:no_users after user:matched", w)
	}
	return nil
}

func (w *Witness) heardCancelled(at time.Duration) []finding {
	w.mu.Lock()
	w.note(heardCancelled, at, nil)
	var e, claim *episode
	var fs []finding
	if w.search != nil && w.search.heardSearching > 0 { // else a search before this one was cancelled
		fs = append(w.verifier.dequeue(w.search, at, w.search.sure()), w.verifier.cancelled(w.search)...)
		e, claim = w.endSearch(at, 0, w.verifier.limits.Release)
	}
	w.mu.Unlock()
	return append(fs, w.abandon(e, claim, at)...)
}

// heardMatchError: the server does not search for the guest, or not now.
func (w *Witness) heardMatchError(at time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(heardError, at, nil)
	if w.search != nil {
		w.verifier.dequeue(w.search, at, false)
	}
}

func (w *Witness) heardJoined(at time.Duration, userID []byte) []finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(heardJoined, at, w.chat)
	e := w.chat
	switch {
	case e == nil && w.mu.sockets == 1:
		return found(rule.EventOrder, w, nil, "%s heard room:user_joined outside of a chat", w)
	case e == nil || e.doubt:
		return nil
	}
	switch string(userID) {
	case w.id:
		if e.selfJoined {
			return found(rule.EventOrder, w, e.partner, "%s heard twice that it has joined the chat", w)
		}
		e.selfJoined, e.selfJoinedFirst = true, !e.partnerJoined
	case e.partnerID:
		if e.partnerJoined {
			return found(rule.EventOrder, w, e.partner, "%s heard twice that its partner has joined the chat", w)
		}
		e.partnerJoined = true
	default:
		return found(rule.EventOrder, w, e.partner, "%s heard that %s has joined its chat with %s", w, userID, e.partnerName())
	}
	return nil
}

// heardRelease: the partner has gone, or what is heard is the echo of the
// guest's own leave, which userID tells. A second word of the same end is fine.
func (w *Witness) heardRelease(at time.Duration, userID []byte) []finding {
	if string(userID) == w.id {
		return nil
	}
	w.mu.Lock()
	e := w.chat
	if e == nil || len(userID) > 0 && string(userID) != e.partnerID {
		w.mu.Unlock()
		return nil
	}
	w.note(heardRelease, at, e)
	e.released, e.toldAt = true, at
	fs := w.joinedBoth(e)
	w.mu.Unlock()
	return append(fs, w.close(e, at)...)
}

func (w *Witness) heardConfirmed(at time.Duration) []finding {
	w.mu.Lock()
	w.note(heardConfirmed, at, w.chat)
	e := w.chat
	if e == nil || e.end != left {
		w.mu.Unlock()
		return nil
	}
	e.confirmed = true
	fs := w.joinedBoth(e)
	w.mu.Unlock()
	return append(fs, w.close(e, at)...)
}

// joinedBoth judges, at the end of a chat, whether it began as it should. The
// lock is held.
func (w *Witness) joinedBoth(e *episode) []finding {
	if e.selfJoined && e.partnerJoined || e.doubt {
		return nil
	}
	return found(rule.EventOrder, w, e.partner, "%s did not hear two room:user_joined in its chat with %s", w, e.partnerName())
}

// heardError: a message was refused, perhaps; then it need not arrive.
func (w *Witness) heardError(at time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(heardError, at, w.chat)
	e := w.chat
	if e == nil {
		e = w.last
	}
	if e != nil && e.acked+e.refused < e.sent {
		e.refused++
	}
}
