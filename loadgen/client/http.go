package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

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
	if c.Abandoned() {
		return session.ErrInstanceGone
	}
	var err error
	aside(func() { err = c.call(ctx, r, read) })
	if errors.Is(err, session.ErrRefused) || errors.Is(err, session.ErrProtocol) {
		return err // it has answered
	}
	return c.abandonedOr(err)
}

// aside runs f on a goroutine of its own and waits for it: what f needs of a
// stack is given back at once, and the goroutine of a guest, which lives long,
// stays small. It wakes a core that has nothing to do, so f should be deep.
func aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (c *Client) call(ctx context.Context, r session.Request, read func(api.Value) error) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(r.Method)
	req.Header.SetHost(c.host)
	req.SetRequestURI(c.base + r.Path)
	if c.dialer.tls != nil {
		req.URI().SetScheme("https")
	}
	if r.Token != "" {
		req.Header.Set(fasthttp.HeaderAuthorization, "Bearer "+r.Token)
	}
	if r.Body != nil {
		kind := r.ContentType
		if kind == "" {
			kind = api.ContentType
		}
		req.Header.SetContentType(kind)
		req.SetBodyRaw(r.Body)
	}
	deadline := c.deadline(ctx)
	waited, err := c.slots.take(ctx, deadline)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	defer c.slots.give()
	if r.Waited != nil {
		*r.Waited = waited
	}
	if err := c.http.DoDeadline(req, resp, deadline); err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.Path, httpError(err))
	}
	if err := readEnvelope(resp.StatusCode(), resp.Body(), read); err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	return nil
}

func (c *Client) deadline(ctx context.Context) time.Time {
	d := time.Now().Add(c.timeout)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(d) {
		return earlier
	}
	return d
}

// readEnvelope reads {"success":…,"message":…,"data":…}.
func readEnvelope(status int, body []byte, read func(api.Value) error) error {
	envelope, err := api.ParseJSON(body)
	ok := status >= 200 && status <= 299
	switch {
	case ok && err != nil:
		return fmt.Errorf("%w: %w in %q", session.ErrProtocol, err, shorten(body))
	case !ok && err != nil:
		return &session.RefusedError{Status: status, Message: strconv.Quote(string(shorten(body)))}
	}
	var success, message, data api.Value
	for name, v := range envelope.Members() {
		switch string(name) {
		case "success":
			success = v
		case "message":
			message = v
		case "data":
			data = v
		}
	}
	switch {
	case !ok || success != nil && !success.IsTrue():
		return &session.RefusedError{Status: status, Message: string(shorten(message.Text())), Reasons: reasons(envelope)}
	case success == nil:
		return fmt.Errorf("%w: an answer without \"success\": %q", session.ErrProtocol, shorten(body))
	case read == nil:
		return nil
	}
	return read(data)
}

// reasons are the messages of an envelope's errors.
func reasons(envelope api.Value) (all []string) {
	for item := range envelope.Get("errors").Elements() {
		all = append(all, string(shorten(item.Get("message").Text())))
	}
	return all
}

// httpError translates the pool's own errors.
func httpError(err error) error {
	switch {
	case errors.Is(err, fasthttp.ErrTimeout), errors.Is(err, fasthttp.ErrDialTimeout), errors.Is(err, fasthttp.ErrNoFreeConns):
		return fmt.Errorf("%w: %w", session.ErrTimeout, err)
	case errors.Is(err, fasthttp.ErrConnectionClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", session.ErrClosed, err)
	}
	return err
}

// retryStale tries once more when the server had closed an idle connection
// just as the request was written. Nothing else is tried again: a failure is
// to be seen.
func retryStale(_ *fasthttp.Request, attempts int, err error) (resetTimeout, retry bool) {
	return false, attempts == 1 && errors.Is(err, io.EOF)
}

// shorten cuts what is quoted in an error.
func shorten(b []byte) []byte { return b[:min(len(b), maxQuoted)] }
