package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
	"guestload/server/auth"
	"guestload/server/guest"
	"guestload/server/httpd"
	"guestload/server/store/redistest"
)

// serve runs a whole server with a store in memory on a free port.
func serve(tb testing.TB) (address string, k *keeper, tokens *auth.Issuer) {
	tb.Helper()
	k = inMemory(tb)
	address, tokens = serveOver(tb, k)
	return address, k, tokens
}

// serveOver is serve with a store that is there already.
func serveOver(tb testing.TB, k *keeper) (address string, tokens *auth.Issuer) {
	tb.Helper()
	work(tb, k)
	tokens, err := auth.NewIssuer([]byte(secret), auth.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	server, err := httpd.New(httpd.Config{Node: k.node, Tokens: tokens, Metrics: httpd.NewMetrics()})
	if err != nil {
		tb.Fatal(err)
	}
	ln := listen(tb)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ln); err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		server.Drain()
		if err := errors.Join(k.node.Drain(ctx), server.Shutdown(ctx)); err != nil {
			tb.Error(err)
		}
		serving.Wait()
	})
	return ln.Addr().String(), tokens
}

// answer runs fasthttp with a fixed answer: the floor of every HTTP server.
func answer(tb testing.TB, status int, body []byte) (address string) {
	tb.Helper()
	ln := listen(tb)
	server := &fasthttp.Server{
		NoDefaultServerHeader: true, NoDefaultContentType: true,
		Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.Response.Header.SetContentType(api.ContentType)
			ctx.SetStatusCode(status)
			ctx.SetBody(body)
		},
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ln); err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			tb.Error(err)
		}
		serving.Wait()
	})
	return ln.Addr().String()
}

func listen(tb testing.TB) net.Listener {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return ln
}

// line is one end of a connection, outside of Go's poller: the thread that uses
// it waits in the kernel, so what it spends is told apart from the server's.
type line struct {
	fd  int
	got []byte
}

func dial(tb testing.TB, address string) *line {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		tb.Fatal(err)
	}
	l := &line{}
	var duplicated error
	if err := raw.Control(func(fd uintptr) { l.fd, duplicated = syscall.Dup(int(fd)) }); err != nil || duplicated != nil {
		tb.Fatal(err, duplicated)
	}
	tb.Cleanup(func() { _ = syscall.Close(l.fd) })
	limit := syscall.NsecToTimeval(patience.Nanoseconds())
	if err := errors.Join(syscall.SetNonblock(l.fd, false), syscall.SetsockoptTimeval(l.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit)); err != nil {
		tb.Fatal(err)
	}
	return l
}

func (l *line) send(p []byte) error {
	for len(p) > 0 {
		n, err := syscall.Write(l.fd, p)
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		p = p[n:]
	}
	return nil
}

// more waits for bytes.
func (l *line) more() error {
	if cap(l.got)-len(l.got) < 4096 {
		l.got = append(make([]byte, 0, max(64<<10, 2*cap(l.got))), l.got...)
	}
	for {
		n, err := syscall.Read(l.fd, l.got[len(l.got):cap(l.got)])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("receive: %w", err)
		case n == 0:
			return errors.New("receive: the server closed the connection")
		}
		l.got = l.got[:len(l.got)+n]
		return nil
	}
}

// response takes one HTTP response and returns its body until the next call.
func (l *line) response(status string) (body []byte, err error) {
	for {
		head, rest, whole := bytes.Cut(l.got, []byte("\r\n\r\n"))
		if !whole {
			if err := l.more(); err != nil {
				return nil, err
			}
			continue
		}
		if !bytes.HasPrefix(head, []byte("HTTP/1.1 "+status)) {
			return nil, fmt.Errorf("answered %q, want status %s", head, status)
		}
		_, after, _ := bytes.Cut(head, []byte("Content-Length: "))
		digits, _, _ := bytes.Cut(after, []byte("\r\n"))
		length, err := strconv.Atoi(string(digits))
		if err != nil {
			return nil, fmt.Errorf("answered %q without a length", head)
		}
		for len(rest) < length {
			if err := l.more(); err != nil {
				return nil, err
			}
			_, rest, _ = bytes.Cut(l.got, []byte("\r\n\r\n"))
		}
		body = rest[:length]
		l.got = l.got[:copy(l.got, rest[length:])]
		return body, nil
	}
}

