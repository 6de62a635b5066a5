package verify

import (
	"hash/maphash"
	"time"

	"guestload/scenarios/rule"
)

// Sent says that the guest is about to write the chat:message it has composed.
// Each message is composed after the one before was sent. A guest that searched again while it waited sends none before both searches are answered: it
// does not know which chat the server would put it in.
func (w *Witness) Sent(at time.Duration) {
	w.tapped(callSent, at, 0, nil, nil)
	w.mu.Lock()
	if e := w.chat; e != nil {
		e.sent++
	}
	w.note(didSend, at, w.chat)
	w.mu.Unlock()
}

// Received says that a chat:message of type text has come, and returns its header.
// ok means that it counts as delivered: whole, for the first time, from the
// partner of now; then its delivery took at - Intended.
func (w *Witness) Received(at time.Duration, senderID, text []byte) (m Header, ok bool) {
	w.tapped(callReceived, at, 0, senderID, text)
	m, err := ReadHeader(text)
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
func (w *Witness) judgeMessage(senderID []byte, m Header, whole bool) []finding {
	if whole && m.K == 0 {
		sender := w.verifier.find(senderID)
		return found(rule.AfterLeave, w, sender, "%s received a message that guest %d sent after its chat had ended", w, m.Guest)
	}
	e := w.chat
	if e == nil || string(senderID) != e.partnerID {
		return w.judgeForeign(senderID, m, whole)
	}
	if !whole {
		if e.partner == nil && e.peerChat == 0 {
			return nil // a stranger, whose messages have no header
		}
		e.received++ // something came
		return found(rule.MessageWhole, w, e.partner, "%s received a message from %s that is not as it was sent", w, e.partnerName())
	}
	if m.Tag != w.tag || e.partner != nil && e.partner.guest != m.Guest {
		return found(rule.MessageToPartner, w, e.partner, "%s received from %s a message that guest %d had sent to somebody else",
			w, e.partnerName(), m.Guest)
	}
	old := e.peerChat
	if last := w.last; old == 0 && last != nil && last != e && last.partnerID == e.partnerID && last.peerChat == m.Chat {
		old = -1
	}
	if old != 0 && old != m.Chat {
		if e.doubt {
			return nil // matched anew while the old socket was dying
		}
		return found(rule.AfterLeave, w, e.partner, "%s received message %d of an earlier chat with %s", w, m.Seq, e.partnerName())
	}
	e.peerChat = m.Chat
	return w.judgeSequence(e, m)
}

// judgeSequence expects the messages of one chat to come as 1, 2, 3. What is
// left out is remembered: it may have been refused.
func (w *Witness) judgeSequence(e *episode, m Header) []finding {
	switch ahead := m.Seq - e.highest; {
	case ahead > 0:
		e.missing = e.missing<<ahead | (1<<ahead - 2) // a shift of 64 or more leaves 0
		e.highest = m.Seq
		e.received++
		return nil
	case ahead > -64 && e.missing&(1<<-ahead) != 0:
		e.missing &^= 1 << -ahead
		e.received++
		return found(rule.MessageOrder, w, e.partner, "%s received message %d of its chat with %s after message %d",
			w, m.Seq, e.partnerName(), e.highest)
	default:
		return found(rule.MessageOnce, w, e.partner, "%s received message %d of its chat with %s twice", w, m.Seq, e.partnerName())
	}
}

// judgeForeign tells of a message from somebody who is not the partner of now.
func (w *Witness) judgeForeign(senderID []byte, m Header, whole bool) []finding {
	if w.mu.unsure && (!whole || m.Tag == w.tag) {
		return nil // matched while the old socket was dying, and the new one goes on with that
	}
	last := w.last
	if mine := !whole || m.Tag == w.tag; !mine || last == nil || last.partnerID != string(senderID) {
		sender := w.verifier.find(senderID)
		return found(rule.MessageToPartner, w, sender, "%s received a message from %s, who is not its partner", w, guestName(sender, senderID))
	}
	if last.doubt {
		return nil
	}
	last.received++ // out of place, but not lost
	return found(rule.AfterLeave, w, last.partner, "%s received message %d of its chat with %s after that had ended",
		w, m.Seq, last.partnerName())
}

// Acked says that chat:message:sent has come.
func (w *Witness) Acked(at time.Duration, messageID []byte) {
	w.tapped(callAcked, at, 0, messageID, nil)
	w.mu.Lock()
	fs := w.acked(at, messageID)
	w.mu.Unlock()
	if fs != nil {
		w.verifier.tally.add(fs)
	}
}

// acked notes a message's first receipt. The lock is held.
func (w *Witness) acked(at time.Duration, messageID []byte) []finding {
	w.note(heardAck, at, w.chat)
	e := w.chat
	if e == nil {
		e = w.last
	}
	if e == nil || e.acked+e.refused >= e.sent {
		w.receipts.unknown = true
		return nil
	}
	e.acked++
	if w.receipts.acked(maphash.Bytes(w.verifier.seed, messageID), e) {
		e.delivered++
		e.lastDelivered = at
	}
	return w.judgeReceipts(e)
}

// judgeReceipts tells of receipts for messages that are not the guest's: its own
// have all been acknowledged or refused. The lock is held.
func (w *Witness) judgeReceipts(e *episode) []finding {
	r := &w.receipts
	if r.early == 0 || r.unknown || e.acked+e.refused < e.sent || e.doubt {
		return nil
	}
	fs := within(found(rule.ReceiptToSender, w, e.partner,
		"%s heard chat:message:delivered for a message that it has not sent, or that was delivered already, in its chat with %s",
		w, e.partnerName()), e, e)
	fs[0].n = int64(r.early)
	r.forgetEarly()
	return fs
}

// Delivered says that chat:message:delivered has come: the server has handed the
// message to the partner's socket, and it must be found there.
func (w *Witness) Delivered(at time.Duration, messageID []byte) {
	w.tapped(callDelivered, at, 0, messageID, nil)
	w.mu.Lock()
	w.note(heardDelivery, at, w.chat)
	e := w.receipts.delivered(maphash.Bytes(w.verifier.seed, messageID))
	late := false
	var fs []finding
	if e != nil {
		e.delivered++
		e.lastDelivered = at
		late = e.settled && e.peer != nil
	} else if w.chat != nil {
		fs = w.judgeReceipts(w.chat)
	}
	w.mu.Unlock()
	if late {
		fs = w.judgeLate(e)
	}
	if fs != nil {
		w.verifier.tally.add(fs)
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
	return found(rule.MessageLost, w, e.partner, "a message from %s never reached %s, though it was acknowledged as delivered", w, e.partnerName())
}
