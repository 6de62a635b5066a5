package session

import (
	"context"
	"errors"
	"os"
	"syscall"

	"guestload/server/api"
)

// Errors that a Backend returns, wrapped.
var (
	// ErrTimeout: the answer did not come in time. A failure, never a sample.
	ErrTimeout = errors.New("timeout")
	// ErrRefused: the backend refused; wrapped with its message.
	ErrRefused = errors.New("refused")
	// ErrClosed: the connection was closed by the other side.
	ErrClosed = errors.New("closed")
	// ErrProtocol: the contract does not allow what was received.
	ErrProtocol = errors.New("protocol")
	// ErrRedirected: the backend redirects.
	ErrRedirected = errors.New("redirected")
	// ErrTLS: a TLS connection failed, or the backend requires one.
	ErrTLS = errors.New("tls")
	// ErrInstanceGone: a fault of the scenario has killed the instance.
	ErrInstanceGone = errors.New("instance gone")
	// ErrAccepted: the server accepted what it must refuse.
	ErrAccepted = errors.New("the server accepted it")
	// ErrWrongRefusal: the status, code or message is not the contract's.
	ErrWrongRefusal = errors.New("refused otherwise than in the contract")
)

// The kinds of failures, under which they are counted.
const (
	KindTimeout    = "timeout"     // no answer in time
	KindRefused    = "refused"     // the backend refused
	KindClosed     = "closed"      // the other side closed the connection
	KindProtocol   = "protocol"    // not what the contract allows
	KindRedirected = "redirected"  // the target redirects
	KindTLS        = "tls"         // no TLS connection, or one was wanted
	KindReset      = "reset"       // the connection was reset under way
	KindNoListener = "no-listener" // the target does not listen
	KindNoRoute    = "no-route"    // the target cannot be reached
	KindOpenFiles  = "open-files"  // this process has too many open files
	KindNoPorts    = "no-ports"    // no local port is free
	KindConnection = "connection"  // any other fault of the connection
	KindUnfinished = "unfinished"  // the run was over before the guest was
	KindGone       = "gone"        // a fault of the scenario left no instance to go to

	KindAccepted     = "accepted"      // taken, though it had to be refused
	KindWrongRefusal = "wrong-refusal" // refused, but with another status, code or message than the contract's
)

// kinds are tried in order: an error of the operating system is more specific than the
// sentinel that wraps it.
var kinds = []struct {
	err  error
	kind string
}{
	{ErrInstanceGone, KindGone},
	{ErrRedirected, KindRedirected},
	{ErrTLS, KindTLS},
	{ErrAccepted, KindAccepted},
	{ErrWrongRefusal, KindWrongRefusal},
	{syscall.EMFILE, KindOpenFiles},
	{syscall.ENFILE, KindOpenFiles},
	{syscall.EADDRNOTAVAIL, KindNoPorts},
	{syscall.ECONNREFUSED, KindNoListener},
	{syscall.EHOSTUNREACH, KindNoRoute},
	{syscall.ENETUNREACH, KindNoRoute},
	{syscall.ECONNRESET, KindReset},
	{syscall.EPIPE, KindReset},
	{syscall.ETIMEDOUT, KindTimeout},
	{ErrTimeout, KindTimeout},
	{os.ErrDeadlineExceeded, KindTimeout},
	{context.DeadlineExceeded, KindTimeout},
	{ErrRefused, KindRefused},
	{ErrClosed, KindClosed},
	{ErrProtocol, KindProtocol},
	{api.ErrMalformed, KindProtocol},
}

// Kind returns the kind of a failure.
func Kind(err error) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return KindConnection
}
