//go:build unix

package socket

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

func rawConn(nc net.Conn) syscall.RawConn {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// serveRaw waits for bytes without a buffer. All of the reading happens within
// one call of RawConn.Read, whose callback is asked again whenever the
// connection has become readable.
func (c *Conn) serveRaw() {
	if err := c.raw.Read(c.readable); err != nil && c.err == nil {
		c.err = err
	}
}

// readable reads until nothing is left, and reports whether reading is over.
// It must go on until EAGAIN: the poller tells of changes only, and an end of
// the stream that came together with bytes would never be told again.
func (c *Conn) readable(fd uintptr) (over bool) {
	buf := buffers.Get().(*[readSize]byte)
	defer buffers.Put(buf)
	for {
		n, err := readNow(int(fd), buf[:])
		switch {
		case n > 0:
			c.take(buf[:n])
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			c.err = os.NewSyscallError("read", err)
			return true
		default:
			c.err = io.EOF
			return true
		}
	}
}

// tryWrite makes one attempt. The caller holds c.mu.
func (c *Conn) tryWrite(p []byte) (int, error) {
	if c.raw == nil {
		return 0, nil
	}
	a := attempts.Get().(*attempt)
	a.p = p
	err := c.raw.Control(a.run)
	n, werr := a.n, a.err
	a.p, a.n, a.err = nil, 0, nil
	attempts.Put(a)
	if err == nil {
		err = werr
	}
	return n, err
}

// attempt carries one write through RawConn.Control, whose callback would
// otherwise be a new closure each time. Control, unlike Write, never waits for
// a goroutine that is blocked in a write.
type attempt struct {
	p   []byte
	n   int
	err error
	run func(fd uintptr)
}

var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.run = a.write
	return a
}}

func (a *attempt) write(fd uintptr) {
	n, err := writeNow(int(fd), a.p)
	a.n = n
	if err != nil && err != syscall.EAGAIN {
		a.err = os.NewSyscallError("write", err)
	}
}
