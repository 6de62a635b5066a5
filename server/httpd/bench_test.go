package httpd_test

import (
	"bufio"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"guestload/server/api"
)

// keepAlive is one connection that asks the same again and again, as cheaply
// as a client can, so that the server's share of the CPU is large.
type keepAlive struct {
	conn net.Conn
	ask  []byte
	in   *bufio.Reader
}

func newKeepAlive(b *testing.B, addr, ask string) *keepAlive {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &keepAlive{conn: conn, ask: []byte(ask), in: bufio.NewReaderSize(conn, 16<<10)}
}

// once asks and reads the answer, whose status must be the one wanted.
func (k *keepAlive) once(b *testing.B, status string) {
	if _, err := k.conn.Write(k.ask); err != nil {
		b.Fatal(err)
	}
	length := 0
	for first := true; ; first = false {
		line, err := k.in.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		if first && string(line[9:12]) != status {
			b.Fatalf("got %s", line)
		}
		if len(line) == 2 {
			break
		}
		if len(line) > 16 && string(line[:16]) == "Content-Length: " {
			length, _ = strconv.Atoi(string(line[16 : len(line)-2]))
		}
	}
	if _, err := k.in.Discard(length); err != nil {
		b.Fatal(err)
	}
}

// cpu is what this process, clients included, has spent.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// floor is a server whose answer is fixed: what HTTP itself costs.
func floor(b *testing.B, status int, body string) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	answer := []byte(body)
	srv := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.SetStatusCode(status)
		ctx.SetContentType(api.ContentType)
		ctx.SetBody(answer)
	}}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	b.Cleanup(func() { _ = ln.Close(); receive(b, served) })
	return ln.Addr().String()
}

// against asks ours, the floor and an echo of bytes in turns, a slice of
// requests each, so that all meet the same noise, and reports what ours costs in
// CPU compared with the floor. The client in this process costs as much as one
// end of the echo, and is taken off: x/floor is of the servers alone.
func against(b *testing.B, ours, bare, echo *keepAlive, status string) {
	const slice = 200
	var spent [3]time.Duration
	n := 0
	for b.Loop() {
		for i, k := range []*keepAlive{ours, bare, echo} {
			from := cpu(b)
			for range slice {
				k.once(b, status)
			}
			spent[i] += cpu(b) - from
		}
		n += slice
	}
	client := spent[2] / 2
	micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(n) / 1000 }
	b.ReportMetric(micros(spent[0]-client), "cpu-µs/request")
	b.ReportMetric(micros(spent[1]-client), "cpu-µs/floor")
	b.ReportMetric(float64(spent[0]-client)/float64(spent[1]-client), "x/floor")
	b.ReportMetric(float64(spent[0])/float64(spent[1]), "x/floor-with-client")
	b.ReportMetric(0, "ns/op") // of three servers together: it says nothing
}

// echo answers whatever arrives with the same bytes.
func echo(b *testing.B, answer string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ln.Close() })
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		buf, reply := make([]byte, 4096), []byte(answer)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
			if _, err := conn.Write(reply); err != nil {
				return
			}
		}
	}()
	return ln.Addr().String()
}

// benchmarkRequest compares a request, whose headers lack the empty line at
// their end, with a fixed answer of the same bytes.
func benchmarkRequest(b *testing.B, s *backend, headers string, status int) {
	body := parseRaw(b, s.raw(b, headers+"Connection: close\r\n\r\n")).body
	ask, code := headers+"\r\n", strconv.Itoa(status)
	fixed := "HTTP/1.1 " + code + " OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	ours, bare := newKeepAlive(b, s.addr, ask), newKeepAlive(b, floor(b, status, body), ask)
	against(b, ours, bare, newKeepAlive(b, echo(b, fixed), ask), code)
}

// BenchmarkFetch compares GET /api/guest/{sessionId} with a fixed answer.
func BenchmarkFetch(b *testing.B) {
	s := start(b)
	p := s.create(b, `{"username":"Bob_1","location":{"country":"US"},"gender":"male","language":"en"}`)
	benchmarkRequest(b, s, "GET /api/guest/"+p.sessionID+" HTTP/1.1\r\nHost: x\r\n", http.StatusOK)
}

// BenchmarkMe compares a request with a token.
func BenchmarkMe(b *testing.B) {
	s := start(b)
	p := s.create(b, "")
	benchmarkRequest(b, s, "GET /api/guest/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+p.token+"\r\n", http.StatusOK)
}

// BenchmarkCreate compares POST /api/guest, with its signature, with a fixed answer.
func BenchmarkCreate(b *testing.B) {
	s := start(b)
	benchmarkRequest(b, s, "POST /api/guest HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n", http.StatusCreated)
}

// BenchmarkIdleSocket reports what a connected, silent guest holds: heap and
// stacks of the server, with presence and all state but the stored session, and
// the bare connection at the other end, since both live in this process.
func BenchmarkIdleSocket(b *testing.B) {
	const count = 2000
	for _, f := range framings {
		b.Run(f.String(), func(b *testing.B) {
			for b.Loop() {
				s := start(b)
				people := make([]person, count)
				for i := range people {
					people[i] = s.create(b, "")
				}
				conns := make([]net.Conn, 0, count)
				before := inUse()
				for _, p := range people {
					w := s.join(b, f, p)
					conns = append(conns, w.conn)
				}
				b.ReportMetric((inUse()-before)/count, "bytes/guest")
				for _, c := range conns {
					_ = c.Close()
				}
			}
		})
	}
}

func inUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}
