package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/scenarios/operation"
	"guestload/server/api"
)

// connect opens the guest's connection.
func (p *player) connect(ctx context.Context, op operation.Op, within, intended time.Duration) error {
	sent := p.now()
	conn, done, err := p.dial(ctx, within)
	switch {
	case counted(err):
		return err
	case err != nil:
		return p.failure(ctx, op, sent, err)
	}
	p.conn, p.shut, p.held = conn, false, true
	p.meeting.end()
	p.witness.Established(done, p.self.ID)
	p.witness.Through(p.instance)
	p.success(op, intended, sent, done)
	return nil
}

// greeted checks that the socket is the guest's own, and notes whose it is: a
// socket's id begins with the name of its instance, where it has a beginning.
func (p *player) greeted(data api.Value) error {
	if id := data.Get("userId").Text(); string(id) != p.self.ID {
		return fmt.Errorf("%w: the socket of %s was greeted as %q", ErrProtocol, p.self.ID, id)
	}
	instance, _, named := bytes.Cut(data.Get("socketId").Text(), []byte("."))
	if p.instance = p.instance[:0]; named {
		p.instance = append(p.instance, instance...)
	}
	return nil
}

// reconnect cuts the connection, if the guest has one, and opens another with
// the same token.
func (p *player) reconnect(ctx context.Context, within, intended time.Duration) error {
	p.cut(verify.Reset, Abrupt)
	return p.connect(ctx, operation.Reconnect, within, intended)
}

// search waits for a partner. Where the step's limit passes, the search is
// cancelled; a match that crosses the cancellation counts, late as it is.
func (p *player) search(ctx context.Context, s *scenarios.Step, intended time.Duration) error {
	wants := drawTraits(&p.random, s.Wants)
	sent := p.now()
	p.cancelled, p.refusal, p.confirmed = false, "", false
	matches := p.since
	p.world.seekers.enter(p.guest.Index, seeker{since: sent, traits: p.traits, wants: wants})
	p.witness.Seeks(p.traits, wants, !p.traitsUnknown)
	p.witness.Searching(sent)
	p.inChat = false // whoever is left by searching anew
	err := p.conn.Send(api.EventMatch, wishes(wants))
	if err == nil {
		err = p.seek(sent+s.Within, func() bool { return p.since != matches || p.refusal != "" })
	}
	if errors.Is(err, ErrTimeout) {
		until := min(p.now(), sent+s.Within)
		if err = p.cancel(matches); err == nil && p.since == matches {
			return p.alone(ctx, sent, until)
		}
	}
	p.world.seekers.leave(p.guest.Index)
	if err == nil && p.refusal != "" {
		err = fmt.Errorf("%w: %s", ErrRefused, p.refusal)
	}
	if err != nil {
		return p.failure(ctx, operation.Match, sent, err)
	}
	p.success(operation.Match, intended, sent, p.since)
	return nil
}

// seek awaits the end of a search. The deadline is ErrTimeout, and so is that for
// desertedFor nobody could be found any more.
func (p *player) seek(deadline time.Duration, holds func() bool) error {
	if p.world.Guests == 0 {
		return p.await(deadline, holds)
	}
	var since time.Duration // nobody is left; 0: somebody is
	for {
		now := p.now()
		err := p.await(min(deadline, now+desertedFor/4), holds)
		switch now = p.now(); {
		case !errors.Is(err, ErrTimeout) || now >= deadline:
			return err
		case !p.world.deserted():
			since = 0
		case since == 0:
			since = now
		case now-since >= desertedFor:
			return err
		}
	}
}

// await hears until the condition holds. The deadline is ErrTimeout.
func (p *player) await(deadline time.Duration, holds func() bool) error {
	for !holds() {
		if err := p.hear(deadline); err != nil {
			return err
		}
	}
	return nil
}

// cancel ends the search, or finds that it has just been successful. A backend
// that does not answer has cancelled as well.
func (p *player) cancel(matches time.Duration) error {
	at := p.now()
	p.witness.Cancelling(at)
	if err := p.conn.Send(api.EventMatchCancel, nil); err != nil {
		return err
	}
	err := p.await(at+p.world.Timeout, func() bool { return p.cancelled || p.since != matches })
	if errors.Is(err, ErrTimeout) {
		return nil
	}
	return err
}

// alone ends a search that found nobody until then: a failure if somebody was there.
func (p *player) alone(ctx context.Context, sent, until time.Duration) error {
	if ctx.Err() != nil {
		return errStopped
	}
	if !p.world.seekers.giveUp(p.guest.Index, until) {
		return errUnmatched
	}
	return p.failure(ctx, operation.Match, sent, fmt.Errorf("%w: nobody within %v, though others were searching too", ErrTimeout, until-sent))
}

// wishes is the data of user:match, nil for none.
func wishes(t traits) []byte {
	if t == (traits{}) {
		return nil
	}
	var b []byte
	field := func(name, value string) {
		if value != "" {
			b = api.AppendString(append(b, name...), value)
		}
	}
	field(`,"language":`, t.Language)
	field(`,"gender":`, t.Gender)
	field(`,"country":`, t.Country)
	b[0] = '{'
	return append(b, '}')
}

// next leaves the chat, and searches again.
func (p *player) next(ctx context.Context, s *scenarios.Step, intended time.Duration) error {
	if p.inChat {
		if err := p.leave(ctx, intended); err != nil {
			return err
		}
		intended = p.cause
	}
	return p.search(ctx, s, intended)
}

// leave ends the chat. If the partner does so in the same moment, whoever
// comes second may not be answered: then there is nothing to be measured.
func (p *player) leave(ctx context.Context, intended time.Duration) error {
	sent := p.now()
	p.confirmed = false
	p.witness.Leaving(sent)
	err := p.conn.Send(api.EventChatClear, nil)
	if err == nil {
		err = p.await(sent+p.world.Timeout, func() bool { return p.confirmed || p.left })
	}
	switch {
	case err != nil:
		return p.failure(ctx, operation.Leave, sent, err)
	case p.confirmed:
		p.success(operation.Leave, intended, sent, p.now())
	default:
		p.cause = p.now()
	}
	p.inChat = false
	return nil
}

// drop ends the connection in one of three ways.
func (p *player) drop(ctx context.Context, how scenarios.How, intended time.Duration) error {
	switch how {
	case scenarios.Abrupt:
		p.cut(verify.Reset, Abrupt)
	case scenarios.HalfOpen:
		p.cut(verify.HalfOpen, HalfOpen)
	default:
		if p.inChat {
			if err := p.leave(ctx, intended); err != nil {
				return err
			}
		}
		if err := p.cut(verify.Closed, Clean); err != nil && ctx.Err() == nil && !errors.Is(err, ErrInstanceGone) {
			p.noteFailure("drop", p.now(), err)
		}
	}
	p.cause = p.now()
	return nil
}
