package verify

import (
	"bytes"
	"time"

	"guestload/scenarios/rule"
)

// Matched says that user:matched has come, naming the partner and the room.
func (w *Witness) Matched(at time.Duration, partnerID, roomID []byte) {
	w.tapped(callMatched, at, 0, partnerID, roomID)
	v := w.verifier
	v.tally.matches.Add(1)
	if string(partnerID) == w.id {
		v.tally.add(found(rule.NotOneself, w, nil, "%s was matched with itself", w))
		return
	}
	partner := v.find(partnerID)
	var fs []finding
	if !isRoom(roomID, w.id, partnerID) {
		fs = found(rule.RoomID, w, partner, "%s was told room %q for its chat with %s, which is not the two ids, sorted, joined with _",
			w, roomID, partnerID)
	}
	if partner == nil {
		v.tally.strangers.Add(1)
	}
	unlock := lock(w, partner)
	e, more := w.accept(at, partner, partnerID)
	fs = append(fs, more...)
	if e != nil && partner != nil {
		fs = append(fs, v.pair(e)...)
	}
	unlock()
	v.tally.add(fs)
}

// isRoom reports whether room is a and b, sorted, joined with _.
func isRoom(room []byte, a string, b []byte) bool {
	first, second := []byte(nil), b
	if len(room) != len(a)+1+len(b) {
		return false
	}
	if string(b) < a {
		return bytes.HasPrefix(room, b) && room[len(b)] == '_' && string(room[len(b)+1:]) == a
	}
	first = room[:len(a)]
	return string(first) == a && room[len(a)] == '_' && bytes.Equal(room[len(a)+1:], second)
}

// accept turns the guest's search into a chat and judges what the guest alone
// can judge. It returns nil where the match is only a repetition.
func (w *Witness) accept(at time.Duration, partner *Witness, partnerID []byte) (*episode, []finding) {
	w.note(heardMatch, at, &episode{partner: partner})
	var fs []finding
	e := w.search
	if e == nil {
		old := w.chat
		if old != nil && old.end == notEnded && !old.doubt {
			if old.partnerID == string(partnerID) {
				return nil, found(rule.ToldOnce, w, partner, "%s was told twice of its match with %s", w, guestName(partner, partnerID))
			}
			fs = found(rule.OnePartner, w, partner, "%s was matched with %s while in a chat with %s",
				w, guestName(partner, partnerID), old.partnerName())
		} else if w.mu.sockets == 1 {
			fs = found(rule.EventOrder, w, partner, "%s was matched with %s without searching", w, guestName(partner, partnerID))
		}
		e = w.begin(0) // any time: the rule is broken already, or an older search was meant
		e.doubt = w.mu.sockets > 1
	} else if e.heardSearching == 0 && !w.mu.unsure {
		fs = found(rule.EventOrder, w, partner, "%s heard user:matched before user:match:searching", w)
	}
	if w.search != nil {
		fs = append(fs, w.verifier.dequeue(e, at, e.sure())...)
	}
	if w.chat != nil { // left by searching; its confirmation never came
		w.chat.closed, w.last = true, w.chat
	}
	w.receipts.begin(w.last)
	w.search, w.chat = nil, e
	if n := e.searches - e.heardSearching; n > 0 && (e.searches > 1 || w.mu.unsure) {
		w.searchOn(e, n)
	}
	e.partner, e.matched, e.until, e.tag = partner, at, at, tagOf(partnerID)
	if partner != nil {
		e.partnerID = partner.id
	} else {
		e.partnerID = string(partnerID)
	}
	return e, fs
}

// searchOn is for a guest who searched again while it waited, perhaps over
// another socket, and was matched before it heard an answer to that: the server
// may take the later searches for leaving this chat, or may have taken them
// before the match.
func (w *Witness) searchOn(e *episode, unanswered int) {
	e.doubt = true
	w.search = w.begin(e.searchedLast)
	w.search.doubt, w.search.searches = true, unanswered
}

