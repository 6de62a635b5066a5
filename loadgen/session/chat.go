package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"guestload/loadgen/measure"
	"guestload/scenarios"
	"guestload/server/api"
)

// window is how many messages a guest sends before the first of them is
// acknowledged. Until then it does not wait for the server: a person goes on
// typing, too, and a stall is felt by each message that falls into it. Past it,
// the acknowledgement is the cause that the next message follows.
const window = 16

// reconsider is how often a guest who waits for the partner's words asks itself
// whether a broken rule has made that pointless, and how long it then waits.
const reconsider = 3 * time.Second

// talk is a chat as one guest means to hold it.
type talk struct {
	step  *scenarios.Step
	n     int           // messages that the guest has to say
	said  int           // of them
	due   time.Duration // when the next one is
	typed bool          // the other side has been told that it is being written
	held  bool          // the window was full, so that an acknowledgement is the cause
	look  time.Duration // when the guest next asks itself whether it waits in vain
	since time.Duration // when it last began to listen: what had come by then was read
}

// chat says what the guest has to say, each message a think time after the last
// was due, while it hears the partner. It is over when both have said all (each
// message tells which of how many it is) or the partner has gone, and every
// message has been answered.
func (p *player) chat(ctx context.Context, s *scenarios.Step) error {
	if !p.inChat {
		return nil // the partner has gone before the chat began
	}
	p.chats++
	p.heardAt = max(p.heardAt, p.now()) // until now nobody had to say anything
	t := talk{step: s, n: s.Messages.Count(&p.dice.Rand)}
	t.due = p.cause + s.Think.Duration(&p.dice.Rand)
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

// over reports whether the chat is.
func (p *player) over(t *talk) bool {
	switch {
	case len(p.pending) > 0:
		return false
	case p.left || !p.inChat:
		return true
	}
	return t.said == t.n && p.heardAll()
}

// heardAll reports whether the partner has said all it has to say, as far as can be told.
func (p *player) heardAll() bool { return p.unmarked || p.finished >= p.chats }

// say sends what is due, and typing events where the script wants them.
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
		t.due += t.step.Think.Duration(&p.dice.Rand)
	}
	return nil
}

// vocabulary is what is said drawn from.
func (p *player) vocabulary() *dice {
	if p.words == nil {
		p.words = newDice(^p.world.Seed, p.guest.Index)
	}
	return p.words
}

// sendMessage composes and sends the message that is due.
func (p *player) sendMessage(t *talk) error {
	length := t.step.Length.Count(&p.dice.Rand)
	b := append(p.said[:0], `{"type":"text","content":`...)
	if feed := p.world.Feeds[scenarios.FeedMessage]; len(feed.Values) > 0 {
		text := feed.Values[(p.guest.Index+t.said)%len(feed.Values)]
		if feed.Random {
			text = p.vocabulary().pick(feed.Values)
		}
		text = cutUnits(text, api.MaxTextUnits-markUnits)
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

// markUnits is the most that a mark takes of a text, with the space behind it.
const markUnits = 41

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

// nextTurn is until when there is nothing to do but hear.
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

// overdue looks at what did not come in time: an acknowledgement, or anything
// at all from the partner. A message of one's own that has become due is neither.
func (p *player) overdue(ctx context.Context, t *talk) error {
	now := p.now()
	for len(p.pending) > 0 && now >= p.pending[0].sent+p.world.Timeout {
		sent := p.pending[0].sent
		p.forget(now)
		if err := p.failure(ctx, measure.Ack, sent, fmt.Errorf("%w: a message was not acknowledged", ErrTimeout)); errors.Is(err, errStopped) {
			return err
		}
	}
	waited := now - p.heardAt
	if p.inChat && !p.heardAll() && (waited >= p.world.patience || now >= t.look && p.inVain(t)) {
		return p.failure(ctx, measure.Delivery, p.heardAt,
			fmt.Errorf("%w: the partner has more to say, and was neither heard nor gone for %v", ErrTimeout, shown(waited)))
	}
	return nil
}

// inVain reports whether the guest waits for words that may never come, as far as
// broken rules show by now. It asks again when it has waited on.
func (p *player) inVain(t *talk) bool {
	t.look = p.now() + reconsider
	p.witness.Waiting(t.since)
	return p.witness.Wronged()
}

// unsent gives up a connection that cannot be written to.
func (p *player) unsent(err error) error {
	p.broken(p.now(), err)
	return fmt.Errorf("send: %w", err)
}

// cutOff ends the chat of a guest whose connection broke: each message that
// waited for its acknowledgement has failed, or the connection alone.
func (p *player) cutOff(ctx context.Context, err error) error {
	if len(p.pending) == 0 || errors.Is(err, ErrInstanceGone) {
		return p.lost(ctx, err)
	}
	var failed error
	for _, m := range p.pending {
		failed = p.failure(ctx, measure.Ack, m.sent, err)
	}
	if errors.Is(failed, errStopped) {
		return failed
	}
	return errGivenUp
}
