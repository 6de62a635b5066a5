package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// scripted is an HTTP server that says what it is told to, word by word: each
// request on a connection is answered with the next of its answers, in pieces as
// small as asked for, and the connection ends after the last.
func scripted(tb testing.TB, piece int, answers ...string) (target string, connections *atomic.Int32) {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	connections = new(atomic.Int32)
	handled := acceptAll(l, func(nc net.Conn) {
		for i, answer := range answers {
			if !readHead(nc) {
				return
			}
			if i == 0 {
				connections.Add(1) // the client probes once without asking
			}
			for len(answer) > 0 {
				n := min(piece, len(answer))
				if _, err := io.WriteString(nc, answer[:n]); err != nil {
					return
				}
				answer = answer[n:]
			}
		}
	})
	tb.Cleanup(func() {
		l.Close()
		handled()
	})
	return "http://" + l.Addr().String(), connections
}

// readHead reads a request without a body.
func readHead(nc net.Conn) bool {
	var head []byte
	for b := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, b[0]) {
		if _, err := nc.Read(b); err != nil {
			return false
		}
	}
	return true
}

const sound = `{"success":true,"data":{"n":1}}`

func sized(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestAnswersInEveryForm(t *testing.T) {
	long := `{"success":true,"data":{"n":1,"pad":"` + strings.Repeat("x", 9000) + `"}}`
	for _, tt := range []struct{ name, answer, kind string }{
		{"with a length", sized(sound), ""},
		{"long", sized(long), ""},
		{"lower case", fmt.Sprintf("HTTP/1.1 200 OK\r\ncontent-length:%d\r\n\r\n%s", len(sound), sound), ""},
		{"without a reason", fmt.Sprintf("HTTP/1.1 200\r\nContent-Length: %d\r\n\r\n%s", len(sound), sound), ""},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + sound[:5] + "\r\n" +
			fmt.Sprintf("%x;ext=1\r\n", len(sound)-5) + sound[5:] + "\r\n0\r\nTrailer: x\r\n\r\n", ""},
		{"chunked, with a length that does not count", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: Chunked\r\n\r\n" +
			fmt.Sprintf("%X\r\n", len(sound)) + sound + "\r\n0\r\n\r\n", ""},
		{"until the end", "HTTP/1.1 200 OK\r\n\r\n" + sound, ""},
		{"of HTTP/1.0", fmt.Sprintf("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(sound), sound), ""},
		{"after an early hint", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + sized(sound), ""},
		{"without content", "HTTP/1.1 204 No Content\r\n\r\n", session.KindProtocol},
		{"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", session.KindProtocol},
		{"no status", "HTTP/1.1 abc OK\r\n\r\n", session.KindProtocol},
		{"a bad length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", session.KindProtocol},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", session.KindProtocol},
		{"a length past all measure", "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", session.KindProtocol},
		{"a chunk past all measure", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", session.KindProtocol},
		{"a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", session.KindProtocol},
		{"a chunk that is longer than it says", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n", session.KindProtocol},
		{"an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", session.KindProtocol},
		{"endless headers", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHead), session.KindProtocol},
		{"cut in the head", "HTTP/1.1 200 OK\r\nContent-", session.KindClosed},
		{"cut in the body", sized(sound)[:50], session.KindClosed},
		{"nothing", "", session.KindClosed},
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			target, _ := scripted(t, piece, tt.answer)
			c, err := New(t.Context(), Options{Target: target})
			if err != nil {
				t.Fatal(err)
			}
			got := int64(0)
			err = c.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, func(data api.Value) error {
				got, _ = data.Get("n").Int()
				return nil
			})
			switch {
			case tt.kind == "" && (err != nil || got != 1):
				t.Errorf("%s, in pieces of %d: %d, %v", tt.name, piece, got, err)
			case tt.kind != "" && (err == nil || session.Kind(err) != tt.kind):
				t.Errorf("%s, in pieces of %d: %v, want a failure of kind %s", tt.name, piece, err, tt.kind)
			}
			c.Close()
		}
	}
}

func TestConnectionsAreUsedAgainWhereTheyCan(t *testing.T) {
	closing := strings.Replace(sized(sound), "\r\n", "\r\nConnection: Close\r\n", 1)
	for _, tt := range []struct {
		name    string
		answers []string
		want    int32 // connections for four requests
	}{
		{"kept", []string{sized(sound), sized(sound), sized(sound), sized(sound), sized(sound)}, 1},
		{"closed without a word", []string{sized(sound), sized(sound)}, 2},
		{"announced", []string{closing, sized(sound)}, 4},
		{"more than was asked for", []string{sized(sound) + sized(sound), sized(sound)}, 4},
	} {
		target, connections := scripted(t, 1<<20, tt.answers...)
		c, err := New(t.Context(), Options{Target: target})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if err := c.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, nil); err != nil {
				t.Errorf("%s: request %d: %v", tt.name, i, err)
			}
		}
		if n := connections.Load(); n != tt.want {
			t.Errorf("%s: %d connections, want %d", tt.name, n, tt.want)
		}
		c.Close()
	}
}

