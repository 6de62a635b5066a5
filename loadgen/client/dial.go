package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
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
	remote  netip.AddrPort
	timeout time.Duration
	tls     *tls.Config
	locals  []netip.Addr // addresses to dial from, in turn; none: the system's choice
	next    atomic.Uint32
}

// newDialer finds the address by connecting once.
func newDialer(ctx context.Context, target *url.URL, timeout time.Duration, set byte) (*dialer, error) {
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
	found := nc.RemoteAddr().(*net.TCPAddr).AddrPort()
	reset(nc)
	d.remote = netip.AddrPortFrom(found.Addr().Unmap(), found.Port())
	if ip := d.remote.Addr(); runtime.GOOS == "linux" && ip.IsLoopback() && ip.Is4() {
		for i := range sources {
			d.locals = append(d.locals, netip.AddrFrom4([4]byte{127, 0, set, byte(2 + i)}))
		}
	}
	return d, nil
}

// dial opens one connection, with TLS where the target has it.
func (d *dialer) dial(ctx context.Context, deadline time.Time) (net.Conn, error) {
	nc, err := d.plain(ctx, deadline)
	if err != nil {
		return nil, err
	}
	if d.tls == nil {
		return nc, nil
	}
	return d.secure(ctx, nc, deadline)
}

func (d *dialer) secure(ctx context.Context, nc net.Conn, deadline time.Time) (net.Conn, error) {
	secure := tls.Client(nc, d.tls)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		reset(nc)
		return nil, fmt.Errorf("tls handshake: %w", err)
	}
	return secure, nil
}

// plain opens one connection without TLS.
func (d *dialer) plain(ctx context.Context, deadline time.Time) (net.Conn, error) {
	var local netip.Addr
	if len(d.locals) > 0 {
		local = d.locals[d.next.Add(1)%uint32(len(d.locals))]
	}
	nc, err := connect(ctx, local, &d.remote, deadline)
	if err != nil {
		return nil, dialError(err)
	}
	return nc, nil
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
	if tcp, ok := nc.(interface{ SetLinger(seconds int) error }); ok {
		tcp.SetLinger(0)
	}
	nc.Close()
}
