// Package session plays one guest's script over a Backend, and reports what was measured and
// what the guest saw. A guest is one goroutine that reads its connection while it waits, so
// an idle guest costs a stack and a socket.
package session

import (
	"context"
	"time"

	"guestload/server/api"
)

// Identity is a guest's session as the server has created it.
type Identity struct {
	Token, ID, SessionID string
}

// Request is one HTTP request of the contract, with its path as the backend
// knows it.
type Request struct {
	Method, Path string
	Token        string        // "" for none
	Body         []byte        // nil for none; a POST then has {}
	Within       time.Duration // until it has failed with ErrTimeout; the Backend's own limit where 0
	ContentType  string        // of the body, JSON where ""
	Cookies      *Cookies      // of the guest: returned, and added to; nil for none
	Sending      *Sending      // is filled in, unless it is nil
}

// Sending is filled in while a request is sent.
type Sending struct {
	Waited  time.Duration // for a free connection, before it was sent
	Retries int           // how often it was sent again; a Backend adds to it
}

// Idempotent reports whether the request may be sent again if it is unknown whether the
// server has executed it (RFC 9110, section 9.2.2).
func (r *Request) Idempotent() bool { return r.Method == "GET" || r.Method == "HEAD" }

// Backend is the system under test. Safe for concurrent use. Errors wrap this
// package's sentinels where one of them fits; Kind names the others.
type Backend interface {
	// Call sends the request and passes the envelope's data, nil if there is none, to read,
	// which must not keep it. An error of read is returned unchanged. read may be nil.
	Call(ctx context.Context, r Request, read func(data api.Value) error) error
	// Dial opens a guest's real-time connection, and returns once the server has
	// sent connection:established, whose data it passes to welcome as Call does to
	// read. When ctx ends, so does the connection: a time limit for opening it
	// belongs into h.
	Dial(ctx context.Context, h Handshake, welcome func(data api.Value) error) (Conn, error)
}

// Handshake is what a guest opens its real-time connection with.
type Handshake struct {
	Token   string        // "" for none
	Cookies *Cookies      // as in a Request
	Within  time.Duration // as in a Request, until connection:established
}

// Conn is one guest's real-time connection. One goroutine at a time uses it.
type Conn interface {
	// Send writes one event; data is JSON, or empty for an event without data.
	Send(event string, data []byte) error
	// Inject writes raw bytes, for guests who break the protocol.
	Inject(b []byte) error
	// Next returns the next event, or ErrTimeout at the deadline, after which the connection
	// can still be used: no other error of Next wraps ErrTimeout. The event is valid until
	// the next call. Next answers heartbeats; nothing else does.
	Next(deadline time.Time) (api.Inbound, error)
	// Close ends the connection: clean with a closing handshake, abrupt with a
	// reset, half-open by never reading or answering again, while the socket stays.
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
