package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guestload/scenarios"
	"guestload/scenarios/operation"
	"guestload/server/api"
)

// window is how many messages a guest sends before the first of them is acknowledged. A
// person goes on typing too, so that every message that falls into a stall is delayed by it.
// When the window is full, the next message follows the acknowledgement.
const window = 16

// reconsider is how often a guest who waits for messages of its partner checks whether a
// broken rule has made that pointless.
const reconsider = 3 * time.Second

// talk is one guest's part of a chat.
type talk struct {
	step  *scenarios.Step
	n     int           // messages that the guest sends
	said  int           // messages sent
	due   time.Duration // when the next one is
	typed bool          // chat:typing:start was sent for it
	held  bool          // the window was full: the next message follows an acknowledgement
	look  time.Duration // when the guest next checks whether waiting is pointless
	since time.Duration // when it last began to read: what had arrived by then was read
}

// chat sends the guest's messages, each a think time after the last was due, and receives
// the partner's. It ends when both have sent all (each message says which of how many it
// is) or the partner has left, and every message is acknowledged.
func (p *player) chat(ctx context.Context, s *scenarios.Step) error {
	if !p.inChat {
		return nil // the partner has gone before the chat began
	}
	p.chats++
	p.heardAt = max(p.heardAt, p.now()) // before, no message was due
	t := talk{step: s, n: s.Messages.Count(&p.random.Rand)}
	t.due = p.cause + s.Think.Duration(&p.random.Rand)
	for !p.over(&t) {
		err := p.say(&t)
		if err == nil {
			err = p.hear(p.nextTurn(&t))
		}
		switch {
		case err == nil:
		case errors.Is(err, ErrTimeout):
			if err := p.overdue(ctx, &t); err != nil {
				return err
			}
		default:
			return p.cutOff(ctx, err)
		}
	}
	p.cause = p.now()
	return nil
}

// over reports whether the chat has ended.
func (p *player) over(t *talk) bool {
	switch {
	case len(p.pending) > 0:
		return false
	case p.left || !p.inChat:
		return true
	}
	return t.said == t.n && p.heardAll()
}

// heardAll reports whether the partner has sent all of its messages, as far as is known.
func (p *player) heardAll() bool { return p.unmarked || p.finished >= p.chats }

// say sends the messages that are due, with typing events if the script has them.
func (p *player) say(t *talk) error {
	for t.said < t.n && p.inChat {
		if len(p.pending) == window {
			t.held = true
			return nil
		}
		if t.held {
			t.held, t.due = false, max(t.due, p.answered)
		}
		if t.step.Typing && !t.typed {
			t.typed = true
			if err := p.conn.Send(api.EventTypingStart, nil); err != nil {
				return p.unsent(err)
			}
		}
		now := p.now()
		if now < t.due {
			return nil
		}
		if t.typed {
			t.typed = false
			if err := p.conn.Send(api.EventTypingStop, nil); err != nil {
				return p.unsent(err)
			}
		}
		t.said++
		if err := p.sendMessage(t); err != nil {
			return p.unsent(err)
		}
		t.due += t.step.Think.Duration(&p.random.Rand)
	}
	return nil
}

// vocabulary generates the words of messages.
func (p *player) vocabulary() *random {
	if p.words == nil {
		p.words = newRandom(^p.world.Seed, p.guest.Index)
	}
	return p.words
}

// sendMessage composes and sends the message that is due.
func (p *player) sendMessage(t *talk) error {
	length := t.step.Length.Count(&p.random.Rand)
	b := append(p.said[:0], `{"type":"text","content":`...)
	if feed := p.world.Feeds[scenarios.FeedMessage]; len(feed.Values) > 0 {
		text := feed.Values[(p.guest.Index+t.said)%len(feed.Values)]
		if feed.Random {
			text = p.vocabulary().pick(feed.Values)
		}
		text = cutUnits(text, api.MaxTextUnits-headerUnits)
		b = api.AppendString(b, string(p.witness.ComposeText(nil, t.due, t.said, t.n, text)))
	} else {
		b = append(b, '"')
		b = p.witness.Compose(b, t.due, t.said, t.n, length, &p.vocabulary().Rand)
		b = append(b, '"')
	}
	b = append(b, '}')
	p.said = b
	sent := p.now()
	p.world.lags.note(p.guest.Index, t.said, sent-t.due)
	p.pending = append(p.pending, message{t.due, sent})
	p.witness.Sent(sent)
	return p.conn.Send(api.EventChatMessage, b)
}

// headerUnits is the most that a header takes of a text, with the space after it.
const headerUnits = 41

// cutUnits cuts s to so many UTF-16 units, between characters.
func cutUnits(s string, units int) string {
	for i, r := range s {
		if r >= 1<<16 {
			units--
		}
		if units--; units < 0 {
			return s[:i]
		}
	}
	return s
}

// nextTurn is until when there is nothing to do but receive.
func (p *player) nextTurn(t *talk) time.Duration {
	now, until := p.now(), t.due // of who has heard all, and has more to say or is to be answered
	if !p.heardAll() {
		last := p.heardAt + p.world.patience
		t.look = max(t.look, last-p.world.noticed+reconsider) // before that there is nothing to reconsider
		until = min(last, t.look)
	}
	if len(p.pending) > 0 {
		until = p.pending[0].sent + p.world.Timeout
	}
	if t.said < t.n && p.inChat && len(p.pending) < window {
		until = min(until, t.due)
	}
	if now < until { // else nothing may be read
		t.since = now
	}
	return until
}

// overdue counts what did not arrive in time: acknowledgements, and messages of the partner.
func (p *player) overdue(ctx context.Context, t *talk) error {
	now := p.now()
	for len(p.pending) > 0 && now >= p.pending[0].sent+p.world.Timeout {
		sent := p.pending[0].sent
		p.forget(now)
		if err := p.failure(ctx, operation.Ack, sent, fmt.Errorf("%w: a message was not acknowledged", ErrTimeout)); errors.Is(err, errStopped) {
			return err
		}
	}
	waited := now - p.heardAt
	if p.inChat && !p.heardAll() && (waited >= p.world.patience || now >= t.look && p.stuck(t)) {
		return p.failure(ctx, operation.Delivery, p.heardAt,
			fmt.Errorf("%w: the partner has more messages to send, and sent nothing for %v without leaving", ErrTimeout, shown(waited)))
	}
	return nil
}

// stuck reports whether the guest waits for messages that may never arrive, because a rule
// was broken.
func (p *player) stuck(t *talk) bool {
	t.look = p.now() + reconsider
	p.witness.Waiting(t.since)
	return p.witness.Wronged()
}

// unsent gives up a connection that cannot be written to.
func (p *player) unsent(err error) error {
	p.broken(p.now(), err)
	return fmt.Errorf("send: %w", err)
}

// cutOff ends the chat of a guest whose connection broke: each message without an
// acknowledgement has failed, or else the connection.
func (p *player) cutOff(ctx context.Context, err error) error {
	if len(p.pending) == 0 || errors.Is(err, ErrInstanceGone) {
		return p.lost(ctx, err)
	}
	var failed error
	for _, m := range p.pending {
		failed = p.failure(ctx, operation.Ack, m.sent, err)
	}
	if errors.Is(failed, errStopped) {
		return failed
	}
	return errGivenUp
}
