package verify

import (
	"time"

	"guestload/scenarios/rule"
)

// ending is how a guest's part in a chat ended, as far as the guest's own descriptions go.
type ending uint8

const (
	notEnded ending = iota
	left            // the guest left, or searched again
	dropped         // the guest ended its socket
	gone            // the guest's socket was ended by the other side
	lost            // the instance that the socket was to was killed: that ends the chat for good
)

// episode is one search of a guest, and the chat that it led to, if any. It is
// guarded by its owner's mutex.
type episode struct {
	owner  *Witness
	serial uint32 // counts the owner's episodes from 1
	place         // in the queue of searches

	// The search. The server can have matched the owner between searched and until.
	searched time.Duration
	until    time.Duration // forever while the search is open
	gaveUp   bool          // the search ended otherwise than by a match
	limit    time.Duration // once the owner has ended search or chat: until the partner must be told
	claim    *episode      // of another guest that was told of the owner, who has not been told yet

	// The chat.
	partner   *Witness // nil: none yet, or a stranger
	partnerID string   // "" while there is none
	tag       uint16   // of the partner
	matched   time.Duration
	peer      *episode // the partner's half of the same chat
	givenUp   *episode // the partner's search that was given up before the partner was told

	end       ending
	endAt     time.Duration
	dueFrom   time.Duration // from when the partner's being told is due within limit
	confirmed bool          // the owner's leave was confirmed
	released  bool          // the owner was told that the partner has gone
	kept      bool          // the owner waited too long to be told: that was found already
	toldAt    time.Duration // when
	listens   time.Duration // the owner heard nothing before: forever while it is deaf, 0 if it never was
	closed    bool          // nothing of this chat can come any more
	doubt     bool          // a socket changed under it, or a second search may have ended it: only gross faults are judged
	settled   bool          // both halves were compared

	// What was heard of the search and the join, for the order of events.
	searches, heardSearching  int
	searchedLast              time.Duration
	selfJoined, partnerJoined bool
	selfJoinedFirst           bool

	// Messages, sent and received.
	sent, refused, acked, delivered int
	lastDelivered                   time.Duration
	received, highest               int
	missing                         uint64 // bit i: highest-i has not come
	lost                            int    // told of already
	peerChat                        int    // the partner's chat number, 0 before the first message
}

const forever = time.Duration(1<<63 - 1)

// searching reports whether the owner still waits for a match.
func (e *episode) searching() bool { return e.partnerID == "" && !e.gaveUp }

// sure reports whether there can be no doubt which match ended the search.
func (e *episode) sure() bool { return e.searches <= 1 && !e.doubt }

// overlaps reports whether one match can have ended both searches.
func (e *episode) overlaps(o *episode) bool {
	return e.searched <= o.until && o.searched <= e.until
}

// finish notes that the owner ends the chat, or its socket after it has left
// but before that was confirmed: then the leave may be lost with the socket.
func (e *episode) finish(how ending, at, limit time.Duration) {
	if e.end == notEnded {
		e.end, e.endAt = how, at
	}
	e.dueFrom, e.limit = at, limit
}

// stayed returns until when the owner took part in the chat; now where it still does.
func (e *episode) stayed(now time.Duration) time.Duration {
	switch {
	case e.released && (e.end == notEnded || e.toldAt < e.endAt):
		return e.toldAt
	case e.end != notEnded:
		return e.endAt
	default:
		return now
	}
}

// settle compares the two halves of a chat, with both owners' locks held. It is
// called when both are closed, or at the end of the run, which is now.
func (v *Verifier) settle(a, b *episode, now time.Duration) []finding {
	if a.settled {
		return nil
	}
	return within(v.compare(a, b, now), a, b)
}

func (v *Verifier) compare(a, b *episode, now time.Duration) []finding {
	a.settled, b.settled = true, true
	v.noteLoss(a, b)
	v.noteLoss(b, a)
	fs := v.judgeRelease(a, b, now)
	fs = append(fs, v.judgeRelease(b, a, now)...)
	fs = append(fs, v.judgeLosses(a, b)...)
	fs = append(fs, v.judgeLosses(b, a)...)
	if !a.doubt && !b.doubt && a.partnerJoined && a.selfJoined && b.partnerJoined && b.selfJoined &&
		a.selfJoinedFirst == b.selfJoinedFirst {
		fs = append(fs, found(rule.EventOrder, a.owner, b.owner,
			"%s and %s heard their two room:user_joined in different orders", a.owner, b.owner)...)
	}
	return fs
}

