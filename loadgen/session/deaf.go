package session

import (
	"context"
	"errors"
	"time"

	"guestload/scenarios/operation"
)

// quiet is how long nothing comes once a guest that was deaf has caught up.
const quiet = 250 * time.Millisecond

// deaf stays connected and reads nothing until then. Afterwards the guest reads
// what has waited for it. A server that has closed the connection meanwhile has
// refused, rightly, to keep more for it, if it says so with a code.
func (p *player) deaf(ctx context.Context, until time.Duration) error {
	p.witness.Deaf()
	p.listens = until
	if err := p.sleep(ctx, until); err != nil {
		return err
	}
	p.cause = until
	p.provoked.on = true
	defer func() { p.provoked.on = false }()
	sent := p.now()
	for end := sent + p.world.Timeout; p.now() < end; {
		err := p.hear(min(p.now()+quiet, end))
		switch {
		case err == nil:
		case errors.Is(err, ErrTimeout):
			p.witness.Listening(p.now())
			return nil
		case ctx.Err() != nil:
			return errStopped
		default:
			return p.shutOut(ctx, until, sent, err)
		}
	}
	p.witness.Listening(p.now())
	return nil
}

// shutOut ends the part of a guest whom the server has closed, until it reconnects.
func (p *player) shutOut(ctx context.Context, intended, sent time.Duration, err error) error {
	if err := (refusal{closing: true}).judge(err); err != nil {
		return p.failure(ctx, operation.Refusal, sent, err)
	}
	p.success(operation.Refusal, intended, sent, p.now())
	p.shut = true
	return nil
}
