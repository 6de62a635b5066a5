package session

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"guestload/scenarios"
	"guestload/server/api"
	"guestload/server/api/frame"
)

// RefusedError is a refusal of the backend. It wraps ErrRefused.
type RefusedError struct {
	Status  int      // of HTTP; 0 where a socket was refused with words alone
	Message string   // of the envelope, else the beginning of the body
	Reasons []string // messages of the fields
}

func (e *RefusedError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("%v: %s", ErrRefused, e.Message)
	}
	return fmt.Sprintf("%v: %d %s", ErrRefused, e.Status, e.Message)
}

// Unwrap makes it an ErrRefused.
func (e *RefusedError) Unwrap() error { return ErrRefused }

// ClosedError is a close frame of the other side. It wraps ErrClosed.
type ClosedError struct {
	Code   frame.Code
	Reason string
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("%v by the server: %v %s", ErrClosed, e.Code, e.Reason)
}

// Unwrap makes it an ErrClosed.
func (e *ClosedError) Unwrap() error { return ErrClosed }

// Limited reports whether a rate limit of the backend caused the failure.
func Limited(err error) bool {
	if refused, ok := errors.AsType[*RefusedError](err); ok && refused.Status == 429 {
		return true
	}
	closed, ok := errors.AsType[*ClosedError](err)
	return ok && closed.Code == frame.TooManyEvents
}

// expired reports whether err says that a token's time is over, by HTTP or to a
// socket.
func expired(err error) bool {
	refused, ok := errors.AsType[*RefusedError](err)
	return ok && (refused.Status == 0 || refused.Status == 401) && refused.Message == api.TextTokenExpired
}

// absent says what to do about a route that the backend seems not to have, and
// that a guest can do without; other errors come back as they are.
func absent(step string, err error) error {
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok || refused.Message == api.TextSessionNotFound || !slices.Contains([]int{404, 405, 501}, refused.Status) {
		return err
	}
	switch scenarios.Kind(step) {
	case scenarios.Fetch, scenarios.Locate, scenarios.Online, scenarios.Stats, scenarios.Renew:
		return fmt.Errorf("%w (if the target has no such route, leave the step out: --without %s)", err, step)
	}
	return err
}

// refusal is how the contract refuses something. A zero field matches everything.
type refusal struct {
	status   int
	messages []string // any of them
	reason   string   // one of the fields' messages
	code     frame.Code
	closing  bool // the socket is closed, with whatever code
	anyClose bool // ... or without one
}

// String describes the answer, as in `expected: status 400 "Validation failed"`.
func (want refusal) String() string {
	var words []string
	switch {
	case want.anyClose:
		return "the server closes the connection"
	case want.code != 0:
		return fmt.Sprintf("the server closes the connection with code %v", want.code)
	case want.closing:
		return "the server closes the connection with a code"
	case want.status != 0:
		words = append(words, fmt.Sprintf("status %d", want.status))
	default:
		words = append(words, api.EventChatError)
	}
	for i, m := range want.messages {
		if i > 0 {
			words = append(words, "or")
		}
		words = append(words, fmt.Sprintf("%q", m))
	}
	if want.reason != "" {
		words = append(words, fmt.Sprintf("with the reason %q", want.reason))
	}
	return strings.Join(words, " ")
}

// judge returns nil where err is the right answer, an ErrAccepted where it is nil,
// an ErrWrongRefusal where it is another refusal, and other errors as they are.
func (want refusal) judge(err error) error {
	if err == nil {
		return ErrAccepted
	}
	if want.anyClose && errors.Is(err, ErrClosed) {
		return nil
	}
	if closed, ok := errors.AsType[*ClosedError](err); ok && want.closing {
		if closed.Code == frame.NoStatus || want.code != 0 && want.code != closed.Code {
			return fmt.Errorf("%w: %w", ErrWrongRefusal, err)
		}
		return nil
	}
	refused, ok := errors.AsType[*RefusedError](err)
	switch {
	case !ok || want.closing:
		return err
	case want.status != 0 && refused.Status != 0 && refused.Status != want.status,
		len(want.messages) > 0 && !slices.Contains(want.messages, refused.Message):
		return fmt.Errorf("%w: %w", ErrWrongRefusal, err)
	case want.reason != "" && !slices.Contains(refused.Reasons, want.reason):
		return fmt.Errorf("%w: %w with the reasons %q", ErrWrongRefusal, err, refused.Reasons)
	}
	return nil
}
