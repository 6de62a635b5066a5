package httpd_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
)

// wire is a guest's end of a socket.
type wire struct {
	t       testing.TB
	conn    net.Conn
	in      *bufio.Reader
	framing api.Framing
	buf     []byte
	joined  frame.Assembler
}

const handshake = "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// dial opens a socket; ahead is sent in the same packet as the handshake.
func (b *backend) dial(t testing.TB, f api.Framing, path string, ahead ...byte) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(append([]byte(fmt.Sprintf(handshake, path)), ahead...)); err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, conn: conn, in: bufio.NewReader(conn), framing: f}
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	return w
}

// join opens a guest's socket, and waits until it is established.
func (b *backend) join(t testing.TB, f api.Framing, p person) *wire {
	t.Helper()
	if f == api.JSON {
		w := b.dial(t, f, "/ws?token="+p.token)
		w.expect(api.EventEstablished)
		return w
	}
	w := b.dial(t, f, "/socket.io/?EIO=4&transport=websocket")
	if text := w.text(); !strings.HasPrefix(text, `0{"sid":"`) {
		t.Fatalf("got %s", text)
	}
	w.say(connectPacket(p.token))
	if text := w.text(); !strings.HasPrefix(text, `40{"sid":"`) {
		t.Fatalf("got %s", text)
	}
	w.expect(api.EventEstablished)
	return w
}

func masked(op frame.Op, payload string) []byte {
	return frame.AppendMasked(nil, op, [4]byte{1, 2, 3, 4}, payload)
}

func (w *wire) send(op frame.Op, payload string) {
	w.t.Helper()
	if _, err := w.conn.Write(masked(op, payload)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) say(text string) { w.t.Helper(); w.send(frame.Text, text) }

func (w *wire) emit(event, data string) {
	w.t.Helper()
	var value []byte // nil for none
	if data != "" {
		value = []byte(data)
	}
	w.say(string(api.AppendEvent(nil, w.framing, event, value)))
}

// next returns the next message, or the error that ended the socket.
func (w *wire) next() (frame.Message, error) {
	for {
		f, n, err := frame.Parse(w.buf, frame.Client, 1<<20)
		if err != nil {
			return frame.Message{}, err
		}
		if n > 0 {
			w.buf = w.buf[n:]
			if m, whole, err := w.joined.Add(f, 1<<20); err != nil || whole {
				return m, err
			}
			continue
		}
		chunk := make([]byte, 4096)
		got, err := w.in.Read(chunk)
		if w.buf = append(w.buf, chunk[:got]...); err != nil && got == 0 {
			return frame.Message{}, err
		}
	}
}

// text returns the next text message.
func (w *wire) text() string {
	w.t.Helper()
	m, err := w.next()
	if err != nil || m.Op != frame.Text {
		w.t.Fatalf("got %v %q, %v; want a text", m.Op, m.Payload, err)
	}
	return string(m.Payload)
}

// expect skips to the next event of a name and returns its data.
func (w *wire) expect(event string) string {
	w.t.Helper()
	for {
		text := w.text()
		p, err := api.Decode(w.framing, []byte(text))
		if err != nil {
			w.t.Fatalf("%s: %v", text, err)
		}
		if p.Kind == api.Event && p.Event == event {
			return string(p.Data)
		}
		if p.Kind == api.Event && p.Event == api.EventError {
			w.t.Fatalf("waiting for %s: %s", event, text)
		}
	}
}

// end skips to the close frame, checks that the connection then ends, and
// returns the code with all texts on the way.
func (w *wire) end() (code frame.Code, texts []string) {
	w.t.Helper()
	for {
		m, err := w.next()
		switch {
		case errors.Is(err, io.EOF):
			w.t.Fatalf("the connection ends without a close frame, after %q", texts)
		case err != nil:
			w.t.Fatalf("%v, after %q", err, texts)
		case m.Op == frame.Text:
			texts = append(texts, string(m.Payload))
		case m.Op == frame.Close:
			code, _, err := frame.ParseClose(m.Payload)
			if err != nil {
				w.t.Fatal(err)
			}
			_ = w.conn.(*net.TCPConn).CloseWrite()
			if _, err := w.next(); !errors.Is(err, io.EOF) {
				w.t.Fatalf("after the close frame: %v", err)
			}
			return code, texts
		}
	}
}

// connectPacket is what a client enters the default namespace with.
func connectPacket(token string) string { return `40{"token":"` + token + `"}` }
