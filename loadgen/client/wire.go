package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"guestload/loadgen/session"
)

// wire is an HTTP connection of the pool. It does one request at a time on the
// stack of the guest who asks, and parses of the answer what it needs: a general
// client spends as much CPU on a request again as the kernel does
// (go run ./bench peers shows it, beside wrk).
type wire struct {
	stream
	progress progress // of the request under way
	answer   answer   // to it
}

// answer is one, as long as the wire is not given back. It lives in the wire, of
// which there are few, and not on the stacks of guests: each idle guest keeps a
// stack as large as it ever needed, and a call has to do with 4 KB
// (BenchmarkIdleGuest).
type answer struct {
	httpHead
	body []byte
}

// newWire connects.
func (c *Client) newWire(ctx context.Context, deadline time.Time) (*wire, error) {
	nc, err := c.dial(ctx, deadline, &c.dialer.requests)
	if err != nil {
		return nil, err
	}
	w := &wire{stream: stream{client: c, nc: nc}}
	w.bind()
	c.cancels.join(ctx, &w.stream)
	return w, nil
}

// keptWire takes a connection from the pool, nil where it has none. One whose context
// has ended since is of no use.
func (c *Client) keptWire(ctx context.Context, now time.Time) *wire {
	for {
		w := c.wires.take(now)
		if w == nil || c.cancels.follow(ctx, &w.stream) {
			return w
		}
		w.end()
	}
}

// exchange writes a request and waits for all of the answer. A kept connection is
// first checked for its end.
func (w *wire) exchange(r *session.Request, deadline time.Time, kept bool) error {
	out := w.client.buffers.get()
	b, err := w.client.appendRequest((*out)[:0], r)
	*out = b
	w.progress = unsent
	w.guard = kept
	if err == nil {
		if err = w.write(b); err == nil || w.wrote {
			w.progress = unanswered
		}
	}
	w.client.buffers.put(out)
	if err == nil {
		err = w.head(deadline)
	}
	if err != nil {
		return err
	}
	err = w.takeBody(deadline)
	if cookies := w.answer.cookies; cookies != nil && r.Cookies != nil {
		r.Cookies.Set(cookies)
	}
	return err
}

// takeBody takes the body of the answer whose head was read.
func (w *wire) takeBody(deadline time.Time) (err error) {
	a := &w.answer
	switch {
	case a.status == 204 || a.status == 304:
	case a.chunked:
		a.body, err = w.chunks(deadline)
	case a.length >= 0:
		if err = w.need(a.length, deadline); err == nil {
			a.body = w.unread()[:a.length]
			w.skip(a.length)
		}
	default:
		a.close = true
		a.body, err = w.everything(deadline)
	}
	if err == nil && a.encoding != "" {
		a.body, err = decode(a.encoding, a.body)
	}
	return err
}

// head takes the head of the answer; those that announce another are passed over.
func (w *wire) head(deadline time.Time) error {
	for {
		n, err := headEnd(w.unread())
		switch {
		case err != nil:
			return w.client.foreign(w.unread(), err)
		case n > 0:
			if err := w.answer.parse(w.unread()[:n]); err != nil {
				return fmt.Errorf("%w: %w", session.ErrProtocol, err)
			}
			if w.skip(n); w.answer.status >= 200 {
				return nil
			}
		default:
			if err := w.more(deadline); err != nil {
				return err
			}
		}
	}
}

// need reads until so many bytes are unread.
func (w *wire) need(n int, deadline time.Time) error {
	if n > maxAnswer {
		return tooLong(n)
	}
	for len(w.unread()) < n {
		if err := w.more(deadline); err != nil {
			return err
		}
	}
	return nil
}

