// Package client is the system under test over real sockets: HTTP through one
// pool of connections that all guests share, and a WebSocket connection for
// each guest, with either framing of the contract. A connection on which
// nothing happens holds no buffer.
package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// Options say how to reach a backend.
type Options struct {
	Target  string      // http://host:port or https://host[:port], with a path where the backend lives below one
	Framing api.Framing // of the real-time connections
	Access
	// Conns bounds the HTTP connections, 1,024 where 0. A request that finds them
	// all busy waits, within its timeout, and is sent after that.
	Conns int
	// Loopback chooses among the sets of local addresses from which a target on this
	// machine is dialled: generators that run at a time do not share one's ports.
	Loopback int
	// Paths and Events map the contract's names to the backend's own, where they differ.
	Paths, Events map[string]string
}

const (
	defaultTimeout = 10 * time.Second
	defaultConns   = 1024
	// idleHTTP is less than any server's idle timeout worth the name, so that a
	// request seldom meets a connection that is being closed.
	idleHTTP = 4 * time.Second
)

// Client implements session.Backend. Safe for concurrent use.
type Client struct {
	timeout time.Duration
	epoch   time.Time // streams count from
	framing api.Framing
	dialer  *dialer
	wires   wires
	slots   slots  // of HTTP
	base    string // the target's path as it was escaped, without a slash at the end
	path    string // of the handshake, below base
	host    string
	common  []byte // the lines of a head that all requests have
	cookies string // that all guests have from the start

	upgrade  []byte // the handshake, up to the token
	accept   string // what the server must answer it with
	outgoing map[string]string
	incoming map[string]string

	cancels   cancelGroups
	inboxes   inboxes
	buffers   buffers
	abandoned atomic.Bool

	secrecy struct { // whether a target that ends plain requests without a word speaks TLS
		sync.Once
		tls bool
	}

	mu struct {
		sync.Mutex
		silent []net.Conn // half-open: kept until Close
		closed bool
	}
}

var _ session.Backend = (*Client)(nil)

// New returns a client of a backend that somebody listens for: it connects once to
// each address of the target, and drives those that answer. Call Close in the end.
func New(ctx context.Context, o Options) (*Client, error) {
	target, err := parseTarget(o.Target)
	if err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Conns <= 0 {
		o.Conns = defaultConns
	}
	secure, err := o.TLS(target)
	if err != nil {
		return nil, err
	}
	d, err := newDialer(ctx, target, o.Timeout, secure, byte(o.Loopback))
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", o.Target, err)
	}
	c := &Client{
		timeout: o.Timeout, epoch: time.Now(), framing: o.Framing, dialer: d, host: target.Host,
		base:     strings.TrimSuffix(target.EscapedPath(), "/"),
		slots:    make(slots, o.Conns),
		outgoing: o.Events,
	}
	if len(o.Events) > 0 {
		c.incoming = make(map[string]string, len(o.Events))
		for ours, theirs := range o.Events {
			c.incoming[theirs] = ours
		}
	}
	c.common, c.cookies = o.common(c.host)
	c.prepareUpgrade(o.Paths)
	return c, nil
}

// prepareUpgrade builds the part of the handshake that all guests share. The
// nonce is one for all of them: it guards against caches, not against anybody,
// and this way the answer need not be computed for each.
func (c *Client) prepareUpgrade(paths map[string]string) {
	nonce := make([]byte, 16)
	rand.Read(nonce) // never fails
	key := base64.StdEncoding.EncodeToString(nonce)
	path := api.PathJSON
	if c.framing == api.SocketIO {
		path = api.PathSocketIO
	}
	if own := paths[path]; own != "" {
		path = own
	}
	if c.framing == api.SocketIO {
		path += "?EIO=4&transport=websocket"
	}
	c.path = path
	c.accept = acceptFor(key)
	c.upgrade = []byte("GET " + c.base + path + " HTTP/1.1\r\n" + string(c.common) +
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n")
}

// Sources is how many local addresses connections come from, in turn: each has
// ports of its own.
func (c *Client) Sources() int { return max(1, len(c.dialer.locals)) }

// Close ends what has been left open: the pool, and the sockets of guests who
// fell silent.
func (c *Client) Close() {
	c.wires.close()
	c.mu.Lock()
	silent := c.mu.silent
	c.mu.silent, c.mu.closed = nil, true
	c.mu.Unlock()
	for _, nc := range silent {
		reset(nc)
	}
}

// keepSilent keeps a socket that nobody reads any more.
func (c *Client) keepSilent(nc net.Conn) {
	c.mu.Lock()
	closed := c.mu.closed
	if !closed {
		c.mu.silent = append(c.mu.silent, nc)
	}
	c.mu.Unlock()
	if closed {
		reset(nc)
	}
}

// Silent is how many sockets of guests who fell silent are still open.
func (c *Client) Silent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.mu.silent)
}

// CheckTarget returns what is wrong with the address of a backend, nil where it is valid.
func CheckTarget(target string) error {
	_, err := parseTarget(target)
	return err
}

// parseTarget reads the address of a backend.
func parseTarget(target string) (*url.URL, error) {
	u, err := url.Parse(target)
	switch {
	case strings.Contains(target, "@"): // it may hold a password, which is not to be shown
		return nil, errors.New("target: want an address without user and password, such as http://host:port or https://host")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("target %q: want http://host:port or https://host", target)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("target %q: want an address without user, query and fragment", target)
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("target %q: the port is from 1 to 65535", target)
		}
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("target %q has no host: want http://host:port or https://host", target)
	}
	return u, nil
}
