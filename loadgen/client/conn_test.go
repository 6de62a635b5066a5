package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"guestload/loadgen/session"
	"guestload/server/api"
)

func dial(t *testing.T, c *Client) session.Conn {
	t.Helper()
	conn, err := c.Dial(t.Context(), session.Handshake{Token: "good"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(session.Abrupt) })
	return conn
}

func TestEventsGoBothWays(t *testing.T) {
	eachFraming(t, func(t *testing.T, f api.Framing) {
		heard := make(chan string, 3)
		c := newClient(t, listen(t, notFound, func(p *peer) {
			heard <- p.hear()
			p.emit("chat:message", map[string]any{"content": "grüß dich 😀"})
			p.emit("realtime:stats", map[string]any{"stats": strings.Repeat("x", 100_000)})
			heard <- p.hear()
			p.emit("user:matched", map[string]any{"roomId": strings.Repeat("r", 10_000)})
			p.read()
		}), f)
		conn := dial(t, c)
		if err := conn.Send("user:match", []byte(`{"language":"de"}`)); err != nil {
			t.Fatal(err)
		}
		if got := <-heard; got != `user:match {"language":"de"}` {
			t.Errorf("the peer heard %q", got)
		}
		ev := next(t, conn)
		if ev.Event != api.EventChatMessage || string(ev.Data.Get("content").Text()) != "grüß dich 😀" {
			t.Errorf("got %s %s", ev.Event, ev.Data)
		}
		if ev = next(t, conn); ev.Event != api.EventStats {
			t.Errorf("got %s", ev.Event)
		}
		long := strings.Repeat("ä", 40_000)
		if err := conn.Send("chat:message", api.AppendString(nil, long)); err != nil {
			t.Fatal(err)
		}
		if got := <-heard; got != `chat:message "`+long+`"` {
			t.Errorf("the peer heard %d bytes %.40q", len(got), got)
		}
		if ev = next(t, conn); len(ev.Data.Get("roomId").Text()) != 10_000 {
			t.Errorf("got %s %.40s", ev.Event, ev.Data)
		}
	})
}

func next(t *testing.T, conn session.Conn) api.Inbound {
	t.Helper()
	ev, err := conn.Next(soon())
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// A deadline that passes, even in the middle of a frame or of a fragmented
// message, leaves the connection as good as before.
func TestADeadlineHurtsNothing(t *testing.T) {
	eachFraming(t, func(t *testing.T, f api.Framing) {
		step := make(chan bool)
		c := newClient(t, listen(t, notFound, func(p *peer) {
			text := `{"event":"chat:message","data":{"content":"whole"}}`
			if p.sio {
				text = `42["chat:message",{"content":"whole"}]`
			}
			raw := p.ws.UnderlyingConn()
			whole := append([]byte{0x01, 10}, text[:10]...) // a first fragment
			whole = append(whole, 0x89, 1, 'p')             // a ping in between
			whole = append(whole, 0x80, byte(len(text)-10)) // the last one
			whole = append(whole, text[10:]...)
			for i := range whole {
				if i%7 == 3 {
					<-step
				}
				raw.Write(whole[i : i+1])
			}
			p.read() // until the end; answers pongs within
		}), f)
		conn := dial(t, c)
		for range 100 {
			ev, err := conn.Next(time.Now().Add(time.Millisecond))
			if err == nil {
				if string(ev.Data.Get("content").Text()) != "whole" {
					t.Errorf("got %s", ev.Data)
				}
				return
			}
			if err != session.ErrTimeout {
				t.Fatal(err)
			}
			select {
			case step <- true:
			case <-time.After(2 * time.Millisecond):
			}
		}
		t.Error("the message never came")
	})
}

func TestHeartbeatsAreAnswered(t *testing.T) {
	eachFraming(t, func(t *testing.T, f api.Framing) {
		pongs := make(chan string, 2)
		c := newClient(t, listen(t, notFound, func(p *peer) {
			p.ws.SetPongHandler(func(data string) error {
				pongs <- data
				return nil
			})
			p.ws.WriteControl(websocket.PingMessage, []byte("hello"), soon())
			if p.sio {
				p.text("2")
				pongs <- p.read()
			}
			p.read()
		}), f)
		conn := dial(t, c)
		want := []string{"hello"}
		if f == api.SocketIO {
			want = append(want, "3")
		}
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := conn.Next(time.Now().Add(10 * time.Millisecond)); err != session.ErrTimeout {
					t.Errorf("next: %v", err)
					return
				}
			}
		})
		for _, w := range want {
			if got := <-pongs; got != w {
				t.Errorf("answered %q, want %q", got, w)
			}
		}
		cancel()
		wg.Wait()
	})
}

func TestRefusalsTellTheReason(t *testing.T) {
	eachFraming(t, func(t *testing.T, f api.Framing) {
		c := newClient(t, listen(t, notFound, func(p *peer) { p.read() }), f)
		_, err := c.Dial(t.Context(), session.Handshake{Token: "bad"}, nil)
		if !errors.Is(err, session.ErrRefused) || !strings.Contains(err.Error(), "Invalid token") {
			t.Errorf("got %v, want refused with the server's words", err)
		}
	})
}

