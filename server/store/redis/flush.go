package redis

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A flush costs Redis more than the commands in it: it wakes up to cold caches. So
// writes to a connection share flushes. A write is flushed at once if the last flush is
// flushEvery ago, or carried a single write: sequential callers never wait. Otherwise
// it waits for the next flush, with all writes until then. Four times the wait would
// save Redis another eighth, and delay new guests four times as much. A page of the
// online list costs Redis as much as several flushes and takes several commands in
// sequence: while one is being read, nothing waits.
const (
	flushEvery = time.Millisecond
	flushBytes = 2 << 10 // enough for a flush: a page of documents, a batch, ten patches
)

// flusher is shared by the connections to one Redis.
type flusher struct {
	urgent atomic.Int64 // reads under way that must not be delayed
}

// begin has every write flushed at once until end is called.
func (t *flusher) begin() (end func()) {
	t.urgent.Add(1)
	return func() { t.urgent.Add(-1) }
}

// Urgent has every command flushed at once until end is called.
func (l *Link) Urgent() (end func()) { return l.flusher.begin() }

// flushConn is a connection whose writes share flushes. An error of a flush is
// returned by the next write, and closes the connection.
type flushConn struct {
	net.Conn
	of    *flusher
	timer *time.Timer

	mu struct {
		sync.Mutex
		waiting []byte
		writes  int       // in waiting
		last    time.Time // when the last flush began
		next    time.Time // no flush begins before
		timed   bool      // the timer is set
		err     error
	}
}

func (t *flusher) over(conn net.Conn) *flushConn {
	c := &flushConn{Conn: conn, of: t}
	c.timer = time.AfterFunc(time.Hour, c.due)
	c.timer.Stop()
	return c
}

// Write sends b with the next flush.
func (c *flushConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.err != nil {
		return 0, c.mu.err
	}
	c.mu.waiting = append(c.mu.waiting, b...)
	c.mu.writes++
	if len(c.mu.waiting) < flushBytes && c.of.urgent.Load() == 0 {
		if c.mu.timed {
			return len(b), nil
		}
		if wait := time.Until(c.mu.next); wait > 0 {
			c.mu.timed = true
			c.timer.Reset(wait)
			return len(b), nil
		}
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return len(b), nil
}

// due flushes when the timer fires.
func (c *flushConn) due() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.timed = false
	if len(c.mu.waiting) > 0 && c.flush() != nil {
		c.Conn.Close() // the reader gets the error
	}
}

// flush writes all that waits. The caller holds c.mu.
func (c *flushConn) flush() error {
	if c.mu.timed {
		c.timer.Stop()
		c.mu.timed = false
	}
	now := time.Now()
	switch {
	case len(c.mu.waiting) >= flushBytes: // it was worth several
		c.mu.next = now
	case c.mu.writes == 1: // two single writes in flushEvery go at once
		c.mu.next = c.mu.last.Add(flushEvery)
	default:
		c.mu.next = now.Add(flushEvery)
	}
	c.mu.last = now
	_, c.mu.err = c.Conn.Write(c.mu.waiting)
	c.mu.waiting, c.mu.writes = c.mu.waiting[:0], 0
	return c.mu.err
}

// Close ends the connection; what waits is lost.
func (c *flushConn) Close() error {
	c.timer.Stop()
	return c.Conn.Close()
}

// dial opens a connection whose writes share flushes, with TLS unless secure is nil.
func (t *flusher) dial(ctx context.Context, addr string, dialer *net.Dialer, secure *tls.Config) (net.Conn, error) {
	var conn net.Conn
	var err error
	if secure == nil {
		conn, err = dialer.DialContext(ctx, "tcp", addr)
	} else {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: secure}).DialContext(ctx, "tcp", addr)
	}
	if err != nil {
		return nil, err
	}
	return t.over(conn), nil
}
