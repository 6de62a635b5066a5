//go:build linux

package client

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guestload/loadgen/session"
)

// cutter is an HTTP server that answers the first request on each connection and
// hands the second to cut, after which the connection ends.
type cutter struct {
	net.Listener
	requests atomic.Int32
	closed   chan bool // after each connection
}

func newCutter(t *testing.T, secure bool, cut func(nc net.Conn)) *cutter {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if secure {
		lender := httptest.NewTLSServer(nil) // of a certificate
		lender.Close()
		l = tls.NewListener(l, &tls.Config{Certificates: lender.TLS.Certificates})
	}
	s := &cutter{Listener: l, closed: make(chan bool, 100)}
	handled := acceptAll(l, func(nc net.Conn) {
		s.serve(nc, cut)
		s.closed <- true
	})
	t.Cleanup(func() {
		l.Close()
		handled()
	})
	return s
}

func (s *cutter) serve(nc net.Conn, cut func(nc net.Conn)) {
	defer nc.Close()
	in := bufio.NewReader(nc)
	for n := 1; ; n++ {
		if n == 2 && cut == nil {
			return
		}
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		s.requests.Add(1)
		if n == 2 {
			cut(nc)
			return
		}
		io.WriteString(nc, sized(sound))
	}
}

// client returns a client that has done one request, so that one connection is kept.
func (s *cutter) client(t *testing.T, secure bool) *Client {
	t.Helper()
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	c := newClient(t, scheme+s.Addr().String(), 0)
	if secure {
		c.dialer.tls.InsecureSkipVerify = true
	}
	<-s.closed // of the probe
	if err := c.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func eachSecurity(t *testing.T, test func(t *testing.T, secure bool)) {
	t.Run("plain", func(t *testing.T) { test(t, false) })
	t.Run("TLS", func(t *testing.T) { test(t, true) })
}

// A request that ends without a response may have been done: only one that is
// idempotent is sent again, at once, and the retry is counted.
func TestOnlyAnIdempotentRequestIsSentAgain(t *testing.T) {
	end := func(net.Conn) {}
	abort := func(nc net.Conn) { reset(nc) }
	late := func(nc net.Conn) { time.Sleep(stalePeriod) }
	begun := func(nc net.Conn) { io.WriteString(nc, "H") }
	for _, tt := range []struct {
		name, method string
		cut          func(net.Conn)
		requests     int32 // in all, with the one that was answered before
		kind         string
	}{
		{"GET", "GET", end, 3, ""},
		{"HEAD", "HEAD", end, 3, ""},
		{"GET, reset", "GET", abort, 3, ""},
		{"GET, late", "GET", late, 2, session.KindClosed},
		{"GET, after a byte", "GET", begun, 2, session.KindClosed},
		{"POST", "POST", end, 2, session.KindClosed},
		{"POST, reset", "POST", abort, 2, session.KindReset},
		{"POST, late", "POST", late, 2, session.KindClosed},
		{"DELETE", "DELETE", end, 2, session.KindClosed},
		{"PUT", "PUT", end, 2, session.KindClosed},
		{"a method of tomorrow", "PATCHWORK", end, 2, session.KindClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachSecurity(t, func(t *testing.T, secure bool) {
				s := newCutter(t, secure, tt.cut)
				c := s.client(t, secure)
				var sending session.Sending
				err := c.Call(t.Context(), session.Request{Method: tt.method, Path: "/", Body: []byte("{}"), Sending: &sending}, nil)
				if n := s.requests.Load(); n != tt.requests {
					t.Errorf("the server had %d requests, want %d", n, tt.requests)
				}
				if sending.Retries != int(tt.requests)-2 {
					t.Errorf("%d retries were counted, want %d", sending.Retries, tt.requests-2)
				}
				switch {
				case tt.kind == "" && err != nil:
					t.Error(err)
				case tt.kind != "" && (err == nil || session.Kind(err) != tt.kind):
					t.Errorf("%v, want kind %s", err, tt.kind)
				case tt.kind != "" && tt.method != "GET" && !strings.Contains(err.Error(), "may have done the request"):
					t.Errorf("%v: does not say why it is not sent again", err)
				}
			})
		})
	}
}

// A kept connection that the server has closed is no reason to fail or to retry:
// nothing is sent over it.
func TestAKeptConnectionThatHasEndedIsNotUsed(t *testing.T) {
	eachSecurity(t, func(t *testing.T, secure bool) {
		s := newCutter(t, secure, nil)
		c := s.client(t, secure)
		for range 10 {
			<-s.closed
			until(t, func() bool { return keptEnded(c) })
			var sending session.Sending
			if err := c.Call(t.Context(), session.Request{Method: "POST", Path: "/", Body: []byte("{}"), Sending: &sending}, nil); err != nil || sending.Retries > 0 {
				t.Fatalf("%v, %d retries", err, sending.Retries)
			}
		}
		if n := s.requests.Load(); n != 11 {
			t.Errorf("the server had %d requests, want 11", n)
		}
	})
}

// keptEnded reports whether the end of the kept connection has come.
func keptEnded(c *Client) (over bool) {
	c.wires.mu.Lock()
	defer c.wires.mu.Unlock()
	return ended(c.wires.mu.idle[0].nc)
}

// until waits for a condition that comes true soon.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := soon(); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come true")
		}
	}
}

// A request that a killed instance may have done is not given to another.
func TestAKilledInstanceMayHaveDoneARequest(t *testing.T) {
	for method, sent := range map[string]int32{"GET": 1, "POST": 0, "DELETE": 0} {
		t.Run(method, func(t *testing.T) {
			var c *Client
			dying := newCutter(t, false, func(net.Conn) { c.Abandon() })
			c = dying.client(t, false)
			living := newCutter(t, false, nil)
			s := Spread{Clients: []*Client{c, newClient(t, "http://"+living.Addr().String(), 0)}}
			var sending session.Sending
			err := s.Call(t.Context(), session.Request{Method: method, Path: "/", Sending: &sending}, nil)
			if got := living.requests.Load(); got != sent || sending.Retries != int(sent) {
				t.Errorf("sent again %d times, counted %d; want %d", got, sending.Retries, sent)
			}
			if (err == nil) != (sent > 0) || err != nil && session.Kind(err) != session.KindGone {
				t.Errorf("%v", err)
			}
		})
	}
}