func TestAClosedConnectionTellsCodeAndReason(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(p *peer)
		want string
		kind string
	}{
		"close frame": {func(p *peer) {
			p.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4001, "Replaced"), soon())
			p.read()
		}, "4001 replaced Replaced", session.KindClosed},
		"end of stream": {func(p *peer) {}, "without a close frame", session.KindClosed},
		"reset": {func(p *peer) {
			hijacked := p.ws.UnderlyingConn().(interface{ UnsafeConn() net.Conn }).UnsafeConn()
			hijacked.(*net.TCPConn).SetLinger(0)
			hijacked.Close()
		}, "reset", session.KindReset},
		"masked frame": {func(p *peer) {
			p.ws.UnderlyingConn().Write([]byte{0x81, 0x80, 0, 0, 0, 0})
			p.read()
		}, "masked", session.KindProtocol},
		"not json": {func(p *peer) {
			p.text("42[nonsense")
			p.read()
		}, "malformed", session.KindProtocol},
		"binary": {func(p *peer) {
			p.ws.WriteMessage(websocket.BinaryMessage, []byte{1})
			p.read()
		}, "binary", session.KindProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			ready := make(chan bool)
			conn := dial(t, newClient(t, listen(t, notFound, func(p *peer) {
				<-ready
				test.end(p)
			}), api.JSON))
			close(ready)
			_, err := conn.Next(soon())
			if err == nil || !strings.Contains(err.Error(), test.want) || session.Kind(err) != test.kind {
				t.Errorf("got %v of kind %s, want %s with %q", err, session.Kind(err), test.kind, test.want)
			}
		})
	}
}

func TestEndings(t *testing.T) {
	for how, want := range map[session.Ending]string{
		session.Clean: "1000", session.Abrupt: "reset", session.HalfOpen: "nothing",
	} {
		seen := make(chan string, 1)
		c := newClient(t, listen(t, notFound, func(p *peer) {
			p.ws.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			_, _, err := p.ws.ReadMessage()
			var ne net.Error
			switch {
			case errors.As(err, &ne) && ne.Timeout():
				seen <- "nothing"
			case err != nil:
				seen <- err.Error()
			}
		}), api.JSON)
		conn := dial(t, c)
		if err := conn.Close(how); err != nil {
			t.Errorf("close: %v", err)
		}
		if got := <-seen; !strings.Contains(got, want) {
			t.Errorf("ending %d: the peer saw %q, want %q", how, got, want)
		}
		if silent := c.Silent(); silent != 0 != (how == session.HalfOpen) {
			t.Errorf("ending %d: %d silent sockets", how, silent)
		}
		if err := conn.Close(session.Abrupt); err != nil {
			t.Errorf("second close: %v", err)
		}
	}
}

func TestTheContextEndsAConnection(t *testing.T) {
	c := newClient(t, listen(t, notFound, func(p *peer) { p.read() }), api.JSON)
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := c.Dial(ctx, session.Handshake{Token: "good"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := conn.Next(soon().Add(time.Hour))
		done <- err
	}()
	cancel()
	if err := <-done; err == nil {
		t.Error("the connection outlives its context")
	}
	if _, err := c.Dial(ctx, session.Handshake{Token: "good"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("dial after the end: %v", err)
	}
}

func TestEventNamesAreMapped(t *testing.T) {
	heard := make(chan string, 1)
	target := listen(t, notFound, func(p *peer) {
		heard <- p.hear()
		p.emit("found", map[string]any{"x": 1})
		p.read()
	})
	c, err := New(t.Context(), Options{Target: target, Events: map[string]string{"user:match": "find", "user:matched": "found"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conn := dial(t, c)
	conn.Send("user:match", nil)
	if got := <-heard; got != "find " {
		t.Errorf("the peer heard %q", got)
	}
	if ev := next(t, conn); ev.Event != api.EventMatched {
		t.Errorf("got %q", ev.Event)
	}
}

func TestTLSTargets(t *testing.T) {
	lender := httptest.NewTLSServer(nil) // of a certificate
	defer lender.Close()
	l, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: lender.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	echo := make(chan bool)
	target := "https://" + serve(t, l, func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString(`{"success":true,"data":7}`) }, func(p *peer) {
		<-echo
		p.emit("user:matched", map[string]any{"roomId": p.hear()})
		p.read()
	})
	c := newClient(t, target, api.JSON)
	if _, err := c.Dial(t.Context(), session.Handshake{Token: "good"}, nil); err == nil {
		t.Error("a certificate that nobody vouches for was taken")
	}
	c.dialer.tls.RootCAs = x509.NewCertPool()
	c.dialer.tls.RootCAs.AddCert(lender.Certificate())
	if err := c.Call(t.Context(), session.Request{Method: "GET", Path: "/"}, nil); err != nil {
		t.Error(err)
	}
	conn := dial(t, c)
	if _, err := conn.Next(time.Now().Add(5 * time.Millisecond)); err != session.ErrTimeout {
		t.Errorf("next: %v, want a timeout", err)
	}
	conn.Send("user:match", nil)
	close(echo)
	if ev := next(t, conn); string(ev.Data.Get("roomId").Text()) != "user:match " {
		t.Errorf("got %s %s", ev.Event, ev.Data)
	}
	if err := conn.Close(session.Clean); err != nil {
		t.Error(err)
	}
}
