package redis

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A trip to Redis costs it more than the commands do: it is woken, and finds its
// data and its scripts driven out of the processor's caches. So what is written to
// a connection shares trips. A write goes at once where no trip has gone for a
// while, or one alone: who asks one thing after the other waits for nobody. Else it
// waits with all that come meanwhile. Four times the wait saves Redis an eighth more,
// and a guest who comes waits four times as long. A page costs
// Redis as much as several trips, and is several commands one after the other: while
// one is under way nothing waits.
const (
	tripEvery = time.Millisecond
	tripBytes = 2 << 10 // as much is worth a trip: a page of documents, a batch, ten patches
)

// trips are those to one Redis, on all connections.
type trips struct {
	hurried atomic.Int64 // how many are under way that are worth trips of their own
}

// hurry lets nothing wait until slacken is called.
func (t *trips) hurry() (slacken func()) {
	t.hurried.Add(1)
	return func() { t.hurried.Add(-1) }
}

// Hurry lets no command wait for others until slacken is called.
func (l *Link) Hurry() (slacken func()) { return l.trips.hurry() }

// tripConn is a connection whose writes share trips. Errors of a trip are those of
// the next write, and end the connection.
type tripConn struct {
	net.Conn
	of    *trips
	timer *time.Timer

	mu struct {
		sync.Mutex
		waiting []byte
		writes  int       // in waiting
		last    time.Time // when a trip began
		next    time.Time // no trip begins before
		timed   bool      // the timer will begin one
		err     error
	}
}

func (t *trips) over(conn net.Conn) *tripConn {
	c := &tripConn{Conn: conn, of: t}
	c.timer = time.AfterFunc(time.Hour, c.due)
	c.timer.Stop()
	return c
}

// Write takes b on the next trip.
func (c *tripConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.err != nil {
		return 0, c.mu.err
	}
	c.mu.waiting = append(c.mu.waiting, b...)
	c.mu.writes++
	if len(c.mu.waiting) < tripBytes && c.of.hurried.Load() == 0 {
		if c.mu.timed {
			return len(b), nil
		}
		if wait := time.Until(c.mu.next); wait > 0 {
			c.mu.timed = true
			c.timer.Reset(wait)
			return len(b), nil
		}
	}
	if err := c.leave(); err != nil {
		return 0, err
	}
	return len(b), nil
}

// due begins the trip that the timer was set for.
func (c *tripConn) due() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.timed = false
	if len(c.mu.waiting) > 0 && c.leave() != nil {
		c.Conn.Close() // the reader learns of it
	}
}

// leave makes a trip with all that waits. The caller holds c.mu.
func (c *tripConn) leave() error {
	if c.mu.timed {
		c.timer.Stop()
		c.mu.timed = false
	}
	now := time.Now()
	switch {
	case len(c.mu.waiting) >= tripBytes: // it was that of several
		c.mu.next = now
	case c.mu.writes == 1: // two a tripEvery may go alone
		c.mu.next = c.mu.last.Add(tripEvery)
	default:
		c.mu.next = now.Add(tripEvery)
	}
	c.mu.last = now
	_, c.mu.err = c.Conn.Write(c.mu.waiting)
	c.mu.waiting, c.mu.writes = c.mu.waiting[:0], 0
	return c.mu.err
}

// Close ends the connection; what waits is lost.
func (c *tripConn) Close() error {
	c.timer.Stop()
	return c.Conn.Close()
}

// dial opens a connection whose writes share trips, with TLS unless secure is nil.
func (t *trips) dial(ctx context.Context, addr string, dialer *net.Dialer, secure *tls.Config) (net.Conn, error) {
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
