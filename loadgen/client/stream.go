package client

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"guestload/loadgen/session"
)

// stream is a connection as requests and guests use it: what was read and not
// yet understood waits in the inbox, and a deadline that passes leaves everything
// as it is. One goroutine at a time uses it.
//
// Deadlines are armed only by those who have to wait, and a read deadline that is
// armed for an earlier moment is left as it is and moved when it passes: arming
// one costs about as much as parsing an answer does (BenchmarkCall).
type stream struct {
	client *Client
	nc     net.Conn
	in     *inbox     // nil while nothing is unread
	group  membership // of those that end with the same context

	// Reading and writing without waiting, where that is possible: raw is nil
	// elsewhere. See bind.
	raw   syscall.RawConn
	try   func(fd uintptr) bool // writes out where there is any, and reads else
	until time.Duration         // whoever reads waits, since the client's epoch
	armed time.Duration         // as the read deadline of nc; 0: none was
	stuck bool                  // a write deadline is armed
	guard bool                  // the next write first checks whether the other side has closed
	wrote bool                  // some of what send was given was written
	spare [1]byte               // for that check
	out   []byte                // what is still to be written
	n     int                   // what was read
	err   error                 // of either
}

// fill waits for bytes until the deadline, session.ErrTimeout. The end of the
// stream is io.EOF.
func (s *stream) fill(deadline time.Time) error {
	s.until = deadline.Sub(s.client.epoch)
	if s.raw == nil && s.armed != s.until {
		s.arm()
	}
	for {
		err := s.read()
		switch {
		case err == nil:
			return nil
		case !timedOut(err):
			return fmt.Errorf("read: %w", err)
		case s.armed >= s.until || !time.Now().Before(deadline):
			return session.ErrTimeout
		}
		s.arm()
	}
}

// waitToRead arms the deadline unless one before it is armed.
func (s *stream) waitToRead() {
	if s.armed == 0 || s.until < s.armed {
		s.arm()
	}
}

func (s *stream) arm() {
	s.armed = s.until
	_ = s.nc.SetReadDeadline(s.client.epoch.Add(s.until)) // fails where reading fails as well
}

// write writes all of b within the client's timeout.
func (s *stream) write(b []byte) error {
	if s.raw == nil {
		s.waitToWrite()
	}
	err := s.send(b)
	if s.stuck {
		s.stuck = false
		_ = s.nc.SetWriteDeadline(time.Time{}) // as with reading
	}
	if err != nil {
		return s.client.abandonedOr(fmt.Errorf("write: %w", err))
	}
	return nil
}

func (s *stream) waitToWrite() {
	if !s.stuck {
		s.stuck = true
		_ = s.nc.SetWriteDeadline(time.Now().Add(s.client.timeout))
	}
}

// readHeld reads with a buffer in hand while it waits: for connections that
// cannot be asked whether there is something to read, as with TLS.
func (s *stream) readHeld() error {
	in := s.in
	if in == nil {
		in = s.client.inboxes.get()
	}
	n, err := s.nc.Read(in.room())
	in.w += n
	s.in = in
	s.rest()
	if n > 0 {
		return nil
	}
	return err
}

// rest gives an empty inbox back.
func (s *stream) rest() {
	if s.in != nil && s.in.empty() {
		s.forget()
	}
}

// forget drops what is unread.
func (s *stream) forget() {
	if s.in != nil {
		s.client.inboxes.put(s.in)
		s.in = nil
	}
}

// unread is what was read and not yet understood.
func (s *stream) unread() []byte {
	if s.in == nil {
		return nil
	}
	return s.in.unread()
}

func timedOut(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// errEnded: the server closed a kept connection before the next request was written.
var errEnded = fmt.Errorf("%w by the server while it was kept", session.ErrClosed)

// errEOF: the stream has ended without a word.
var errEOF = fmt.Errorf("%w by the server without a close frame: %w", session.ErrClosed, io.EOF)
