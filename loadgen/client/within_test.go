package client

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"guestload/loadgen/session"
	"guestload/server/api"
)

// A request or handshake fails when its own limit passes, wherever it is by then,
// and the error names the limit. The client's timeout, which is far longer, holds for the others.
func TestWhatHasALimitFailsWhenThatPasses(t *testing.T) {
	const within = 100 * time.Millisecond
	request := func(t *testing.T, c *Client) error {
		return c.Call(t.Context(), session.Request{Method: "POST", Path: "/api/guest", Within: within}, nil)
	}
	dial := func(t *testing.T, c *Client) error {
		_, err := c.Dial(t.Context(), session.Handshake{Token: "good", Within: within}, nil)
		return err
	}
	busy := func(t *testing.T, c *Client) error {
		for range cap(c.slots) {
			c.slots <- struct{}{}
		}
		return request(t, c)
	}
	switching := func(c *Client) string {
		return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + c.accept + "\r\n\r\n"
	}
	for _, tt := range []struct {
		name    string
		target  string // its scheme and framing
		framing api.Framing
		says    func(c *Client) string // what the server answers before it falls silent
		ask     func(t *testing.T, c *Client) error
		want    string
	}{
		{"request", "http", api.JSON, nil, request, "POST /api/guest: no answer within 100ms: timeout"},
		{"request without a free connection", "http", api.JSON, nil, busy, "POST /api/guest: no answer within 100ms: timeout: all 2 connections were busy"},
		{"request, half a head", "http", api.JSON, func(*Client) string { return "HTTP/1.1 20" }, request, "POST /api/guest: no answer within 100ms: timeout"},
		{"request, half a body", "http", api.JSON, func(*Client) string { return "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{" }, request,
			"POST /api/guest: no answer within 100ms: timeout"},
		{"request, TLS", "https", api.JSON, nil, request, "POST /api/guest: no answer within 100ms: tls handshake: timeout"},
		{"socket", "http", api.JSON, nil, dial, "connect: no answer within 100ms: handshake: timeout"},
		{"socket, TLS", "https", api.JSON, nil, dial, "connect: no answer within 100ms: tls handshake: timeout"},
		{"socket that is not greeted", "http", api.JSON, switching, dial, "connect: no answer within 100ms: waiting for connection:established: timeout"},
		{"Engine.IO that is not opened", "http", api.SocketIO, switching, dial, "connect: no answer within 100ms: socket.io open: timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var c *Client
			ready := make(chan struct{})
			handled := acceptAll(l, func(nc net.Conn) {
				if tt.says != nil {
					<-ready
					if _, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
						io.WriteString(nc, tt.says(c))
					}
				}
				io.Copy(io.Discard, nc)
			})
			defer handled()
			defer l.Close()
			c, err = New(t.Context(), Options{Target: tt.target + "://" + l.Addr().String(), Framing: tt.framing,
				Access: Access{Timeout: time.Hour}, Conns: 2})
			if err != nil {
				t.Fatal(err)
			}
			close(ready)
			defer c.Close()
			begin := time.Now()
			err = tt.ask(t, c)
			if err == nil || err.Error() != tt.want || session.Kind(err) != session.KindTimeout {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if took := time.Since(begin); took < within {
				t.Errorf("it failed after %v", took)
			}
		})
	}
}

// The limit of opening a socket ends with that: the socket lives on.
func TestASocketOutlivesTheLimitOfOpeningIt(t *testing.T) {
	const within = 200 * time.Millisecond
	say := make(chan struct{})
	c := newClient(t, listen(t, nil, func(p *peer) {
		<-say
		p.emit("user:match:searching", nil)
		p.ws.ReadMessage()
	}), api.JSON)
	conn, err := c.Dial(t.Context(), session.Handshake{Token: "good", Within: within}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(session.Abrupt)
	if _, err := conn.Next(time.Now().Add(2 * within)); session.Kind(err) != session.KindTimeout {
		t.Fatalf("%v, want a timeout: the server is silent", err)
	}
	close(say)
	if ev, err := conn.Next(soon()); err != nil || ev.Event != "user:match:searching" {
		t.Errorf("%q, %v", ev.Event, err)
	}
	if err := conn.Send("user:match:cancel", nil); err != nil {
		t.Error(err)
	}
}
