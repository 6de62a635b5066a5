package client

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// Spread is several instances of one backend as a balancer in front of them shows
// them: each request and each connection goes to the next, and one that meets an
// instance which has been killed goes to the one after. Requests and connections
// take their turns apart: guests do both in a fixed order, so that with one count
// for the two an even number of instances would have all connections on every
// other one. Safe for concurrent use.
type Spread struct {
	Clients []*Client // at least one
	calls   atomic.Uint32
	dials   atomic.Uint32
}

var _ session.Backend = (*Spread)(nil)

// Call does one request; session.ErrInstanceGone where all have been killed. One
// that a killed instance may have done goes to the next only if it is idempotent,
// and is counted as sent again.
func (s *Spread) Call(ctx context.Context, r session.Request, read func(api.Value) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := unsent
	for c := range s.turns(&s.calls) {
		if p == unanswered && r.Sending != nil {
			r.Sending.Retries++
		}
		p, err = c.attempt(ctx, &r, read)
		if !errors.Is(err, session.ErrInstanceGone) || p == answered || p == unanswered && !r.Idempotent() {
			return err
		}
	}
	return err
}

// Dial opens a guest's connection; session.ErrInstanceGone where all have been killed.
func (s *Spread) Dial(ctx context.Context, h session.Handshake, welcome func(api.Value) error) (conn session.Conn, err error) {
	for c := range s.turns(&s.dials) {
		if conn, err = c.Dial(ctx, h, welcome); !errors.Is(err, session.ErrInstanceGone) {
			return conn, err
		}
	}
	return nil, err
}

// turns yields each client once, from the one whose turn it is by that count.
func (s *Spread) turns(count *atomic.Uint32) iter.Seq[*Client] {
	return func(yield func(*Client) bool) {
		n := uint32(len(s.Clients))
		first := count.Add(1) - 1
		for i := range n {
			if !yield(s.Clients[(first+i)%n]) {
				return
			}
		}
	}
}

// Close ends what has been left open.
func (s *Spread) Close() {
	for _, c := range s.Clients {
		c.Close()
	}
}

// Abandon says that the backend is about to be killed: whatever breaks from now
// on is session.ErrInstanceGone, and nothing is sent there any more.
func (c *Client) Abandon() { c.abandoned.Store(true) }

// Abandoned reports whether Abandon was called.
func (c *Client) Abandoned() bool { return c.abandoned.Load() }

// abandonedOr tells a break that was announced from one that was not. It keeps a
// deadline that passed as it is.
func (c *Client) abandonedOr(err error) error {
	if err == nil || !c.abandoned.Load() || errors.Is(err, session.ErrTimeout) {
		return err
	}
	return errors.Join(session.ErrInstanceGone, err)
}
