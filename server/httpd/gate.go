package httpd

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// gate bounds the open connections: those of one address, so that nobody takes all,
// and all together, so that files are left for everything else. It accepts for
// fasthttp, and never waits for a client that it refuses.
//
// Under pressure, when few places are left, connections that keep it waiting have much
// less time than otherwise: those that have sent nothing, those whose request is not
// complete, and those that were answered and are kept open. Sockets of guests have a
// heartbeat of their own and are left alone.
type gate struct {
	net.Listener
	most       int            // open at a time; 0: no limit
	perAddress int            // of one address; 0: no limit
	proxies    []netip.Prefix // connect for many clients: the limit of an address is not for them
	refusals   refusals

	mu struct {
		sync.Mutex
		open    int
		held    map[netip.Addr]int
		waiting map[*conn]struct{} // those that are no guest's socket
		swept   time.Time
	}
}

// sweepEvery bounds how often the waiting connections are looked at.
const sweepEvery = 100 * time.Millisecond

// patiences are how long a connection may keep the gate waiting.
type patiences struct{ silent, incomplete, idle time.Duration }

var (
	pressed = patiences{2 * time.Second, 5 * time.Second, 15 * time.Second}        // from three quarters of most
	full    = patiences{250 * time.Millisecond, 2 * time.Second, 15 * time.Second} // no place is left
)

func newGate(ln net.Listener, most, perAddress int, proxies []netip.Prefix, log *slog.Logger, hints *hints) *gate {
	g := &gate{most: most, perAddress: perAddress, proxies: proxies, refusals: newRefusals(most, log, hints)}
	g.Listener = newSteady(ln, log, func(c net.Conn) { g.refusals.turnAway(c, placesTaken) })
	g.mu.held = make(map[netip.Addr]int)
	g.mu.waiting = make(map[*conn]struct{})
	return g
}

// Accept waits for a connection that may stay. One goroutine calls it.
func (g *gate) Accept() (net.Conn, error) {
	for {
		nc, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := nc.(*net.TCPConn)
		if !ok {
			return nc, nil // counts for nothing: there is no address, nor need it be a file
		}
		c, reason := g.admit(tcp, time.Now())
		if c != nil {
			return c, nil
		}
		g.refusals.turnAway(tcp, reason)
	}
}

// admit counts a connection in; nil and why where it may not stay.
func (g *gate) admit(tcp *net.TCPConn, now time.Time) (*conn, refusal) {
	address := peerOf(tcp.RemoteAddr())
	proxy := within(g.proxies, address)
	address = subscriber(address)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !proxy && g.perAddress > 0 && g.mu.held[address] >= g.perAddress {
		return nil, addressTaken
	}
	if g.most > 0 && g.mu.open >= g.most-g.most/4 {
		g.sweep(now)
		if g.mu.open >= g.most {
			return nil, placesTaken
		}
	}
	c := &conn{TCPConn: tcp, gate: g, address: address, since: now.UnixNano()}
	g.mu.open++
	g.mu.held[address]++
	g.mu.waiting[c] = struct{}{}
	return c, 0
}

// sweep closes the connections that have kept the gate waiting for too long. The caller
// holds g.mu.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.mu.swept) < sweepEvery {
		return
	}
	g.mu.swept = now
	patience := pressed
	if g.mu.open >= g.most {
		patience = full
	}
	for c := range g.mu.waiting {
		if c.answered.Swap(false) {
			c.since, c.served = now.UnixNano(), true
			c.heard.Store(false)
			continue
		}
		limit := patience.silent
		switch {
		case c.heard.Load():
			limit = patience.incomplete
		case c.served:
			limit = patience.idle
		}
		if now.UnixNano()-c.since > int64(limit) {
			g.forget(c)
			_ = c.TCPConn.Close()
			g.refusals.shed.Add(1)
		}
	}
}

// forget gives a connection's place back, once. The caller holds g.mu.
func (g *gate) forget(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
	delete(g.mu.waiting, c)
	g.mu.open--
	if g.mu.held[c.address]--; g.mu.held[c.address] <= 0 {
		delete(g.mu.held, c.address)
	}
}

// conn is a connection that the gate counts until it is closed.
type conn struct {
	*net.TCPConn
	gate            *gate
	address         netip.Addr
	answered, heard atomic.Bool // since the gate has last looked

	since  int64 // guarded by gate.mu: when it was accepted or found to be answered, Unix nanoseconds
	served bool  // guarded by gate.mu: it was answered at least once
	gone   bool  // guarded by gate.mu: its place is somebody else's
}

// Read notes that the client has sent something.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 {
		c.heard.Store(true)
	}
	return n, err
}

// Write notes that the client was answered.
func (c *conn) Write(p []byte) (int, error) {
	c.answered.Store(true)
	return c.TCPConn.Write(p)
}

// Close gives the place back.
func (c *conn) Close() error {
	c.gate.mu.Lock()
	c.gate.forget(c)
	c.gate.mu.Unlock()
	return c.TCPConn.Close()
}

// becomesSocket notes that the connection is a guest's socket, which the gate no
// longer closes.
func (c *conn) becomesSocket() {
	c.gate.mu.Lock()
	delete(c.gate.mu.waiting, c)
	c.gate.mu.Unlock()
}
