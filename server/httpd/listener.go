package httpd

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// steady is a listener whose Accept does not fail for lack of files or memory:
// fasthttp takes any error as the end.
//
// It holds one file in reserve. When no other is left, it gives that one up to accept
// the next client and have it refused, since a client that nobody accepts would wait
// for nothing. For lack of memory, Accept waits.
type steady struct {
	net.Listener
	refuse  func(net.Conn) // answers a client and closes its connection; must not wait
	log     *slog.Logger
	reserve *os.File // nil while none could be opened
	said    rarely
	closed  chan struct{}
	once    sync.Once
}

const (
	firstRetry = 5 * time.Millisecond
	lastRetry  = time.Second
)

func newSteady(ln net.Listener, log *slog.Logger, refuse func(net.Conn)) *steady {
	l := &steady{Listener: ln, log: log, refuse: refuse, closed: make(chan struct{}), said: rarely{every: 10 * time.Second}}
	l.hold()
	return l
}

// hold opens the reserve, and reports whether it is there.
func (l *steady) hold() bool {
	if l.reserve == nil {
		l.reserve, _ = os.Open(os.DevNull) // nil if there is no file left: Accept then waits
	}
	return l.reserve != nil
}

// Accept waits for a connection, however long that takes. One goroutine calls it.
func (l *steady) Accept() (net.Conn, error) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		c, err := l.Listener.Accept()
		if outOfFiles(err) && l.reserve != nil {
			_ = l.reserve.Close()
			l.reserve = nil
			c, err = l.Listener.Accept()
		}
		switch {
		case err == nil && l.hold():
			return c, nil
		case err == nil:
			l.say(syscall.EMFILE)
			l.refuse(c)
			continue
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
	}
}

// say logs why no connection can be accepted, now and then.
func (l *steady) say(err error) {
	if l.said.due(time.Now()) {
		l.log.Error("cannot take connections for the moment", "error", err)
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
