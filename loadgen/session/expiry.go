package session

import (
	"context"
	"errors"
	"time"

	"guestload/loadgen/verify"
	"guestload/scenarios"
	"guestload/scenarios/operation"
	"guestload/server/api"
)

// counted reports that err ends a step and was counted already.
func counted(err error) bool {
	return errors.Is(err, errGivenUp) || errors.Is(err, errStopped) || errors.Is(err, errCutOff)
}

// request sends a request. If it is refused because the guest's token has expired, the guest
// does what a web page would do: it creates another session and sends the request again.
// errGivenUp means that this failed and was counted.
func (p *player) request(ctx context.Context, r Request, read func(api.Value) error) error {
	r.Cookies = &p.cookies
	err := p.world.Backend.Call(ctx, r, read)
	if r.Token == "" || !expired(err) {
		return err
	}
	if err := p.regenerate(ctx); err != nil {
		return err
	}
	r.Token = p.self.Token
	return p.world.Backend.Call(ctx, r, read)
}

// regenerate replaces a session whose token has expired. For the server that is another
// guest: the socket of the old one is closed, and another is opened.
func (p *player) regenerate(ctx context.Context) error {
	connected := p.conn != nil
	if err := p.cut(verify.Closed, Clean); err != nil && ctx.Err() == nil {
		p.noteFailure("drop", p.now(), err)
	}
	if err := p.create(ctx, 0, p.now(), p.feed(scenarios.FeedUsername, 0)); err != nil {
		return err
	}
	p.witness = p.world.Verifier.Witness(p.guest.Index)
	if !connected {
		return nil
	}
	return p.connect(ctx, operation.Reconnect, 0, p.now())
}

// dial opens the guest's connection, with another session if the token has expired.
func (p *player) dial(ctx context.Context, within time.Duration) (conn Conn, done time.Duration, err error) {
	handshake := Handshake{Token: p.self.Token, Cookies: &p.cookies, Within: within}
	conn, err = p.world.Backend.Dial(ctx, handshake, p.greeted)
	if expired(err) {
		if err = p.regenerate(ctx); err == nil {
			handshake.Token = p.self.Token
			conn, err = p.world.Backend.Dial(ctx, handshake, p.greeted)
		}
	}
	return conn, p.now(), err
}
