package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"guestload/loadgen/session"
	"guestload/server/api"
)

const (
	maxAnswer = 4 << 20 // bytes of an answer's body
	maxQuoted = 200     // bytes of a refusal that are told
)

// Call does one request. Answers of 200..299 with success count; all others
// are session.ErrRefused with status and message.
func (c *Client) Call(ctx context.Context, r session.Request, read func(api.Value) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := c.attempt(ctx, &r, read)
	return err
}

// attempt does one request, and reports how far it came.
func (c *Client) attempt(ctx context.Context, r *session.Request, read func(api.Value) error) (progress, error) {
	if c.Abandoned() {
		return unsent, session.ErrInstanceGone
	}
	var err error
	var p progress
	if c.dialer.tls == nil {
		p, err = c.call(ctx, r, read)
	} else {
		p, err = c.callAside(ctx, *r, read)
	}
	switch {
	case err == nil:
		return p, nil
	case ctx.Err() != nil: // what the error says is only how that looks from here
		err = errors.Join(err, ctx.Err())
	case !errors.Is(err, session.ErrRefused) && !errors.Is(err, session.ErrProtocol): // it has not answered
		err = c.abandonedOr(c.overdue(ctx, r.Within, err))
	}
	return p, told(r, err)
}

func told(r *session.Request, err error) error { return fmt.Errorf("%s %s: %w", r.Method, r.Path, err) }

func (c *Client) callAside(ctx context.Context, r session.Request, read func(api.Value) error) (p progress, err error) {
	aside(func() { p, err = c.call(ctx, &r, read) })
	return p, err
}

// aside runs f on a goroutine of its own and waits for it: what f needs of a
// stack is given back at once, and the goroutine of a guest, which lives long,
// stays small. It costs two switches, and wakes a core that has nothing to do: so
// it is for handshakes, which come once. A request without TLS does with the 4 KB
// that a guest has anyway (BenchmarkIdleGuest).
func aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// progress is how far a request has come.
type progress uint8

const (
	unsent     progress = iota // not a byte was written
	unanswered                 // the server may have done it: not a byte came back
	answered                   // some of the response came, or all of it
)

// stalePeriod is how soon a request fails that meets a connection which the
// server is closing: within a round trip. A server that takes longer has worked
// on the request.
const stalePeriod = 500 * time.Millisecond

// call waits for a connection, and does the request over it. A request that meets
// a kept connection which the server closes is done over another one: where not a
// byte of it was written, or where it is idempotent and not a byte of a response
// came. That is a retry, and is counted. No other request is sent twice.
func (c *Client) call(ctx context.Context, r *session.Request, read func(api.Value) error) (progress, error) {
	now := time.Now()
	deadline := c.deadline(ctx, r.Within, now)
	waited, err := c.slots.take(ctx, deadline)
	if err != nil {
		return unsent, err
	}
	defer c.slots.give()
	if r.Sending != nil {
		r.Sending.Waited = waited
	}
	w := c.keptWire(ctx, now.Add(waited))
	kept := w != nil
	if !kept {
		if w, err = c.newWire(ctx, deadline); err != nil {
			return unsent, err
		}
	}
	err = w.exchange(r, deadline, kept)
	if kept && stale(err) && !c.Abandoned() && (w.progress == unsent || w.progress == unanswered && r.Idempotent() && time.Since(now)-waited < stalePeriod) {
		if w.progress == unanswered && r.Sending != nil {
			r.Sending.Retries++
		}
		w.end()
		if w, err = c.newWire(ctx, deadline); err != nil {
			return unsent, err
		}
		err = w.exchange(r, deadline, false)
	}
	if err != nil {
		w.end()
		return w.progress, c.explain(ctx, w, r, err)
	}
	data, err := c.readAnswer(r, &w.answer)
	if err == nil && read != nil {
		err = read(data)
	}
	if w.done() {
		if _, brief := ctx.Deadline(); brief { // guests' has none, and the connection outlives this one
			c.cancels.leave(&w.stream)
		}
		c.wires.give(w)
	} else {
		w.end()
	}
	return answered, err
}

// readAnswer returns the data of an answer's envelope.
func (c *Client) readAnswer(r *session.Request, a *answer) (api.Value, error) {
	switch {
	case a.location != "":
		return nil, c.redirected(a.status, a.location, c.base+r.Path)
	case c.dialer.tls == nil && wantsTLS(a.status, a.body):
		return nil, c.speaksTLS()
	}
	return readEnvelope(a.status, a.body)
}

