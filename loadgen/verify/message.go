package verify

import (
	"hash/maphash"
	"time"
)

// Sent says that the guest is about to write the chat:message it has composed.
func (w *Witness) Sent(at time.Duration) {
	w.mu.Lock()
	if e := w.chat; e != nil {
		e.sent++
	}
	w.note(didSend, at, w.chat)
	w.mu.Unlock()
}

// Received says that a chat:message of type text has come, and returns its mark.
// ok means that it counts as delivered: whole, for the first time, from the
// partner of now; then its delivery took at - Intended.
func (w *Witness) Received(at time.Duration, senderID, text []byte) (m Mark, ok bool) {
	m, err := ReadMark(text)
	w.mu.Lock()
	w.mu.messages++
	fs := w.judgeMessage(senderID, m, err == nil)
	w.note(heardMessage, at, w.chat)
	w.mu.Unlock()
	if fs != nil {
		w.verifier.tally.add(fs)
		return m, false
	}
	return m, err == nil
}

// judgeMessage holds a message against the chat of now. The lock is held.
func (w *Witness) judgeMessage(senderID []byte, m Mark, whole bool) []finding {
	e := w.chat
	if e == nil || string(senderID) != e.partnerID {
		return w.judgeForeign(senderID, m, whole)
	}
	if !whole {
		if e.partner == nil && e.peerChat == 0 {
			return nil // a stranger, who marks nothing
		}
		e.received++ // something came
		return found(MessageWhole, w, e.partner, "%s received a message from %s that is not as it was sent", w, e.partnerName())
	}
	if m.Tag != w.tag || e.partner != nil && e.partner.guest != m.Guest {
		return found(MessageToPartner, w, e.partner, "%s received from %s message %d of %d that guest %d had sent to somebody else",
			w, e.partnerName(), m.K, m.N, m.Guest)
	}
	switch {
	case e.peerChat == 0 && w.last != nil && w.last != e && w.last.partnerID == e.partnerID && w.last.peerChat == m.Chat,
		e.peerChat != 0 && e.peerChat != m.Chat:
		return found(AfterLeave, w, e.partner, "%s received message %d of %d of an earlier chat with %s", w, m.K, m.N, e.partnerName())
	}
	e.peerChat = m.Chat
	return w.judgeSequence(e, m)
}

// judgeSequence expects the messages of one chat to come as 1, 2, 3. What is
// left out is remembered: it may have been refused.
func (w *Witness) judgeSequence(e *episode, m Mark) []finding {
	switch ahead := m.K - e.highest; {
	case ahead > 0:
		e.missing = e.missing<<ahead | (1<<(ahead-1) - 1) // shifts of 64 and more leave 0 and all ones
		e.highest = m.K
		e.received++
		return nil
	case ahead > -64 && e.missing&(1<<-ahead) != 0:
		e.missing &^= 1 << -ahead
		e.received++
		return found(MessageOrder, w, e.partner, "%s received message %d of %d from %s after message %d",
			w, m.K, m.N, e.partnerName(), e.highest)
	default:
		return found(MessageOnce, w, e.partner, "%s received message %d of %d from %s twice", w, m.K, m.N, e.partnerName())
	}
}

// judgeForeign tells of a message from somebody who is not the partner of now.
func (w *Witness) judgeForeign(senderID []byte, m Mark, whole bool) []finding {
	what := "a message"
	if whole {
		what = "a marked message"
	}
	if last := w.last; last != nil && last.partnerID == string(senderID) {
		if w.mu.sockets > 1 && last.doubt {
			return nil
		}
		last.received++ // out of place, but not lost
		return found(AfterLeave, w, last.partner, "%s received %s, %d of %d, from %s after their chat had ended",
			w, what, m.K, m.N, last.partnerName())
	}
	sender := w.verifier.find(senderID)
	return found(MessageToPartner, w, sender, "%s received %s from %s, who is not its partner", w, what, guestName(sender, senderID))
}

// Acked says that chat:message:sent has come.
func (w *Witness) Acked(at time.Duration, messageID []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(heardAck, at, w.chat)
	e := w.chat
	if e == nil {
		e = w.last
	}
	if e == nil || e.acked+e.refused >= e.sent {
		return
	}
	e.acked++
	if w.receipts.acked(maphash.Bytes(w.verifier.seed, messageID), e) {
		e.delivered++
		e.lastDelivered = at
	}
}

// Delivered says that chat:message:delivered has come: the server has handed the
// message to the partner's socket, and it must be found there.
func (w *Witness) Delivered(at time.Duration, messageID []byte) {
	w.mu.Lock()
	w.note(heardDelivery, at, w.chat)
	e := w.receipts.delivered(maphash.Bytes(w.verifier.seed, messageID))
	late := false
	if e != nil {
		e.delivered++
		e.lastDelivered = at
		late = e.settled && e.peer != nil
	}
	w.mu.Unlock()
	if late {
		w.verifier.tally.add(w.judgeLate(e))
	}
}

// judgeLate judges a receipt for a chat that had been settled before it came.
func (w *Witness) judgeLate(e *episode) []finding {
	unlock := lock(w, e.peer.owner)
	defer unlock()
	if e.undelivered(e.peer, w.verifier) != e.lost+1 {
		return nil
	}
	e.lost++
	return found(MessageLost, w, e.partner, "a message from %s never reached %s, though it was acknowledged as delivered", w, e.partnerName())
}

// receipts finds the chat of a message by its id, from its first receipt to its
// second. It remembers the latest few; a receipt that comes later than that
// many others is not judged.
type receipts struct {
	ring [8]receipt
	next uint8
}

type receipt struct {
	id   uint64   // hash of the message's id; 0: none
	chat *episode // nil: delivered before it was acked
}

// acked remembers whose message it is, and reports whether it has been
// delivered already.
func (r *receipts) acked(id uint64, e *episode) (delivered bool) {
	if i := r.find(id); i >= 0 {
		delivered = r.ring[i].chat == nil
		r.ring[i] = receipt{}
		return delivered
	}
	r.add(receipt{id, e})
	return false
}

// delivered returns the chat of the message, nil where it is not known (yet).
func (r *receipts) delivered(id uint64) *episode {
	if i := r.find(id); i >= 0 {
		e := r.ring[i].chat
		r.ring[i] = receipt{}
		return e
	}
	r.add(receipt{id: id})
	return nil
}

func (r *receipts) find(id uint64) int {
	for i := range r.ring {
		if r.ring[i].id == id {
			return i
		}
	}
	return -1
}

func (r *receipts) add(x receipt) {
	r.ring[r.next%uint8(len(r.ring))] = x
	r.next++
}