// noteLoss remembers how long it took until b was told of a's loss.
func (v *Verifier) noteLoss(a, b *episode) {
	if a.end != lost || b.end == lost || a.doubt || b.doubt {
		return
	}
	v.tally.losses.Add(1)
	if b.released && b.toldAt > a.endAt {
		raise(&v.tally.slowest, int64(b.toldAt-a.endAt))
	}
}

// judgeRelease says whether b was told in time that a had ended the chat, and
// not before a did.
func (v *Verifier) judgeRelease(a, b *episode, now time.Duration) []finding {
	if a.end == notEnded || a.doubt || b.doubt {
		return nil
	}
	if b.released && a.end == left && a.confirmed && a.endAt > b.toldAt {
		return found(rule.SymmetricPartner, a.owner, b.owner, "%s was told at %v that %s had gone, who left only at %v",
			b.owner, shown(b.toldAt), a.owner, shown(a.endAt))
	}
	since := max(a.dueFrom, b.matched)
	return v.judgeWait(b, a.owner, since, a.limit, now)
}

// judgeWait says whether the owner of e was kept in a chat with who had gone at
// since for longer than the limit.
func (v *Verifier) judgeWait(e *episode, who *Witness, since, limit, now time.Duration) []finding {
	stayed := e.stayed(now)
	since = max(since, e.listens)
	waited := v.waited(e.owner, who, since, stayed)
	if e.kept || waited <= v.stretched(limit) {
		return nil
	}
	e.kept = true
	if e.released && e.toldAt == stayed {
		return overdue(rule.Release, e.owner, who, "%s was told that %s had gone only %v after it did: at most %v are allowed",
			e.owner, who, shown(waited), limit)
	}
	return overdue(rule.Release, e.owner, who, "%s waited %v and was not told that %s had gone: at most %v are allowed",
		e.owner, shown(waited), who, limit)
}

// judgeLosses says whether messages from a to b are missing that nothing excuses.
func (v *Verifier) judgeLosses(a, b *episode) []finding {
	n, why := 0, ""
	if !a.doubt && !b.doubt {
		// A later message came, so the socket did not lose the earlier one.
		if gaps := b.highest - b.received - a.refused; gaps > 0 {
			n, why = gaps, "later ones came"
		}
		// Everything a sent went before its leave, and b was there to hear of the leave.
		whole := a.end == left && a.confirmed && !a.released && b.released
		if short := a.sent - a.refused - b.received; whole && short > n {
			n, why = short, "both stayed to the end"
		}
	}
	if short := a.undelivered(b, v); short > n {
		n, why = short, asDelivered
	}
	return a.tellLost(b, n, why)
}

// asDelivered is why a message must have arrived that the partner could read.
const asDelivered = "they were acknowledged as delivered"

// tellLost tells that n messages from a to b are lost, but for those that were told
// of already.
func (a *episode) tellLost(b *episode, n int, why string) []finding {
	more := n - a.lost
	if more <= 0 {
		return nil
	}
	a.lost = n
	fs := found(rule.MessageLost, a.owner, b.owner, "%d of %d messages from %s never reached %s, though %s",
		n, a.sent, a.owner, b.owner, why)
	fs[0].n = int64(more)
	return fs
}

// undelivered returns how many messages from a were acknowledged as delivered
// that b has not received, although b went on reading afterwards.
func (a *episode) undelivered(b *episode, v *Verifier) int {
	until := b.stayed(0)
	switch {
	case !b.closed:
		return 0
	case b.released || b.confirmed:
		until = forever
	}
	return a.unread(b, until, v)
}

// unread returns how many messages from a were acknowledged as delivered that b has
// not received, although it has read what came until then.
func (a *episode) unread(b *episode, until time.Duration, v *Verifier) int {
	if b.doubt || b.listens > 0 || until <= a.lastDelivered+v.stretched(v.limits.Notice) {
		return 0
	}
	return a.delivered - b.received
}