// limit is how long something may take, given the limit of its step: 0 for none.
func (c *Client) limit(within time.Duration) time.Duration {
	if within > 0 {
		return within
	}
	return c.timeout
}

// overdue adds the limit that has passed to the error of something that ctx did not end.
func (c *Client) overdue(ctx context.Context, within time.Duration, err error) error {
	if !errors.Is(err, session.ErrTimeout) {
		return err
	}
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return err
	}
	return fmt.Errorf("no answer within %v: %w", c.limit(within), err)
}

// deadline is that of what begins now.
func (c *Client) deadline(ctx context.Context, within time.Duration, now time.Time) time.Time {
	d := now.Add(c.limit(within))
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(d) {
		return earlier
	}
	return d
}

// noFields is the body of a POST that has nothing to say: Express leaves the body
// of a request without one undefined, and many backends read fields of it.
var noFields = []byte("{}")

// appendRequest builds a request.
func (c *Client) appendRequest(b []byte, r *session.Request) ([]byte, error) {
	for _, s := range [...]string{r.Path, r.Token, r.ContentType} {
		if strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0 {
			return b, fmt.Errorf("%w: a line break in %q", session.ErrProtocol, s)
		}
	}
	b = append(append(b, r.Method...), ' ')
	b = append(append(b, c.base...), r.Path...)
	b = append(append(b, " HTTP/1.1\r\n"...), c.common...)
	if r.Token != "" {
		b = append(append(append(b, "Authorization: Bearer "...), r.Token...), "\r\n"...)
	}
	b = c.appendCookies(b, r.Cookies, r.Path)
	body := r.Body
	if body == nil && r.Method == "POST" {
		body = noFields
	}
	if body != nil {
		kind := r.ContentType
		if kind == "" {
			kind = api.ContentType
		}
		b = append(append(append(b, "Content-Type: "...), kind...), "\r\n"...)
	}
	if body != nil || r.Method != "GET" {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(body)), 10), "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...), nil
}

// appendCookies adds the header that returns a guest's cookies, where the target
// has set any or --header gives one.
func (c *Client) appendCookies(b []byte, cookies *session.Cookies, path string) []byte {
	if cookies.Empty() && c.cookies == "" {
		return b
	}
	before := len(b)
	b = append(append(b, "Cookie: "...), c.cookies...)
	empty := len(b)
	if b = cookies.Append(b, c.base+path, c.cookies != ""); len(b) == empty && c.cookies == "" {
		return b[:before]
	}
	return append(b, "\r\n"...)
}

// readEnvelope reads {"success":…,"message":…,"data":…}, and returns the data.
func readEnvelope(status int, body []byte) (api.Value, error) {
	ok := status >= 200 && status <= 299
	envelope, err := api.ParseJSON(body)
	if !ok || err != nil {
		return nil, refusedWith(status, ok, body, envelope, err)
	}
	var success, data api.Value
	for name, v := range envelope.Members() {
		switch string(name) {
		case "success":
			success = v
		case "data":
			data = v
		}
	}
	if !success.IsTrue() {
		return nil, refusedWith(status, success == nil, body, envelope, nil)
	}
	return data, nil
}

// refusedWith tells an answer that is no success; claimed where its status, or
// the want of a word, would have it be one.
func refusedWith(status int, claimed bool, body []byte, envelope api.Value, err error) error {
	switch {
	case claimed && err != nil:
		return fmt.Errorf("%w: %w in %q", session.ErrProtocol, err, shorten(body))
	case err != nil:
		return &session.RefusedError{Status: status, Message: strconv.Quote(string(shorten(body)))}
	case claimed:
		return fmt.Errorf("%w: an answer without \"success\": %q", session.ErrProtocol, shorten(body))
	}
	return &session.RefusedError{
		Status: status, Message: string(shorten(envelope.Get("message").Text())), Reasons: reasons(envelope),
	}
}

// reasons are the messages of an envelope's errors.
func reasons(envelope api.Value) (all []string) {
	for item := range envelope.Get("errors").Elements() {
		all = append(all, string(shorten(item.Get("message").Text())))
	}
	return all
}

// shorten cuts what is quoted in an error.
func shorten(b []byte) []byte { return b[:min(len(b), maxQuoted)] }
