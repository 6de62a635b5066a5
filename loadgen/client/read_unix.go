//go:build unix

package client

import (
	"io"
	"syscall"
)

// bind lets the stream try to read and write without waiting.
func (s *stream) bind() {
	plain, ok := s.nc.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := plain.SyscallConn(); err == nil {
		s.raw, s.try = raw, func(fd uintptr) bool {
			if len(s.out) > 0 {
				return s.tryWrite(int(fd))
			}
			return s.tryRead(int(fd))
		}
	}
}

// read waits until there is something to read, and reads it.
func (s *stream) read() error {
	if s.raw == nil {
		return s.readHeld()
	}
	if err := s.raw.Read(s.try); err != nil {
		return err
	}
	switch {
	case s.err != nil:
		return s.err
	case s.n == 0:
		return io.EOF
	}
	return nil
}

// tryRead returns false where there is nothing yet. A buffer is taken for as
// long as it takes to try, and kept only with something in it.
func (s *stream) tryRead(fd int) bool {
	in := s.in
	if in == nil {
		in = s.client.inboxes.get()
	}
	s.n, s.err = readNow(fd, in.room())
	in.w += s.n
	s.in = in
	s.rest()
	if s.err == syscall.EAGAIN {
		s.waitToRead()
		return false
	}
	return true
}

// send writes all of b.
func (s *stream) send(b []byte) error {
	switch {
	case len(b) == 0: // try would read
		return nil
	case s.raw == nil:
		return s.sendHeld(b)
	}
	s.out = b
	err := s.raw.Write(s.try)
	s.wrote = len(s.out) < len(b)
	s.out = nil
	if err != nil {
		return err
	}
	return s.err
}

// tryWrite returns false where there is no room yet.
func (s *stream) tryWrite(fd int) bool {
	if s.guard {
		s.guard = false
		if _, err := readNow(fd, s.spare[:]); err != syscall.EAGAIN {
			s.err = errEnded // or it says what nobody asked for
			return true
		}
	}
	s.out, s.err = writeMost(fd, s.out)
	if s.err == syscall.EAGAIN {
		s.waitToWrite()
		return false
	}
	return true
}

// sendHeld is send for a connection that is not raw, such as with TLS.
func (s *stream) sendHeld(b []byte) error {
	s.wrote = false
	if s.guard {
		s.guard = false
		if ended(s.nc) {
			return errEnded
		}
	}
	n, err := s.nc.Write(b)
	s.wrote = n > 0
	return err
}

// writeMost writes as much as there is room for, and returns the rest.
func writeMost(fd int, b []byte) (rest []byte, err error) {
	for len(b) > 0 {
		n, err := writeNow(fd, b)
		if err != nil {
			return b, err
		}
		b = b[n:]
	}
	return nil, nil
}
