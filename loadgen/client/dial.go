package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"guestload/loadgen/session"
)

// sources is how many local addresses a loopback target is dialled from: one
// has 28,000 ports on Linux, and a port stays taken for a minute after a
// connection that we have closed first.
const sources = 8

// dialer opens TCP connections to the addresses of one host, each in its turn.
type dialer struct {
	remotes []*netip.AddrPort
	silent  []string // addresses of the host that do not answer, each with the reason
	timeout time.Duration
	tls     *tls.Config
	locals  []netip.Addr // addresses to dial from, in turn; none: the system's choice
	// Requests and sockets take their turns apart: guests open both in a fixed order,
	// so that with one count all sockets could go to every other address.
	requests, sockets atomic.Uint32
}

// newDialer finds the addresses that answer, by connecting once to each.
func newDialer(ctx context.Context, target *url.URL, timeout time.Duration, secure *tls.Config, set byte) (*dialer, error) {
	d := &dialer{timeout: timeout, tls: secure}
	ctx, cancel := context.WithTimeout(ctx, min(timeout, 5*time.Second))
	defer cancel()
	all, err := resolve(ctx, target)
	if err != nil {
		return nil, err
	}
	failed := make([]error, len(all))
	var probes sync.WaitGroup
	for i, remote := range all {
		probes.Go(func() { failed[i] = probe(ctx, remote) })
	}
	probes.Wait()
	for i, remote := range all {
		if failed[i] == nil {
			d.remotes = append(d.remotes, &remote)
		}
	}
	if len(d.remotes) == 0 {
		return nil, errors.Join(failed...)
	}
	for i, remote := range all {
		if failed[i] != nil && remote.Addr().Is4() == d.remotes[0].Addr().Is4() { // a machine without IPv6 is none that is down
			d.silent = append(d.silent, fmt.Sprintf("%v (%v)", remote.Addr(), plainly(failed[i])))
		}
	}
	if ip := d.remotes[0].Addr(); runtime.GOOS == "linux" && ip.IsLoopback() && ip.Is4() {
		for i := range sources {
			d.locals = append(d.locals, netip.AddrFrom4([4]byte{127, 0, set, byte(2 + i)}))
		}
	}
	return d, nil
}

// resolve finds the addresses of a target.
func resolve(ctx context.Context, target *url.URL) (all []netip.AddrPort, err error) {
	service := target.Port()
	if service == "" {
		service = target.Scheme
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", target.Hostname())
	if err != nil {
		return nil, err
	}
	for _, ip := range found {
		all = append(all, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	return all, nil
}

// probe connects once.
func probe(ctx context.Context, remote netip.AddrPort) error {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", remote.String())
	if err != nil {
		return dialError(err)
	}
	reset(nc)
	return nil
}

// plainly is the cause of an error of net alone.
func plainly(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// Addresses are those that connections go to in turn, as HOST:PORT.
func (c *Client) Addresses() (all []string) {
	for _, remote := range c.dialer.remotes {
		all = append(all, remote.String())
	}
	return all
}

// Unreachable are the other addresses of the target's name, each with the reason.
func (c *Client) Unreachable() []string { return c.dialer.silent }

// dial opens one connection, with TLS where the target has it; turns counts those
// of its kind.
func (c *Client) dial(ctx context.Context, deadline time.Time, turns *atomic.Uint32) (net.Conn, error) {
	d := c.dialer
	nc, err := d.plain(ctx, deadline, turns)
	if err != nil {
		return nil, err
	}
	if d.tls == nil {
		return nc, nil
	}
	return c.secure(ctx, nc, deadline)
}

func (c *Client) secure(ctx context.Context, nc net.Conn, deadline time.Time) (net.Conn, error) {
	secure := tls.Client(nc, c.dialer.tls)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		reset(nc)
		return nil, c.handshakeError(err)
	}
	return secure, nil
}

// plain opens one connection without TLS.
func (d *dialer) plain(ctx context.Context, deadline time.Time, turns *atomic.Uint32) (net.Conn, error) {
	turn := turns.Add(1)
	remote := d.remotes[turn%uint32(len(d.remotes))]
	var local netip.Addr
	if len(d.locals) > 0 && remote.Addr().Is4() {
		local = d.locals[turn/uint32(len(d.remotes))%uint32(len(d.locals))]
	}
	nc, err := connect(ctx, local, remote, deadline)
	if err != nil {
		return nil, dialError(err)
	}
	return nc, nil
}

// speaksTLS reports whether a server that ends plain requests without a word
// answers a TLS handshake.
func (d *dialer) speaksTLS(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, min(d.timeout, 2*time.Second))
	defer cancel()
	check := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} // nothing is sent over it
	nc, err := check.DialContext(ctx, "tcp", d.remotes[0].String())
	if err != nil {
		return isAlert(err)
	}
	reset(nc)
	return true
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

// hostname is a host without its port.
func hostname(host string) string {
	if name, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.Atoi(port); err == nil {
			return name
		}
	}
	return strings.Trim(host, "[]")
}
