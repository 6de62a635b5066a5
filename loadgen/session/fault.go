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
	// ErrRefused: the backend answered, and said no; wrapped with its words.
	ErrRefused = errors.New("refused")
	// ErrClosed: the connection was closed by the other side.
	ErrClosed = errors.New("closed")
	// ErrProtocol: what came is not what the contract allows.
	ErrProtocol = errors.New("protocol")
	// ErrRedirected: the backend is elsewhere.
	ErrRedirected = errors.New("redirected")
	// ErrTLS: no TLS connection can be made, or one would have to be.
	ErrTLS = errors.New("tls")
	// ErrInstanceGone: the run itself has killed the instance, as the scenario says.
	ErrInstanceGone = errors.New("instance gone")
	// ErrAccepted: the server accepted what it must refuse.
	ErrAccepted = errors.New("the server accepted it")
	// ErrWrongRefusal: refused, but not with the contract's status, code or message.
	ErrWrongRefusal = errors.New("not the contract's answer")
)

// The kinds of failures: the words under which they are counted.
const (
	KindTimeout    = "timeout"     // no answer in time
	KindRefused    = "refused"     // answered with a no
	KindClosed     = "closed"      // the other side closed the connection
	KindProtocol   = "protocol"    // not what the contract allows
	KindRedirected = "redirected"  // the target redirects
	KindTLS        = "tls"         // no TLS connection, or one was wanted
	KindReset      = "reset"       // the connection was reset under way
	KindNoListener = "no-listener" // nobody listens at the target
	KindNoRoute    = "no-route"    // the target cannot be reached
	KindOpenFiles  = "open-files"  // this process has too many open files
	KindNoPorts    = "no-ports"    // no local port is free
	KindConnection = "connection"  // any other fault of the connection
	KindUnfinished = "unfinished"  // the run was over before the guest was
	KindGone       = "gone"        // a fault of the scenario left no instance to go to

	KindAccepted     = "accepted"      // taken, though it had to be refused
	KindWrongRefusal = "wrong-refusal" // refused, but with another status, code or message than the contract's
)

// kinds are looked through in order: what the operating system says is more
// exact than the sentinel that wraps it.
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

// Kind is the word under which a failure is counted.
func Kind(err error) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return KindConnection
}
