package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"sync/atomic"
	"time"

	"guestload/loadgen/session"
)

// sources is how many local addresses a loopback target is dialled from: one
// has 28,000 ports on Linux, and a port stays taken for a minute after a
// connection that we have closed first.
const sources = 8

// dialer opens TCP connections to one address.
type dialer struct {
	address string // ip:port
	timeout time.Duration
	tls     *tls.Config
	locals  []net.Addr // addresses to dial from, in turn; none: the system's choice
	next    atomic.Uint32
}

// newDialer finds the address by connecting once.
func newDialer(ctx context.Context, target *url.URL, timeout time.Duration) (*dialer, error) {
	d := &dialer{timeout: timeout, tls: tlsConfig(target)}
	port := target.Port()
	if port == "" {
		port = target.Scheme // a service name, too
	}
	probe := net.Dialer{Timeout: min(timeout, 5*time.Second)}
	nc, err := probe.DialContext(ctx, "tcp", net.JoinHostPort(target.Hostname(), port))
	if err != nil {
		return nil, dialError(err)
	}
	remote := nc.RemoteAddr().(*net.TCPAddr)
	reset(nc)
	d.address = remote.String()
	if runtime.GOOS == "linux" && remote.IP.IsLoopback() && remote.IP.To4() != nil {
		for i := range sources {
			d.locals = append(d.locals, &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i))})
		}
	}
	return d, nil
}

// dial opens one connection, with TLS where the target has it.
func (d *dialer) dial(ctx context.Context, deadline time.Time) (net.Conn, error) {
	nd := net.Dialer{Deadline: deadline, KeepAlive: -1, Control: lateBind}
	if len(d.locals) > 0 {
		nd.LocalAddr = d.locals[d.next.Add(1)%uint32(len(d.locals))]
	}
	nc, err := nd.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, dialError(err)
	}
	if d.tls == nil {
		return nc, nil
	}
	secure := tls.Client(nc, d.tls)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		reset(nc)
		return nil, fmt.Errorf("tls handshake: %w", err)
	}
	return secure, nil
}

// dialHTTP serves the pool, which does TLS by itself.
func (d *dialer) dialHTTP(string) (net.Conn, error) {
	plain := dialer{address: d.address, locals: d.locals}
	plain.next.Store(d.next.Add(1))
	return plain.dial(context.Background(), time.Now().Add(d.timeout))
}

// dialError marks a dial that took too long as a timeout.
func dialError(err error) error {
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		return fmt.Errorf("%w: %w", session.ErrTimeout, err)
	}
	return err
}

// reset closes a connection at once: what is unsent is dropped, and no port
// stays behind in TIME_WAIT.
func reset(nc net.Conn) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	nc.Close()
}
