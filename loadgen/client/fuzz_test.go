package client

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"guestload/loadgen/session"
)

// recorded is a connection on which everything has come already.
type recorded struct {
	net.Conn
	in *bytes.Reader
}

func (r recorded) Read(b []byte) (int, error)       { return r.in.Read(b) }
func (r recorded) Write(b []byte) (int, error)      { return len(b), nil }
func (r recorded) SetReadDeadline(time.Time) error  { return nil }
func (r recorded) SetWriteDeadline(time.Time) error { return nil }

// readByStandard reads a response as net/http does.
func readByStandard(b []byte) (status int, body []byte, err error) {
	in := bufio.NewReader(bytes.NewReader(b))
	for {
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			return 0, nil, err
		}
		if r.StatusCode >= 200 {
			body, err := io.ReadAll(r.Body)
			return r.StatusCode, body, err
		}
	}
}

// FuzzResponse holds what the client reads of a response against what net/http
// does: it takes nothing that net/http refuses, and never reads anything else. It
// may refuse more.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		sized(sound), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + sized(sound), "HTTP/1.0 200 OK\r\n\r\nhello", "HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n0\r\nT: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 404 \r\nContent-Length:\t2 \r\n\r\nok",
		"HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nSet-Cookie: a=b\r\nConnection: close\r\n\r\n",
		"HTTP/1.0 200 0\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 5\r\nContent-Length: 2\r\n\r\nok",
	} {
		f.Add([]byte(seed))
	}
	client := &Client{epoch: time.Now(), timeout: time.Second, dialer: &dialer{}}
	f.Fuzz(func(t *testing.T, b []byte) {
		w := &wire{stream: stream{client: client, nc: recorded{in: bytes.NewReader(b)}}}
		defer w.forget()
		err := w.exchange(&session.Request{Method: "GET", Path: "/"}, time.Now().Add(time.Minute), false)
		a := &w.answer
		if err != nil || bytes.Contains(bytes.ToLower(b), []byte("content-encoding")) {
			return
		}
		status, body, err := readByStandard(b)
		if err != nil {
			t.Fatalf("%d %q is taken; net/http says: %v", a.status, a.body, err)
		}
		if status != a.status || !bytes.Equal(body, a.body) {
			t.Fatalf("%d %q; net/http reads %d %q", a.status, a.body, status, body)
		}
	})
}
