package httpd

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"
)

// refusal says why a connection was refused before it became a request.
type refusal int

const (
	addressTaken refusal = iota // its address has as many as it may
	placesTaken                 // all places, or all files, are taken
	refusalCount
)

var refusalNames = [refusalCount]string{"address", "full"}

// refusals turn clients away who came to the gate, each with an answer as far as that
// costs nobody else anything.
type refusals struct {
	log     *slog.Logger
	hints   *hints
	answers chan struct{} // holds one for each client that is being answered
	counts  [refusalCount]atomic.Int64
	shed    atomic.Int64 // connections closed under pressure
	said    [refusalCount]rarely
}

const (
	// mostAnswers bounds the clients that are answered at a time, each of which holds a
	// file; further ones are reset.
	mostAnswers = 64
	// parting is how long a request that is refused may take to arrive.
	parting = 100 * time.Millisecond
)

func newRefusals(most int, log *slog.Logger, hints *hints) refusals {
	answers := mostAnswers
	if most > 0 {
		answers = max(2, min(answers, most/32))
	}
	return refusals{log: log, hints: hints, answers: make(chan struct{}, answers)}
}

// turnAway refuses a client without waiting for it.
func (r *refusals) turnAway(c net.Conn, reason refusal) {
	r.counts[reason].Add(1)
	if r.said[reason].due(time.Now()) {
		switch reason {
		case addressTaken:
			r.log.Warn("connections of an address refused: it has as many as --limit-address-connections allows", "address", c.RemoteAddr().String())
		default:
			r.log.Error("cannot take connections for the moment: all that open files allow are taken")
		}
	}
	select {
	case r.answers <- struct{}{}:
		go func() {
			r.answer(c, reason)
			<-r.answers
		}()
	default:
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// answer takes the request first, as far as that comes at once: closing over unread
// bytes resets the connection, and the reset overtakes the answer.
func (r *refusals) answer(c net.Conn, reason refusal) {
	defer c.Close()
	if c.SetDeadline(time.Now().Add(parting)) != nil {
		return
	}
	var request [headerSize]byte
	n, _ := c.Read(request[:])
	if reason == addressTaken && bytes.Contains(bytes.ToLower(request[:n]), []byte("\nx-forwarded-for:")) {
		r.hints.untrusted(peerOf(c.RemoteAddr()))
	}
	_, _ = c.Write(refusalAnswers[reason]) // who has gone needs no answer
}

var refusalAnswers = [refusalCount][]byte{
	addressTaken: refusalAnswer("429 Too Many Requests"), placesTaken: refusalAnswer("503 Service Unavailable"),
}

func refusalAnswer(status string) []byte {
	const body = `{"success":false,"message":"` + textTooManySockets + `"}`
	return fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nRetry-After: 5\r\nConnection: close\r\n\r\n%s", status, len(body), body)
}
