package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"guestload/loadgen/client"
	"guestload/loadgen/session"
)

const (
	// preflightTime is how long a target may take to show that it is a backend.
	preflightTime = 3500 * time.Millisecond
	// preflightAgain is how long a fault may last that can pass, such as a 503.
	preflightAgain = time.Second
)

// Remedies that several faults share.
const (
	RemedyPath   = "correct --target, or map /api/guest in the scenario's wire section"
	RemedyLimits = "switch rate limits off for the test, since all guests come from one address (the reference server: --limits off)"
)

// errWrongTarget is wrapped where no guest could be played against the target.
var errWrongTarget = errors.New("wrong target")

// preflight sends each instance, before the first guest, requests that create no
// guest, and returns an error if no guest could be played there. A backend that names
// its storage in /health speaks the contract. An unusual backend passes: the first
// failures of guests say more.
func (t *Target) preflight(ctx context.Context) error {
	t.states = map[string]string{}
	for i, c := range t.Clients {
		state := t.Stored(ctx, t.urls[i])
		if t.states[t.urls[i]] = state; state != "" {
			continue
		}
		p := probe{c, t.Path}
		err := p.run(ctx)
		if passing(err) {
			retrying, cancel := context.WithTimeout(ctx, preflightAgain)
			Poll(retrying, preflightAgain/4, func() bool {
				err = p.run(ctx)
				return !passing(err)
			})
			cancel()
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", errWrongTarget, t.urls[i], err)
		}
	}
	return nil
}

// passing reports whether a fault may be gone a moment later.
func passing(err error) bool {
	refused, ok := errors.AsType[*session.RefusedError](err)
	return ok && refused.Status >= 500 || hungUp(err)
}

// hungUp reports whether the connection was closed in place of an answer.
func hungUp(err error) bool {
	return errors.Is(err, session.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// probe finds out what one address is.
type probe struct {
	client *client.Client
	path   func(contract string) string
}

// run asks for a guest without a token, which the contract refuses in its
// envelope. Where anything else comes, it posts half a JSON object to where
// guests are created: a backend refuses that with 400, or whatever it likes but
// that there is no such route.
func (p probe) run(ctx context.Context) error {
	err := p.client.Call(ctx, session.Request{Method: "GET", Path: p.path("/api/guest/me")}, nil)
	if err == nil || spoken(err) {
		return nil
	}
	if fault := definite(ctx, err); fault != nil {
		return fault
	}
	posted := p.client.Call(ctx, session.Request{Method: "POST", Path: p.path("/api/guest"), Body: []byte(`{"username":`)}, nil)
	if posted == nil {
		return nil
	}
	if fault := definite(ctx, posted); fault != nil {
		return fault
	}
	return strange(err, posted)
}

// spoken reports whether an error is a refusal in the envelope of the contract.
func spoken(err error) bool {
	refused, ok := errors.AsType[*session.RefusedError](err)
	return ok && refused.Status < 500 && refused.Status != http.StatusTooManyRequests && inEnvelope(refused)
}

// inEnvelope reports whether the backend gave a message; the client quotes what
// is no JSON.
func inEnvelope(refused *session.RefusedError) bool {
	return refused.Message != "" && refused.Message[0] != '"'
}

// definite is the fault of a target to which no request can succeed; nil where
// another request may.
func definite(ctx context.Context, err error) error {
	refused, _ := errors.AsType[*session.RefusedError](err)
	switch {
	case refused != nil && refused.Status == http.StatusTooManyRequests:
		return fmt.Errorf("the target limits requests (429): %s", RemedyLimits)
	case refused != nil:
		return nil
	case errors.Is(err, session.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the target accepts connections, and did not answer within %v: correct --target, or warm the backend up first", preflightTime)
	}
	if wrong, ok := errors.AsType[*client.WrongTargetError](err); ok {
		return wrong
	}
	if hungUp(err) {
		return fmt.Errorf("the target closes connections without an answer, so it is no HTTP server: name the port of the backend with --target (%w)", err)
	}
	return unreachable(err)
}

// unreachable is the fault of an address at which nobody listens, nil for another error.
func unreachable(err error) error {
	_, noHost := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens there: start the backend, or correct --target (%w)", err)
	case noHost:
		return fmt.Errorf("no such host: correct --target (%w)", err)
	case errors.Is(err, session.ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Errorf("the target cannot be reached: start the backend, or correct --target (%w)", err)
	}
	return nil
}

// strange is what two answers together show that are none of the contract's, nil
// where a backend may have given them.
func strange(got, posted error) error {
	refused, _ := errors.AsType[*session.RefusedError](posted)
	if refused == nil {
		if errors.Is(posted, session.ErrProtocol) && errors.Is(got, session.ErrProtocol) {
			return errors.New("the target answers API requests with something else than the contract's JSON, such as a web page or a login page: " + RemedyPath)
		}
		return nil
	}
	status := strconv.Itoa(refused.Status) + " " + http.StatusText(refused.Status)
	first, _ := errors.AsType[*session.RefusedError](got)
	switch {
	case refused.Status >= 500 && refused.Status != http.StatusNotImplemented && first != nil && first.Status >= 500:
		return fmt.Errorf("the target answers %s to everything: repair the backend, whose log says why; %w", status, refused)
	case inEnvelope(refused):
		return nil
	case refused.Status == http.StatusNotFound, refused.Status == http.StatusMethodNotAllowed, refused.Status == http.StatusNotImplemented:
		return fmt.Errorf("the target has no POST /api/guest (%s), so it is another web site, or the API has another path: %s", status, RemedyPath)
	case refused.Status == http.StatusUnauthorized, refused.Status == http.StatusForbidden, refused.Status == http.StatusProxyAuthRequired:
		return fmt.Errorf("the target wants a login (%s) before guests can be created: name the backend itself with --target, or send credentials with --header", status)
	}
	return nil
}
