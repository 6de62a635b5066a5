package redistest

import (
	"net"
	"sync"
	"testing"
)

// Tunnel is a way to a server that can be interrupted as a network is: nothing
// gets through any more, and nobody is told.
type Tunnel struct {
	target   string
	listener net.Listener

	mu struct {
		sync.Mutex
		open   *sync.Cond
		cut    bool
		closed bool
		conns  []net.Conn
	}
}

// NewTunnel leads to target, host:port, for the length of a test.
func NewTunnel(tb testing.TB, target string) *Tunnel {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	t := &Tunnel{target: target, listener: l}
	t.mu.open = sync.NewCond(&t.mu)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { t.carry(conn) })
		}
	})
	tb.Cleanup(func() {
		t.mu.Lock()
		t.mu.closed = true
		for _, c := range t.mu.conns {
			_ = c.Close()
		}
		t.mu.open.Broadcast()
		t.mu.Unlock()
		_ = l.Close()
		work.Wait()
	})
	return t
}

// Addr is host:port.
func (t *Tunnel) Addr() string { return t.listener.Addr().String() }

// Cut lets nothing through until Mend; connections stay open.
func (t *Tunnel) Cut() { t.set(true) }

// Mend lets everything through again, also what has waited.
func (t *Tunnel) Mend() { t.set(false) }

func (t *Tunnel) set(cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.cut = cut
	t.mu.open.Broadcast()
}

// pass returns once the tunnel is open; false where it is closed for good.
func (t *Tunnel) pass() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.mu.cut && !t.mu.closed {
		t.mu.open.Wait()
	}
	return !t.mu.closed
}

func (t *Tunnel) carry(from net.Conn) {
	if !t.pass() {
		_ = from.Close()
		return
	}
	to, err := net.Dial("tcp", t.target)
	if err != nil {
		_ = from.Close()
		return
	}
	t.mu.Lock()
	t.mu.conns = append(t.mu.conns, from, to)
	t.mu.Unlock()
	if !t.pass() {
		_, _ = from.Close(), to.Close()
	}
	var both sync.WaitGroup
	both.Go(func() { t.copy(to, from) })
	both.Go(func() { t.copy(from, to) })
	both.Wait()
}

// copy carries one direction until it ends, and ends the other with it.
func (t *Tunnel) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !t.pass() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
