package httpd

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// steady is a listener whose Accept does not fail for want of files or memory.
// fasthttp takes any error for the end.
//
// It keeps one file in reserve. When no other is left, that one is given up for
// the next who comes, who is told that there is no room: a client that nobody
// accepts would wait for nothing. For want of memory Accept waits.
type steady struct {
	net.Listener
	log     *slog.Logger
	reserve *os.File // nil while it could not be had
	refused int      // since the log last said so
	said    time.Time
	closed  chan struct{}
	once    sync.Once
}

const (
	firstRetry = 5 * time.Millisecond
	lastRetry  = time.Second
	sayEvery   = 10 * time.Second       // the log hears of a full house at most so often
	parting    = 100 * time.Millisecond // for a request that is to be refused to arrive
)

func newSteady(ln net.Listener, log *slog.Logger) *steady {
	l := &steady{Listener: ln, log: log, closed: make(chan struct{})}
	l.hold()
	return l
}

// hold takes the reserve, and reports whether it is there.
func (l *steady) hold() bool {
	if l.reserve == nil {
		l.reserve, _ = os.Open(os.DevNull) // nil where there is none: Accept waits, then
	}
	return l.reserve != nil
}

// Accept waits for a connection, however long that takes. One goroutine calls it.
func (l *steady) Accept() (net.Conn, error) {
	wait := firstRetry
	for {
		c, err := l.Listener.Accept()
		if outOfFiles(err) && l.reserve != nil {
			_ = l.reserve.Close()
			l.reserve = nil
			c, err = l.Listener.Accept()
			if err == nil && !l.hold() {
				l.refuse(c)
				l.hold()
				continue
			}
		}
		switch {
		case err == nil:
			l.hold()
			return c, nil
		case !passing(err):
			if l.reserve != nil {
				_ = l.reserve.Close()
			}
			return nil, err
		}
		l.say(err)
		retry := time.NewTimer(wait)
		select {
		case <-retry.C:
		case <-l.closed:
			retry.Stop()
			return nil, net.ErrClosed
		}
		wait = min(2*wait, lastRetry)
	}
}

var fullHouse = fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: %d\r\nRetry-After: 5\r\nConnection: close\r\n\r\n%s",
	len(fullHouseBody), fullHouseBody)

const fullHouseBody = `{"success":false,"message":"` + textTooManySockets + `"}`

// refuse tells a client that there is no room. It takes the request first, as far
// as that comes at once: closing over unread bytes would reset the connection, and
// the reset overtake the answer.
func (l *steady) refuse(c net.Conn) {
	l.refused++
	l.say(syscall.EMFILE)
	defer c.Close()
	if c.SetDeadline(time.Now().Add(parting)) != nil {
		return
	}
	var request [headerSize]byte
	_, _ = c.Read(request[:])
	_, _ = c.Write(fullHouse) // who has gone needs no answer
}

// say logs why nobody can be let in, now and then.
func (l *steady) say(err error) {
	if now := time.Now(); now.Sub(l.said) >= sayEvery {
		l.log.Error("cannot take connections for the moment", "error", err, "refused", l.refused)
		l.said, l.refused = now, 0
	}
}

// Close ends a waiting Accept too.
func (l *steady) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// passing reports whether an error of accept says nothing about the listener.
func passing(err error) bool {
	for _, errno := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
