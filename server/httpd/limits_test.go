package httpd_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
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

// from connects from one of this machine's addresses.
func (b *backend) from(t testing.TB, address string) net.Conn {
	t.Helper()
	dial := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := dial.Dial("tcp", b.addr)
	if errors.Is(err, syscall.ECONNRESET) { // is refused without an answer, as others are being answered
		conn, _ = net.Pipe()
		_ = conn.Close()
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// status asks for /health over a connection.
func status(t testing.TB, conn net.Conn, headers string) int {
	t.Helper()
	if _, err := io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: x\r\n"+headers+"\r\n"); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func TestConnectionsOfOneAddressAreLimited(t *testing.T) {
	b := start(t, func(c *httpd.Config) { c.Limits.ConnectionsByAddress = 3 })
	kept := []net.Conn{b.from(t, "127.0.0.9"), b.from(t, "127.0.0.9"), b.from(t, "127.0.0.9")}
	for range 3 {
		if got := status(t, b.from(t, "127.0.0.9"), ""); got != 429 {
			t.Errorf("a fourth connection: %d", got)
		}
		if got := status(t, b.from(t, "127.0.0.10"), ""); got != 200 {
			t.Errorf("another address: %d", got)
		}
	}
	for _, conn := range kept {
		if got := status(t, conn, ""); got != 200 {
			t.Errorf("who was there before: %d", got)
		}
		_ = conn.Close()
		until(t, func() bool { return status(t, b.from(t, "127.0.0.9"), "Connection: close\r\n") == 200 })
	}
	metrics := b.do(t, request{path: "/metrics"}).body
	if !strings.Contains(metrics, `guestload_connections_refused_total{reason="address"} `) || strings.Contains(metrics, `reason="address"} 0`) {
		t.Error("refusals are not counted")
	}
}

func TestATrustedProxyMayHaveMoreConnections(t *testing.T) {
	b := start(t, func(c *httpd.Config) {
		c.Limits.ConnectionsByAddress = 1
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
	})
	for range 5 {
		if got := status(t, b.from(t, "127.0.0.9"), ""); got != 200 {
			t.Errorf("the proxy: %d", got)
		}
	}
	b.from(t, "127.0.0.10")
	if got := status(t, b.from(t, "127.0.0.10"), ""); got != 429 {
		t.Errorf("somebody else: %d", got)
	}
}

// Refusing a client that sends nothing took 100 ms, in which nobody else was accepted.
func TestNobodyWaitsForThoseWhoAreRefused(t *testing.T) {
	b := start(t, func(c *httpd.Config) { c.Limits.ConnectionsByAddress = 1 })
	for range 500 {
		b.from(t, "127.0.0.9")
	}
	if got := status(t, b.from(t, "127.0.0.10"), ""); got != 200 {
		t.Errorf("got %d", got)
	}
}

func TestUnderPressureThoseWhoKeepTheServerWaitingGo(t *testing.T) {
	const places = 16
	b := start(t, func(c *httpd.Config) { c.MaxConnections = places })
	guest := b.join(t, api.JSON, b.create(t, ""))
	idle := b.from(t, "127.0.0.10")
	if got := status(t, idle, ""); got != 200 {
		t.Fatalf("got %d", got)
	}
	for i := range 3 * places {
		if conn := b.from(t, "127.0.0.9"); i%2 == 0 {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost")
		}
	}
	until(t, func() bool {
		conn := b.from(t, "127.0.0.11")
		defer conn.Close()
		got := status(t, conn, "")
		if got != 200 && got != 503 && got != 0 {
			t.Fatalf("got %d", got)
		}
		return got == 200
	})
	if got := status(t, idle, ""); got != 200 {
		t.Errorf("who was answered before: %d", got)
	}
	guest.emit(api.EventMatch, "")
	guest.expect(api.EventNoUsers)
	if metrics := b.do(t, request{path: "/metrics"}).body; !strings.Contains(metrics, "\nguestload_connections_shed_total ") || strings.Contains(metrics, "\nguestload_connections_shed_total 0\n") {
		t.Error("nobody was made to go")
	}
}

func TestARefusedClientTellsTheOperatorWhichFlagIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		limit   option
		provoke func(b *backend)
		want    string
	}{
		"requests of a proxy": {
			func(c *httpd.Config) { c.Limits.Requests = per15m(1) },
			func(b *backend) {
				b.do(t, request{path: "/api/guest/username", header: map[string]string{"X-Forwarded-For": "1.2.3.4"}})
			}, "--trusted-proxies 127.0.0.1",
		},
		"sockets of a proxy": {
			func(c *httpd.Config) { c.Limits.SocketsByAddress = 1 },
			func(b *backend) {
				if b.node.Counts().Guests == 0 {
					b.join(t, api.JSON, b.create(t, ""))
				}
				b.do(t, request{path: "/ws", header: with(upgradeHeaders, "X-Forwarded-For", "1.2.3.4")})
			}, "--trusted-proxies 127.0.0.1",
		},
		"connections of a proxy": {
			func(c *httpd.Config) { c.Limits.ConnectionsByAddress = 1 },
			func(b *backend) {
				b.from(t, "127.0.0.9")
				status(t, b.from(t, "127.0.0.9"), "x-forwarded-for: 1.2.3.4\r\n")
			}, "--trusted-proxies 127.0.0.9",
		},
		"the socket of a page": {
			func(*httpd.Config) {},
			func(b *backend) {
				b.do(t, request{path: "/ws", header: with(upgradeHeaders, "Origin", "https://chat.example")})
			}, "--cors https://chat.example",
		},
		"a request of a page": {
			func(c *httpd.Config) { c.Origins = []string{"https://other.example"} },
			func(b *backend) {
				b.do(t, request{path: "/api/guest/username", header: map[string]string{"Origin": "https://chat.example"}})
			}, "--cors https://chat.example",
		},
		"a page in a file": {
			func(*httpd.Config) {},
			func(b *backend) {
				b.do(t, request{path: "/api/guest/username", header: map[string]string{"Origin": "null"}})
			}, "--cors *",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var said journal
			b := start(t, c.limit, func(cfg *httpd.Config) { cfg.Log = slog.New(slog.NewTextHandler(&said, nil)) })
			for range 5 {
				c.provoke(b)
			}
			if n := strings.Count(said.String(), c.want); n != 1 {
				t.Errorf("%s is named %d times:\n%s", c.want, n, said.String())
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		var said journal
		b := start(t, func(cfg *httpd.Config) {
			cfg.Log = slog.New(slog.NewTextHandler(&said, nil))
			cfg.Limits.Requests = per15m(1)
			cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			cfg.Origins = []string{"https://chat.example"}
		})
		for range 3 {
			b.do(t, request{path: "/api/guest/username", header: map[string]string{"X-Forwarded-For": "1.2.3.4"}})
			b.do(t, request{path: "/api/guest/username", header: map[string]string{"Origin": "https://chat.example"}})
			b.do(t, request{path: "/api/guest/username", header: map[string]string{"Origin": b.url}})
		}
		if strings.Contains(said.String(), "--") {
			t.Errorf("a flag is named where none is missing:\n%s", said.String())
		}
	})
}

func with(headers map[string]string, name, value string) map[string]string {
	headers = maps.Clone(headers)
	headers[name] = value
	return headers
}

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
