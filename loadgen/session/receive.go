package session

import (
	"errors"
	"fmt"
	"time"

	"guestload/loadgen/measure"
	"guestload/scenarios/operation"
	"guestload/server/api"
)

// meeting is the state of a guest's search and chat.
type meeting struct {
	inChat    bool
	left      bool          // the partner has left
	unmarked  bool          // the partner is not ours: its messages do not say how many follow
	confirmed bool          // the guest's leave was confirmed
	cancelled bool          // the guest's search was cancelled
	partner   []byte        // id
	since     time.Duration // when user:matched arrived
	heardAt   time.Duration // when the partner's last event arrived
	finished  int32         // chats in which the partner has sent all of its messages, since user:matched
	chats     int32         // chats that the guest has begun since then
	refusal   string        // why the search was refused, "" if it was not
	pending   []message     // sent and not acknowledged, in order
	answered  time.Duration // when the last one was
	said      []byte        // buffer of the message
}

// message is one that the guest has sent.
type message struct{ intended, sent time.Duration }

// meet begins a chat.
func (m *meeting) meet(partner []byte, at time.Duration) {
	*m = meeting{inChat: true, partner: append(m.partner[:0], partner...), since: at, heardAt: at, pending: m.pending[:0], said: m.said}
}

// end forgets the chat.
func (m *meeting) end() {
	*m = meeting{partner: m.partner[:0], pending: m.pending[:0], said: m.said}
}

// hear receives the next event and handles it; ErrTimeout if none arrives by the deadline.
func (p *player) hear(deadline time.Duration) error {
	ev, err := p.conn.Next(p.world.Clock.At(deadline))
	at := p.now()
	if err != nil {
		if !errors.Is(err, ErrTimeout) {
			p.broken(at, err)
		}
		return err
	}
	p.take(ev, at)
	return nil
}

// broken closes a connection that the server or a fault of the scenario has ended.
func (p *player) broken(at time.Duration, why error) {
	if errors.Is(why, ErrInstanceGone) {
		p.witness.Lost(at)
	} else {
		p.witness.Gone(at)
	}
	p.conn.Close(Abrupt)
	p.conn = nil
	p.inChat = false
}

// take handles an event.
func (p *player) take(ev api.Inbound, at time.Duration) {
	switch ev.Event {
	case api.EventChatMessage:
		p.takeMessage(ev.Data, at)
	case api.EventMessageSent:
		p.takeAck(ev.Data, at)
	case api.EventDelivered:
		p.witness.Delivered(at, ev.Data.Get("messageId").Text())
	case api.EventMatched:
		p.takeMatch(ev.Data, at)
	case api.EventStats, api.EventTypingStart, api.EventTypingStop:
	default:
		userID := ev.Data.Get("userId").Text()
		p.witness.Heard(at, ev.Event, userID)
		p.takeOther(ev, userID, at)
	}
}

func (p *player) takeMatch(data api.Value, at time.Duration) {
	partner := data.Get("matchedUser", "id").Text()
	p.witness.Matched(at, partner, data.Get("roomId").Text())
	p.meet(partner, at)
}

func (p *player) takeMessage(data api.Value, at time.Duration) {
	var sender, text []byte
	for name, v := range data.Members() {
		switch string(name) {
		case "senderId":
			sender = v.Text()
		case "content":
			text = v.Text()
		}
	}
	mark, ok := p.witness.Received(at, sender, text)
	apart := p.world.Apart != nil && p.world.Apart(mark.Guest)
	if ok && !apart && mark.Intended >= p.listens {
		sent := mark.Intended + p.world.lags.of(mark.Guest, mark.K)
		p.guest.Recorder.Success(measure.Sample{Op: operation.Delivery, Intended: mark.Intended, Sent: min(sent, at), Done: at})
	}
	if string(sender) != string(p.partner) {
		return
	}
	p.heardAt = at
	switch {
	case mark.N == 0:
		p.unmarked = true
	case mark.K >= mark.N:
		p.finished++
	}
}

func (p *player) takeAck(data api.Value, at time.Duration) {
	p.witness.Acked(at, data.Get("messageId").Text())
	if len(p.pending) == 0 {
		p.provoked.taken = true
		return
	}
	m := p.pending[0]
	p.forget(at)
	p.guest.Recorder.Success(measure.Sample{Op: operation.Ack, Intended: m.intended, Sent: m.sent, Done: at})
}

// forget drops the oldest message that waits for its acknowledgement.
func (p *player) forget(at time.Duration) {
	n := copy(p.pending, p.pending[1:])
	p.pending = p.pending[:n]
	p.answered = at
}

func (p *player) takeOther(ev api.Inbound, userID []byte, at time.Duration) {
	switch ev.Event {
	case api.EventUserLeft, api.EventChatCleared, api.EventRoomClosed:
		if p.inChat && string(userID) == string(p.partner) {
			p.left, p.inChat, p.heardAt = true, false, at
		}
	case api.EventClearConfirmed:
		p.confirmed = true
	case api.EventMatchCancelled:
		p.cancelled = true
	case api.EventMatchError:
		p.refusal = string(ev.Data.Get("message").Text())
	case api.EventChatError:
		p.takeRefusal(ev.Data, at)
	case api.EventError:
		if p.provoked.on {
			return
		}
		p.world.failures.add("connection", KindRefused, p.guest.Index, at, fmt.Errorf("the server says %q", ev.Data.Get("message").Text()))
	}
}

// takeRefusal handles a chat:error, which answers the oldest message. That the partner has
// just left is no failure: the witness judges whether the guest is told in time.
func (p *player) takeRefusal(data api.Value, at time.Duration) {
	reason := string(data.Get("message").Text())
	if len(p.pending) == 0 {
		p.provoked.complaint = reason
		return
	}
	m := p.pending[0]
	p.forget(at)
	if p.left || reason == api.TextPartnerGone {
		return
	}
	err := fmt.Errorf("%w: %s", ErrRefused, reason)
	p.guest.Recorder.Failure(operation.Ack, KindRefused, at-m.sent, at)
	p.noteFailure(operation.Ack.String(), at, err)
}