func TestARequestWithALineBreakIsNotSent(t *testing.T) {
	target, connections := scripted(t, 1<<20, sized(sound))
	c, err := New(t.Context(), Options{Target: target})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Call(t.Context(), session.Request{Method: "GET", Path: "/", Token: "a\r\nHost: b"}, nil)
	if session.Kind(err) != session.KindProtocol || connections.Load() != 0 {
		t.Errorf("%v, %d connections", err, connections.Load())
	}
}

// A deadline that lies before the one that is wanted stays armed, and its passing
// is nothing that anybody hears of.
func TestADeadlineThatIsArmedTooEarlyIsMoved(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	s := stream{client: &Client{timeout: time.Second, epoch: time.Now()}, nc: client}
	near, far := time.Now().Add(time.Millisecond), time.Now().Add(time.Minute)
	if err := s.fill(near); err != session.ErrTimeout {
		t.Fatalf("%v, want a timeout", err)
	}
	go server.Write([]byte("x"))
	if err := s.fill(far); err != nil || string(s.unread()) != "x" {
		t.Errorf("%q, %v", s.unread(), err)
	}
	client.Close()
	if err := s.fill(far); err == nil {
		t.Error("read from a closed pipe")
	}
}

func FuzzHead(f *testing.F) {
	f.Add([]byte(sized(sound)))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive, close\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := headEnd(b)
		if n < 0 || n > len(b) || err != nil && n != 0 {
			t.Fatalf("a head of %d bytes of %d, %v", n, len(b), err)
		}
		if n > 0 {
			var h httpHead
			err := h.parse(b[:n])
			if err == nil && (h.status < 100 || h.status > 999 || h.length < -1 || h.chunked && h.length >= 0) {
				t.Errorf("%+v", h)
			}
		}
		if text, n, err := cutLine(b); err == nil && n > 0 {
			if size, err := parseChunk(text); err == nil && size < 0 {
				t.Errorf("a chunk of %d", size)
			}
		}
	})
}

// BenchmarkCall is one request and its answer, with what the server of the
// benchmark spends on them.
func BenchmarkCall(b *testing.B) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	answer := []byte(sized(sound))
	acceptAll(l, func(nc net.Conn) {
		for buf := make([]byte, 4096); ; {
			if _, err := nc.Read(buf); err != nil {
				return
			}
			if _, err := nc.Write(answer); err != nil {
				return
			}
		}
	})
	c, err := New(context.Background(), Options{Target: "http://" + l.Addr().String()})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	r := session.Request{Method: "GET", Path: "/api/guest/0"}
	read := func(api.Value) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Call(b.Context(), r, read); err != nil {
			b.Fatal(err)
		}
	}
}