// lines are how many requests are on their way at once: as under load, a server
// wakes up for several.
const lines = 16

// asker asks in turn over all its lines.
type asker struct {
	lines   [lines]*line
	request []byte
	status  string
	next    int
}

func newAsker(tb testing.TB, address, status string, request []byte) *asker {
	tb.Helper()
	a := &asker{request: request, status: status}
	for i := range a.lines {
		a.lines[i] = dial(tb, address)
		if err := a.lines[i].send(request); err != nil {
			tb.Fatal(err)
		}
	}
	return a
}

// ask takes the oldest answer and sends another request in its place.
func (a *asker) ask() error {
	l := a.lines[a.next]
	a.next = (a.next + 1) % lines
	if _, err := l.response(a.status); err != nil {
		return err
	}
	return l.send(a.request)
}

// BenchmarkHTTP asks a server over loopback. cpu-ns/op is the server's alone;
// x/floor compares it with fasthttp giving the same answer unthinkingly. Goals:
// create at most 2.5, fetch 1.6, also where guests are in Redis and the process has
// a copy of this one (fetch-cached), and then without a Redis command.
func BenchmarkHTTP(b *testing.B) {
	b.Run("create", func(b *testing.B) {
		address, _, _ := serve(b)
		request := []byte("POST /api/guest HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n")
		againstFloor(b, address, request, 201)
	})
	b.Run("fetch", func(b *testing.B) {
		address, k, _ := serve(b)
		s := someone(b, k)
		againstFloor(b, address, []byte("GET /api/guest/"+s.SessionID+" HTTP/1.1\r\nHost: bench\r\n\r\n"), 200)
	})
	b.Run("fetch-cached", func(b *testing.B) {
		k := inRedis(b, redistest.Standalone(b), "here")
		address, _ := serveOver(b, k)
		s := someone(b, k)
		_, before := redisSpent(b, k.redis)
		againstFloor(b, address, []byte("GET /api/guest/"+s.SessionID+" HTTP/1.1\r\nHost: bench\r\n\r\n"), 200)
		_, after := redisSpent(b, k.redis)
		reportCommands(b, after-before)
	})
	b.Run("me", func(b *testing.B) {
		address, k, tokens := serve(b)
		token := tokens.Issue(someone(b, k))
		againstFloor(b, address, []byte("GET /api/guest/me HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "+token+"\r\n\r\n"), 200)
	})
}

func someone(tb testing.TB, k *keeper) guest.Session {
	tb.Helper()
	s, err := k.node.Create(tb.Context(), someProfile)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func againstFloor(b *testing.B, address string, request []byte, status int) {
	b.Helper()
	code := strconv.Itoa(status)
	probe := dial(b, address)
	if err := probe.send(request); err != nil {
		b.Fatal(err)
	}
	body, err := probe.response(code)
	if err != nil {
		b.Fatal(err)
	}
	floor := newAsker(b, answer(b, status, bytes.Clone(body)), code, request)
	versus(b, newAsker(b, address, code, request).ask, floor.ask)
}

// versus measures op, and for as many calls floor: what others than the calling
// thread spend on them. They take turns, so that both meet the same machine.
func versus(b *testing.B, op, floor func() error) {
	b.Helper()
	const turn = 500
	others := func() time.Duration { return spent(b) - spentByThread(b) }
	b.ReportAllocs()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range turn { // both warm
		if err := errors.Join(op(), floor()); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	n, before := 0, others()
	var costs, floors []float64 // of a turn's operation
	var ours, theirs time.Duration
	measureFloor := func(done int) {
		b.StopTimer()
		took := others() - before
		ours += took
		if done == turn {
			costs = append(costs, float64(took)/float64(done))
		}
		before = others()
		for range turn {
			if err := floor(); err != nil {
				b.Fatal(err)
			}
		}
		took = others() - before
		theirs += took
		floors = append(floors, float64(took)/turn)
		b.StartTimer()
		before = others()
	}
	for b.Loop() {
		if err := op(); err != nil {
			b.Fatal(err)
		}
		if n++; n%turn == 0 {
			measureFloor(turn)
		}
	}
	measureFloor(n % turn)
	perOp := fastest(costs, float64(ours)/float64(n))
	b.ReportMetric(perOp, "cpu-ns/op")
	b.ReportMetric(perOp/fastest(floors, float64(theirs)/float64(turn*len(floors))), "x/floor")
}