// pair finds the partner's half of the chat that e has just become. Both locks
// are held. The partner's search, if it was one, has been witnessed already:
// a guest says so before it sends user:match.
func (v *Verifier) pair(e *episode) []finding {
	p := e.partner
	claim := e.claim
	e.claim = nil
	var open, gaveUp, with *episode
	for _, o := range p.mu.recent {
		switch {
		case o == nil || !o.overlaps(e):
		case o.partner == e.owner && o.peer == nil && (with == nil || o.serial < with.serial):
			with = o
		case o.searching():
			open = o
		case o.gaveUp && (gaveUp == nil || o.endAt+o.limit > gaveUp.endAt+gaveUp.limit):
			gaveUp = o
		}
	}
	var fs []finding
	if claim != nil && claim.owner == p {
		with = claim
	} else if claim != nil && e.sure() {
		fs = found(rule.OnePartner, e.owner, claim.owner, "%s was told that %s is its partner, who was matched with %s",
			claim.owner, e.owner, e.partnerName())
	}
	switch {
	case with != nil && (gaveUp != nil || e.owner.gaveUpDuring(with) || !e.sure() || !with.sure()):
		// Another search of the two may be meant.
		e.doubt, with.doubt = true, true
	case with != nil:
		e.peer, with.peer, with.givenUp = with, e, nil
		if e.owner.reconnectedSince(with.searched) || p.reconnectedSince(e.searched) {
			e.doubt, with.doubt = true, true
		}
		fs = append(fs, v.judgePair(e, with)...)
	case open != nil && gaveUp != nil: // either may be meant
	case open != nil && open.claim == nil:
		open.claim = e
		v.queue.claim(open, e.matched)
	case open != nil && open.sure():
		fs = append(fs, found(rule.OnePartner, e.owner, p, "%s and %s were both told that %s is their partner",
			open.claim.owner, e.owner, p)...)
		open.claim = nil // told
	case open != nil: // the first of them may have been left by searching again
	case gaveUp != nil:
		e.givenUp = gaveUp
	default:
		fs = append(fs, v.judgeStrange(e)...)
	}
	return fs
}

// gaveUpDuring reports whether w gave up a search that may have led to o.
func (w *Witness) gaveUpDuring(o *episode) bool {
	for _, e := range w.mu.recent {
		if e != nil && e.gaveUp && e.overlaps(o) {
			return true
		}
	}
	return false
}

// judgeStrange tells of a guest matched with somebody who was not searching.
func (v *Verifier) judgeStrange(e *episode) []finding {
	p := e.partner
	if e.doubt || p.reconnectedSince(e.searched) || p.forgotten(e.searched) {
		return nil
	}
	for _, o := range p.mu.recent {
		if o != nil && o.overlaps(e) && !o.sure() {
			return nil // an earlier search of these may be meant
		}
	}
	for _, o := range p.mu.recent {
		if o != nil && o.partnerID != "" && o.partner != e.owner && o.matched <= e.matched && o.stayed(forever) >= e.searched {
			return found(rule.OnePartner, e.owner, p, "%s was told that %s is its partner, who was in a chat with %s",
				e.owner, p, o.partnerName())
		}
	}
	return found(rule.SymmetricPartner, e.owner, p, "%s was told that %s is its partner, who was not searching", e.owner, p)
}

// forgotten reports whether an episode of w that was open at that time may be
// one of those no longer kept.
func (w *Witness) forgotten(at time.Duration) bool {
	n := uint32(len(w.mu.recent))
	return w.mu.count > n && w.mu.recent[(w.mu.count+1)%n].searched > at
}

// endSearch closes the open search without a match; the server may still make
// one until it notices. The lock is held; what is returned goes to abandon.
func (w *Witness) endSearch(at, notices, limit time.Duration) (e, claim *episode) {
	e, w.search = w.search, nil
	e.gaveUp, e.until, e.endAt, e.limit = true, at+notices, at, limit
	claim, e.claim = e.claim, nil
	return e, claim
}

// abandon settles with a guest who was told of w while w was searching, after w
// has given up without hearing of it. No lock is held.
func (w *Witness) abandon(e, claim *episode, at time.Duration) []finding {
	if claim == nil {
		return nil
	}
	unlock := lock(w, claim.owner)
	defer unlock()
	if claim.peer != nil {
		return nil
	}
	if !claim.doubt && e.sure() && w.verifier.waited(w, claim.owner, claim.matched, at) > w.verifier.stretched(w.verifier.limits.Notice) {
		claim.settled = true
		return unnoticed(claim, at)
	}
	claim.givenUp = e
	if claim.closed {
		return w.verifier.settleGivenUp(claim, at)
	}
	return nil
}

// judgeNotice tells, at the end of the run, of a guest whose partner has not
// heard of the match though it still listens. Both locks are held.
func (v *Verifier) judgeNotice(e *episode, now time.Duration) []finding {
	if e.settled || e.doubt || v.waited(e.owner, e.partner, e.matched, now) <= v.stretched(v.limits.Notice) {
		return nil
	}
	for _, o := range e.partner.mu.recent {
		if o != nil && o.claim == e && o.sure() {
			e.settled = true
			return unnoticed(e, now)
		}
	}
	return nil
}

func unnoticed(e *episode, now time.Duration) []finding {
	return overdue(rule.SymmetricPartner, e.owner, e.partner, "%s was told that %s is its partner, who was not told of it for %v",
		e.owner, e.partner, shown(now-e.matched))
}

// reconnectedSince reports whether the guest opened another socket after at.
func (w *Witness) reconnectedSince(at time.Duration) bool {
	return w.mu.sockets > 1 && w.mu.connected > at
}