// chunks takes a chunked body, together with its trailers.
func (w *wire) chunks(deadline time.Time) (body []byte, err error) {
	line := func() ([]byte, error) {
		for {
			text, n, err := cutLine(w.unread())
			if err != nil {
				return nil, fmt.Errorf("%w: %w", session.ErrProtocol, err)
			}
			if n > 0 {
				w.skip(n)
				return text, nil
			}
			if err := w.more(deadline); err != nil {
				return nil, err
			}
		}
	}
	for {
		text, err := line()
		if err != nil {
			return nil, err
		}
		n, err := parseChunk(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", session.ErrProtocol, err)
		}
		if n == 0 {
			break
		}
		if len(body)+n > maxAnswer {
			return nil, tooLong(len(body) + n)
		}
		if err := w.need(n, deadline); err != nil {
			return nil, err
		}
		body = append(body, w.unread()[:n]...)
		w.skip(n)
		if text, err = line(); err == nil && len(text) > 0 {
			err = fmt.Errorf("%w: %q after a chunk", session.ErrProtocol, shorten(text))
		}
		if err != nil {
			return nil, err
		}
	}
	for {
		if text, err := line(); err != nil || len(text) == 0 {
			return body, err
		}
	}
}

// everything reads until the end of the stream.
func (w *wire) everything(deadline time.Time) ([]byte, error) {
	for {
		if n := len(w.unread()); n > maxAnswer {
			return nil, tooLong(n)
		}
		if err := w.fill(deadline); errors.Is(err, io.EOF) {
			return w.unread(), nil
		} else if err != nil {
			return nil, err
		}
	}
}

func tooLong(n int) error {
	return fmt.Errorf("%w: an answer of %d bytes: %d are read at most", session.ErrProtocol, n, maxAnswer)
}

// more waits for more of the answer.
func (w *wire) more(deadline time.Time) error {
	err := w.fill(deadline)
	switch {
	case err == nil:
		w.progress = answered
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", session.ErrClosed, err)
	}
	return err
}

// skip passes over what was understood; it stays where it is until the next
// bytes are read.
func (w *wire) skip(n int) { w.in.r += n }

// done gives back what an answer took, and reports whether the wire can be used again.
func (w *wire) done() bool {
	w.rest()
	usable := !w.answer.close && w.in == nil
	w.answer = answer{}
	return usable
}

// end closes the connection.
func (w *wire) end() {
	w.client.cancels.leave(&w.stream)
	w.forget()
	reset(w.nc)
}

// explain adds to the error of a request that was sent, and whose connection ended
// in place of a response, what that means.
func (c *Client) explain(ctx context.Context, w *wire, r *session.Request, err error) error {
	if w.progress != unanswered || !stale(err) {
		return err
	}
	if c.dialer.tls == nil {
		c.secrecy.Do(func() { c.secrecy.tls = !c.Abandoned() && c.dialer.speaksTLS(ctx, hostname(c.host)) })
		if c.secrecy.tls {
			return c.speaksTLS()
		}
	}
	if r.Idempotent() {
		return err
	}
	return fmt.Errorf("%w (the server closed the connection in place of a response; it may have done the request, so the request is not sent again)", err)
}

// stale reports whether an error is that of a connection which the other side
// has closed.
func stale(err error) bool {
	return errors.Is(err, errEnded) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// wires keeps connections that nobody uses, the latest on top.
type wires struct {
	mu struct {
		sync.Mutex
		idle   []idleWire
		closed bool
	}
}

type idleWire struct {
	*wire
	since time.Time
}

// take returns the connection that was used last, nil when that was too long ago.
func (p *wires) take(now time.Time) *wire {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.mu.idle)
	if n == 0 {
		return nil
	}
	if now.Sub(p.mu.idle[n-1].since) >= idleHTTP {
		p.clear()
		return nil
	}
	w := p.mu.idle[n-1].wire
	p.mu.idle[n-1] = idleWire{}
	p.mu.idle = p.mu.idle[:n-1]
	return w
}

// give keeps a connection, and ends the one that was unused longest if that was
// too long.
func (p *wires) give(w *wire) {
	now := time.Now()
	p.mu.Lock()
	var old *wire
	switch {
	case p.mu.closed:
		old = w
	default:
		p.mu.idle = append(p.mu.idle, idleWire{w, now})
		if now.Sub(p.mu.idle[0].since) >= idleHTTP {
			old = p.mu.idle[0].wire
			p.mu.idle = append(p.mu.idle[:0], p.mu.idle[1:]...)
		}
	}
	p.mu.Unlock()
	if old != nil {
		old.end()
	}
}

// close ends all connections, also those that are given later.
func (p *wires) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.closed = true
	p.clear()
}

func (p *wires) clear() {
	for _, w := range p.mu.idle {
		w.end()
	}
	clear(p.mu.idle)
	p.mu.idle = p.mu.idle[:0]
}
