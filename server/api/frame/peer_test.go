package frame_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"guestload/server/api/frame"
)

// The tests below let this package talk to another implementation of RFC 6455
// over real sockets, once as the server and once as the client.

const (
	limit    = 1 << 20
	patience = 10 * time.Second
)

// loop is the smallest frame loop: it reads conn until a whole message is there.
type loop struct {
	conn net.Conn
	side frame.Side
	buf  []byte
	have []byte // read, and not yet parsed
	asm  frame.Assembler
}

func (l *loop) next() (frame.Message, error) {
	for {
		f, n, err := frame.Parse(l.have, l.side, limit)
		if err != nil {
			return frame.Message{}, err
		}
		if n > 0 {
			l.have = l.have[n:]
			if m, ok, err := l.asm.Add(f, limit); ok || err != nil {
				return m, err
			}
			continue
		}
		l.buf = append(l.buf[:0:0], l.have...)
		l.buf = append(l.buf, make([]byte, 700)...)
		got, err := l.conn.Read(l.buf[len(l.have):])
		if err != nil {
			return frame.Message{}, err
		}
		l.have = l.buf[:len(l.have)+got]
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

var sizes = []int{0, 1, 20, 125, 126, 127, 1000, 65535, 65536, 300_000}

func textOf(size int) string { return strings.Repeat("ab€", size/5) + strings.Repeat("x", size%5) }

// TestServerUnderstandsAnotherClient: the other's client talks to our frames.
func TestServerUnderstandsAnotherClient(t *testing.T) {
	ln := listen(t)
	served := make(chan error, 1)
	go func() { served <- serveEcho(ln) }()

	// A small write buffer makes the client send its messages in fragments.
	dialer := websocket.Dialer{WriteBufferSize: 64, HandshakeTimeout: patience}
	conn, _, err := dialer.DialContext(t.Context(), "ws://"+ln.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := errors.Join(conn.SetReadDeadline(time.Now().Add(patience)), conn.SetWriteDeadline(time.Now().Add(patience))); err != nil {
		t.Fatal(err)
	}
	var pong string
	conn.SetPongHandler(func(data string) error { pong = data; return nil })
	for _, size := range sizes {
		if err := conn.WriteControl(websocket.PingMessage, []byte("alive?"), time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if err := conn.WriteMessage(websocket.TextMessage, []byte(textOf(size))); err != nil {
			t.Fatal(err)
		}
		kind, data, err := conn.ReadMessage()
		if err != nil || kind != websocket.TextMessage || string(data) != textOf(size) {
			t.Fatalf("%d bytes: got %d of kind %d, error %v", size, len(data), kind, err)
		}
		if pong != "alive?" {
			t.Fatalf("the pong says %q", pong)
		}
	}
	if err := conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "done")); err != nil {
		t.Fatal(err)
	}
	_, _, err = conn.ReadMessage()
	if fault, ok := errors.AsType[*websocket.CloseError](err); !ok || fault.Code != 4001 || fault.Text != "you said done" {
		t.Fatalf("got %v, want our close", err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
}

// serveEcho upgrades one connection and sends back what it hears, until it
// hears a close.
func serveEcho(ln net.Listener) error {
	conn, err := ln.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		accept(request.Header.Get("Sec-WebSocket-Key"))); err != nil {
		return err
	}
	l := loop{conn: conn, side: frame.Server}
	for {
		m, err := l.next()
		if err != nil {
			return err
		}
		var out []byte
		switch m.Op {
		case frame.Ping:
			out = frame.Append(nil, frame.Pong, m.Payload)
		case frame.Close:
			_, reason, err := frame.ParseClose(m.Payload)
			if err != nil {
				return err
			}
			_, err = conn.Write(frame.AppendClose(nil, frame.Replaced, "you said "+string(reason)))
			return err
		default:
			out = frame.Append(nil, m.Op, m.Payload)
		}
		if _, err := conn.Write(out); err != nil {
			return err
		}
	}
}

func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestClientUnderstandsAnotherServer: our frames talk to the other's server.
func TestClientUnderstandsAnotherServer(t *testing.T) {
	ln := listen(t)
	upgrader := websocket.FastHTTPUpgrader{WriteBufferSize: 64}
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if err := upgrader.Upgrade(ctx, echo); err != nil {
			ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		}
	}}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()

	conn := dial(t, ln.Addr().String())
	l := loop{conn: conn, side: frame.Client}
	for _, size := range sizes {
		out := frame.AppendMasked(nil, frame.Ping, newKey(t), "alive?")
		out = frame.AppendMasked(out, frame.Text, newKey(t), textOf(size))
		if _, err := conn.Write(out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []frame.Message{{Op: frame.Pong, Payload: []byte("alive?")}, {Op: frame.Text, Payload: []byte(textOf(size))}} {
			m, err := l.next()
			if err != nil || m.Op != want.Op || !bytes.Equal(m.Payload, want.Payload) {
				t.Fatalf("%d bytes: got %d with opcode %d, error %v", size, len(m.Payload), m.Op, err)
			}
		}
	}
	if _, err := conn.Write(frame.AppendMaskedClose(nil, newKey(t), frame.SessionEnded, "done")); err != nil {
		t.Fatal(err)
	}
	m, err := l.next()
	if err != nil || m.Op != frame.Close {
		t.Fatalf("got opcode %d, error %v, want a close", m.Op, err)
	}
	if code, reason, err := frame.ParseClose(m.Payload); code != frame.SessionEnded || err != nil {
		t.Fatalf("got close %s %q, error %v", code, reason, err)
	}
	_ = conn.Close()
	if err := errors.Join(server.Shutdown(), <-served); err != nil {
		t.Fatal(err)
	}
}

// echo sends back what it hears, in fragments.
func echo(conn *websocket.Conn) {
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		w, err := conn.NextWriter(kind)
		if err != nil {
			return
		}
		if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
			return
		}
		if err := w.Close(); err != nil {
			return
		}
	}
}

// dial connects and does the opening handshake by hand.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", address, key); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Sec-WebSocket-Accept") != accept(key) {
		t.Fatalf("the handshake was answered with %s", response.Status)
	}
	if r.Buffered() > 0 {
		t.Fatalf("%d bytes came before anything was asked", r.Buffered())
	}
	return conn
}

func newKey(t *testing.T) (key [4]byte) {
	t.Helper()
	if _, err := rand.Read(key[:]); err != nil {
		t.Fatal(err)
	}
	return key
}
