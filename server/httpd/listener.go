package httpd

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// steady is a listener whose Accept does not fail for want of files or memory:
// it waits until there is some. fasthttp takes any error for the end.
type steady struct {
	net.Listener
	log    *slog.Logger
	closed chan struct{}
	once   sync.Once
}

const (
	firstRetry = 5 * time.Millisecond
	lastRetry  = time.Second
)

func newSteady(ln net.Listener, log *slog.Logger) *steady {
	return &steady{Listener: ln, log: log, closed: make(chan struct{})}
}

// Accept waits for a connection, however long that takes.
func (l *steady) Accept() (net.Conn, error) {
	wait := firstRetry
	for {
		c, err := l.Listener.Accept()
		if err == nil || !passing(err) {
			return c, err
		}
		if wait == firstRetry {
			l.log.Error("cannot accept connections for the moment", "error", err)
		}
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

// Close ends a waiting Accept too.
func (l *steady) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
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
