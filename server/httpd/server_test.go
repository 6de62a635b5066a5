package httpd_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"guestload/server/auth"
	"guestload/server/guest"
	"guestload/server/httpd"
	"guestload/server/realtime"
	"guestload/server/store/memory"
)

// secret signs the tokens.
const secret = "a secret that only the tests know"

// patience is how long a test waits for what must come.
const patience = 15 * time.Second

// faulty lets storage be out of order.
type faulty struct {
	realtime.Sessions
	fault atomic.Pointer[error]
}

func (f *faulty) fail(err error) {
	if err == nil {
		f.fault.Store(nil)
		return
	}
	f.fault.Store(&err)
}

func (f *faulty) Create(ctx context.Context, s guest.Session) error {
	if err := f.fault.Load(); err != nil {
		return *err
	}
	return f.Sessions.Create(ctx, s)
}

func (f *faulty) Get(ctx context.Context, id string) (guest.Session, error) {
	if err := f.fault.Load(); err != nil {
		return guest.Session{}, *err
	}
	return f.Sessions.Get(ctx, id)
}

// backend is a whole server on a free port.
type backend struct {
	server   *httpd.Server
	node     *realtime.Node
	tokens   *auth.Issuer
	sessions *faulty
	url      string // http://127.0.0.1:port
	addr     string
	memory   *memory.Store
	stop     func()       // drains, shuts down and waits; the end of the test calls it too
	ahead    atomic.Int64 // how far the clock of tokens and limits is ahead
}

func (b *backend) now() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }

type option func(*httpd.Config)

func start(t testing.TB, options ...option) *backend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, ln, options...)
}

func startOn(t testing.TB, ln net.Listener, options ...option) *backend {
	t.Helper()
	return startWith(t, ln, nil, options...)
}

// startWith starts a server on a store that an earlier one has left; nil for a new one.
func startWith(t testing.TB, ln net.Listener, kept *memory.Store, options ...option) *backend {
	t.Helper()
	b := &backend{addr: ln.Addr().String(), url: "http://" + ln.Addr().String(), memory: kept}
	if kept == nil {
		kept = memory.New("test", b.now)
		b.memory = kept
	}
	b.sessions = &faulty{Sessions: kept.Sessions}
	metrics := httpd.NewMetrics()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	b.node, err = realtime.New(realtime.Config{
		Instance: "test", Sessions: b.sessions, Presence: kept.Presence, Matcher: kept.Matcher,
		Now: b.now, OnMatch: metrics.Matched,
	})
	must(err)
	b.tokens, err = auth.NewIssuer([]byte(secret), auth.Options{Now: b.now})
	must(err)
	cfg := httpd.Config{Node: b.node, Tokens: b.tokens, Metrics: metrics, Now: b.now, Version: "1.2.3", Log: slog.New(slog.DiscardHandler)}
	for _, o := range options {
		o(&cfg)
	}
	b.server, err = httpd.New(cfg)
	must(err)

	running, stop := context.WithCancel(context.Background())
	ran, served := make(chan error, 1), make(chan error, 1)
	go func() { ran <- b.node.Run(running) }()
	go func() { served <- b.server.Serve(ln) }()
	b.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		b.server.Drain()
		for what, err := range map[string]error{"drain": b.node.Drain(ctx), "shut down": b.server.Shutdown(ctx), "serve": receive(t, served)} {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		stop()
		if err := receive(t, ran); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

// A server may be stopped before the goroutine that serves has begun.
func TestServeReturnsAfterAnEarlierShutdown(t *testing.T) {
	b := start(t)
	s, err := httpd.New(httpd.Config{Node: b.node, Tokens: b.tokens, Metrics: httpd.NewMetrics()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	if err := receive(t, served); err != nil {
		t.Error(err)
	}
	if nc, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		nc.Close()
		t.Error("it listens yet")
	}
}

func receive[T any](t testing.TB, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Error("nothing came in time")
	}
	return v
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

type request struct {
	method, path string
	token        string
	body         string
	header       map[string]string
}

var client = &http.Client{
	Timeout:   patience,
	Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true},
}

func (b *backend) do(t testing.TB, r request) reply {
	t.Helper()
	if r.method == "" {
		r.method = http.MethodGet
	}
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, b.url+r.path, body)
	if err != nil {
		t.Fatal(err)
	}
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}

// person is a guest made over HTTP.
type person struct{ id, sessionID, username, token string }

func (b *backend) create(t testing.TB, body string) person {
	t.Helper()
	got := b.do(t, request{method: "POST", path: "/api/guest", body: body})
	var answer struct {
		Data struct {
			Token string
			User  struct{ ID, SessionID, Username string }
		}
	}
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != 201 {
		t.Fatalf("create: %d %s (%v)", got.status, got.body, err)
	}
	u := answer.Data.User
	return person{u.ID, u.SessionID, u.Username, answer.Data.Token}
}

// raw sends bytes and returns all that comes back until the server closes.
func (b *backend) raw(t testing.TB, sent string) string {
	t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, sent); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%q, then %v", got, err)
	}
	return string(got)
}

func parseRaw(t testing.TB, text string) reply {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	body := new(bytes.Buffer)
	_, _ = body.ReadFrom(resp.Body)
	return reply{resp.StatusCode, resp.Header, body.String()}
}
