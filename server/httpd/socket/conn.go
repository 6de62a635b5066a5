// Package socket holds one TCP connection for one guest, cheaply: an idle one
// costs its goroutine's stack and no buffer. It knows bytes, not frames.
package socket

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// readSize is what one read takes at most: a chat message, many times over.
	readSize = 8 << 10

	// sendBuffer keeps a guest who does not read from filling megabytes of the
	// kernel's memory before anybody notices: a few hundred KB instead of 3.9 MB. Less would
	// make a list of users wait for delayed acknowledgements.
	sendBuffer = 64 << 10

	// lingering is how long a finished connection waits for the peer to agree.
	lingering = 2 * time.Second
)

// Feed takes what has arrived and returns how many bytes it is done with; the
// rest is shown again, with more behind it. p may be written to, and is valid
// until Feed returns.
type Feed func(p []byte) (done int)

// Conn is a connection that nobody else holds. One goroutine calls Serve, any
// may call the other methods; writes must hold whole frames.
//
// It never goes back to a pool, and its descriptor stays open until Serve
// ends: a write after the end fails, and cannot reach somebody else's
// connection.
type Conn struct {
	nc     net.Conn
	raw    syscall.RawConn // nil where the operating system gives none
	feed   Feed
	rest   []byte // arrived, but not yet done with; nil nearly always
	err    error  // why reading ended
	closed atomic.Bool
	stuck  atomic.Bool // the peer takes nothing any more

	mu struct {
		sync.Mutex      // held while writing what the kernel takes at once
		waiting    bool // a Write waits for the kernel
		torn       bool // the last write stopped within a frame
	}
}

// New takes over nc. ahead is what was read from it already.
func New(nc net.Conn, ahead []byte) *Conn {
	c := &Conn{nc: nc, raw: rawConn(nc)}
	if len(ahead) > 0 {
		c.rest = append(c.rest, ahead...)
	}
	if tcp, ok := nc.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // a larger one works too, only dearer
	}
	return c
}

// Serve feeds what arrives until the peer ends the connection or Close is
// called, and releases the connection. What arrives after Finish is dropped. It
// returns why: io.EOF when the peer closed, net.ErrClosed after Finish or Close.
func (c *Conn) Serve(feed Feed) error {
	defer c.release()
	c.feed = feed
	if len(c.rest) > 0 {
		c.keep(c.rest, c.feed(c.rest))
	}
	if c.raw != nil {
		c.serveRaw()
	} else {
		c.servePlain()
	}
	if c.closed.Load() {
		return net.ErrClosed
	}
	return c.err
}

// servePlain holds a buffer all the time: there is no way to know of bytes
// without reading them.
func (c *Conn) servePlain() {
	buf := make([]byte, readSize)
	for {
		n, err := c.nc.Read(buf)
		c.take(buf[:n])
		if err != nil {
			c.err = err
			return
		}
	}
}

// take feeds p, behind what is left from before. After Finish bytes are read
// only to be dropped: closing over unread bytes makes the kernel send a reset,
// which destroys what is on its way to the peer.
func (c *Conn) take(p []byte) {
	if c.closed.Load() {
		c.rest = nil
		return
	}
	if len(p) == 0 {
		return
	}
	if len(c.rest) == 0 {
		c.keep(p, c.feed(p))
		return
	}
	whole := append(c.rest, p...)
	c.rest = whole
	done := c.feed(whole)
	switch {
	case done == len(whole):
		c.rest = nil
	case done > 0:
		c.rest = whole[:copy(whole, whole[done:])]
	}
}

// keep copies what of p is not done with.
func (c *Conn) keep(p []byte, done int) {
	if done == len(p) {
		c.rest = nil
		return
	}
	c.rest = append([]byte(nil), p[done:]...)
}

// TryWrite writes what the kernel takes at once, which may be nothing: 0 and
// nil. It must not run at the same time as a Write or another TryWrite.
func (c *Conn) TryWrite(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	c.mu.Lock()
	n, err := c.tryWrite(p)
	if n > 0 {
		c.mu.torn = n < len(p)
	}
	c.mu.Unlock()
	return n, err
}

// Write writes all of p, or fails once the deadline has passed.
func (c *Conn) Write(p []byte, deadline time.Time) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	if err := c.nc.SetWriteDeadline(deadline); err != nil {
		return err
	}
	c.mu.Lock()
	c.mu.waiting = true
	c.mu.Unlock()
	_, err := c.nc.Write(p)
	c.mu.Lock()
	c.mu.waiting, c.mu.torn = false, err != nil
	c.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.stuck.Store(true)
	}
	return err
}

// Interject puts a control frame between what others write, or does without
// where that would mean to wait: a peer who does not read needs no pong.
func (c *Conn) Interject(frame []byte) {
	if c.closed.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.waiting || c.mu.torn {
		return
	}
	n, err := c.tryWrite(frame)
	if c.raw == nil {
		_ = c.nc.SetWriteDeadline(time.Now().Add(lingering))
		n, err = c.nc.Write(frame)
	}
	if 0 < n && n < len(frame) || err != nil {
		_ = c.Close() // nothing sensible can follow half a frame
	}
}

// Finish ends the connection towards the peer and returns at once; what it has
// written still arrives. Serve ends when the peer has ended its side too, or
// after two seconds. Further writes fail.
func (c *Conn) Finish() error {
	if c.closed.Swap(true) {
		return nil
	}
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || c.stuck.Load() || half.CloseWrite() != nil {
		return c.hangUp()
	}
	return c.nc.SetReadDeadline(time.Now().Add(lingering))
}

// Close ends the connection at once, also after Finish. It is safe to call
// from within Feed, and more than once: it makes Serve end, which releases the
// descriptor.
func (c *Conn) Close() error {
	c.closed.Store(true)
	return c.hangUp()
}

// hangUp wakes whoever waits for the connection.
func (c *Conn) hangUp() error {
	if err := c.nc.SetDeadline(past()); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// past is a time that is over by any clock.
func past() time.Time { return time.Unix(1, 0) }

// release gives the descriptor back. Serve alone calls it, at its end: no
// other goroutine can be made to wait for it, nor use a descriptor after it.
func (c *Conn) release() {
	c.closed.Store(true)
	if c.stuck.Load() {
		if tcp, ok := c.nc.(interface{ SetLinger(seconds int) error }); ok {
			_ = tcp.SetLinger(0) // what the peer does not take is dropped, not kept for minutes
		}
	}
	_ = c.nc.Close()
	c.rest, c.feed = nil, nil
}

// buffers lends the memory for one read. Not per connection: only those that
// have something to read hold one.
var buffers = sync.Pool{New: func() any { return new([readSize]byte) }}
