package session

import (
	"errors"
	"fmt"
	"slices"

	"guestload/scenarios"
	"guestload/server/api"
	"guestload/server/api/frame"
)

// RefusedError is a no of the backend in all its parts. It wraps ErrRefused.
type RefusedError struct {
	Status  int      // of HTTP; 0 where a socket was refused with words alone
	Message string   // of the envelope; what came of the body where there is none
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

// refusal is the no that is right. A zero field may be anything.
type refusal struct {
	status   int
	messages []string // any of them
	reason   string   // one of the fields' messages
	code     frame.Code
	closing  bool // the socket is closed, with whatever code
}

// judge returns nil where err is the right no, an ErrAccepted where it is a yes,
// an ErrWrongRefusal where it is another no, and other errors as they are.
func (want refusal) judge(err error) error {
	if err == nil {
		return ErrAccepted
	}
	if closed, ok := errors.AsType[*ClosedError](err); ok && want.closing {
		if closed.Code == frame.NoStatus || want.code != 0 && want.code != closed.Code {
			return fmt.Errorf("%w: %w, want code %v", ErrWrongRefusal, err, want.code)
		}
		return nil
	}
	refused, ok := errors.AsType[*RefusedError](err)
	switch {
	case !ok || want.closing:
		return err
	case want.status != 0 && refused.Status != 0 && refused.Status != want.status:
		return fmt.Errorf("%w: %w, want status %d", ErrWrongRefusal, err, want.status)
	case len(want.messages) > 0 && !slices.Contains(want.messages, refused.Message):
		return fmt.Errorf("%w: %w, want %q", ErrWrongRefusal, err, want.messages[0])
	case want.reason != "" && !slices.Contains(refused.Reasons, want.reason):
		return fmt.Errorf("%w: %w with the reasons %q, want %q", ErrWrongRefusal, err, refused.Reasons, want.reason)
	}
	return nil
}
