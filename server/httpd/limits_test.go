package httpd_test

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/httpd"
	"guestload/server/httpd/limit"
)

func per15m(n int) limit.Rule { return limit.Rule{Max: n, Per: 15 * time.Minute} }

func TestRequestsPastTheLimitAreRefusedUntilTheWindowEnds(t *testing.T) {
	b := start(t, func(c *httpd.Config) { c.Limits.Requests = per15m(3) })
	check := func(path string, status int, remaining string) {
		t.Helper()
		got := b.do(t, request{path: path})
		if got.status != status || got.header.Get("RateLimit-Limit") != "3" || got.header.Get("RateLimit-Remaining") != remaining || got.header.Get("RateLimit-Reset") == "" {
			t.Errorf("%s: got %d %v %s", path, got.status, got.header, got.body)
		}
		if status == 429 && (got.header.Get("Retry-After") == "" || got.body != `{"success":false,"message":"`+api.TextTooManyRequests+`"}`) {
			t.Errorf("%v %s", got.header, got.body)
		}
	}
	check("/api/guest/username", 200, "2")
	check("/api/nothing", 404, "1")
	check("/api/socket/stats", 200, "0")
	check("/api/guest/username", 429, "0")
	check("/api/guest/me", 429, "0")
	for _, path := range []string{"/health", "/ready", "/metrics"} { // are not the API
		if got := b.do(t, request{path: path}); got.status != 200 || got.header.Get("RateLimit-Limit") != "" {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := b.do(t, request{method: "OPTIONS", path: "/api/guest"}); got.status != 204 {
		t.Errorf("a preflight: %+v", got)
	}
	b.ahead.Store(int64(15*time.Minute + time.Second))
	check("/api/guest/username", 200, "2")
}

func TestCreationsAndRenewalsHaveLimitsOfTheirOwn(t *testing.T) {
	b := start(t, func(c *httpd.Config) {
		c.Limits.Creations, c.Limits.SessionRenewals, c.Limits.AddressRenewals = per15m(2), per15m(2), per15m(3)
	})
	p, q := b.create(t, ""), b.create(t, "")
	expect := func(r request, status int) {
		t.Helper()
		if got := b.do(t, r); got.status != status || (status == 429) != (got.header.Get("Retry-After") != "") {
			t.Errorf("%s: got %+v, want %d", r.path, got, status)
		}
	}
	expect(request{method: "POST", path: "/api/guest"}, 429)
	expect(request{path: "/api/guest/me", token: p.token}, 200)
	renew := func(p person) request { return request{method: "POST", path: "/api/guest/token", token: p.token} }
	expect(renew(p), 200)
	expect(renew(p), 200)
	expect(renew(p), 429) // the session
	expect(renew(q), 429) // the address
}

func TestForwardedAddressesCountOnlyFromTrustedProxies(t *testing.T) {
	hop := func(b *backend, forwarded string) int {
		t.Helper()
		return b.do(t, request{path: "/api/guest/username", header: map[string]string{"X-Forwarded-For": forwarded}}).status
	}
	limited := func(c *httpd.Config) { c.Limits.Requests = per15m(1) }
	plain := start(t, limited)
	if hop(plain, "1.1.1.1") != 200 || hop(plain, "2.2.2.2") != 429 {
		t.Error("a stranger's claim counts")
	}
	behind := start(t, limited, func(c *httpd.Config) {
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	for i, step := range []struct {
		forwarded string
		status    int
	}{
		{"1.1.1.1", 200}, {"1.1.1.1", 429}, {"2.2.2.2", 200},
		{"9.9.9.9, 2.2.2.2", 429},  // what the client claims of itself
		{"3.3.3.3, 10.0.0.7", 200}, // through two proxies
		{"3.3.3.3:4711,10.0.0.8, 10.0.0.7", 429},
		{"2001:db8::1", 200}, {"2001:db8::ffff", 429}, {"2001:db8:0:1::1", 200}, // one customer has a /64
		{"::ffff:1.1.1.1", 429}, {"[2001:db8::2]:80", 429},
		{"rubbish", 200}, {"", 429}, // the proxy itself
	} {
		if got := hop(behind, step.forwarded); got != step.status {
			t.Errorf("step %d, %q: %d, want %d", i, step.forwarded, got, step.status)
		}
	}
}

// full is a listener whose process has no file left, a few times.
type full struct {
	net.Listener
	refusals atomic.Int32
}

func (l *full) Accept() (net.Conn, error) {
	if l.refusals.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAcceptGoesOnAfterTheFilesRanOut(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	short := &full{Listener: ln}
	short.refusals.Store(4)
	var said strings.Builder
	log := slog.New(slog.NewTextHandler(&said, nil))
	b := startOn(t, short, func(c *httpd.Config) { c.Log = log })
	if got := b.do(t, request{path: "/health"}); got.status != http.StatusOK {
		t.Errorf("got %+v", got)
	}
	if n := strings.Count(said.String(), "cannot take connections"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
}

func TestAServerWithoutItsPartsIsRefused(t *testing.T) {
	if _, err := httpd.New(httpd.Config{}); err == nil || !strings.Contains(err.Error(), "required") {
		t.Errorf("got %v", err)
	}
}
