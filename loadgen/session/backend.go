// Package session plays one guest's script over a Backend, and reports what
// was measured and what was seen. A session is one goroutine: it reads its
// connection while it waits, so an idle guest costs a stack and a socket.
package session

import (
	"context"
	"errors"
	"time"

	"guestload/server/api"
)

// Errors that a Backend returns, wrapped. Anything else counts as "connection".
var (
	// ErrTimeout: the answer did not come in time. A failure, never a sample.
	ErrTimeout = errors.New("timeout")
	// ErrRefused: the backend answered, and said no; wrapped with its words.
	ErrRefused = errors.New("refused")
	// ErrClosed: the connection was closed by the other side.
	ErrClosed = errors.New("closed")
)

// Identity is what a guest knows of itself.
type Identity struct {
	Token, ID, SessionID, Username string
}

// Backend is the system under test, seen by one guest. Safe for concurrent use.
type Backend interface {
	// Call does one HTTP request of the contract (its path already mapped) and
	// returns the envelope's data, valid until the caller returns.
	Call(ctx context.Context, method, path, token string, body []byte) (data []byte, err error)
	// Dial opens the guest's real-time connection, and returns once the server has
	// said connection:established.
	Dial(ctx context.Context, token string) (Conn, error)
}

// Conn is one guest's real-time connection. One goroutine at a time uses it.
type Conn interface {
	// Send writes one event; data is JSON or nil.
	Send(event string, data []byte) error
	// Next waits for the next event until the deadline, when it returns ErrTimeout
	// and the connection is as good as before. The event is valid until the next
	// call. Heartbeats are answered within.
	Next(deadline time.Time) (api.Inbound, error)
	// Close ends the connection: clean with a closing handshake, abrupt with a
	// reset, half-open by never reading or answering again (the socket stays).
	Close(how Ending) error
}

// Ending is a way to end a connection.
type Ending uint8

// The endings.
const (
	Clean Ending = iota
	Abrupt
	HalfOpen
)
