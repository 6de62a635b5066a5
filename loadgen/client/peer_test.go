package client

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"guestload/server/api"
)

// peer is the other side of a connection: an independent implementation of
// WebSocket, with just enough of the contract around it.
type peer struct {
	t   *testing.T
	ws  *websocket.Conn
	sio bool
}

// listen serves HTTP with handle and, on both WebSocket paths, talk, which
// begins once the guest is connected. It returns the target.
func listen(t *testing.T, handle fasthttp.RequestHandler, talk func(p *peer)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + serve(t, l, handle, talk)
}

// serve is listen on a listener of the caller's; it returns host and port.
func serve(t *testing.T, l net.Listener, handle fasthttp.RequestHandler, talk func(p *peer)) string {
	t.Helper()
	upgrader := websocket.FastHTTPUpgrader{CheckOrigin: func(*fasthttp.RequestCtx) bool { return true }}
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		path := string(ctx.Path())
		if path != api.PathJSON && path != api.PathSocketIO || talk == nil {
			handle(ctx)
			return
		}
		authorization := string(ctx.Request.Header.Peek("Authorization"))
		if path == api.PathJSON && authorization != "Bearer good" {
			ctx.SetStatusCode(401)
			ctx.SetBodyString(`{"success":false,"message":"Invalid token"}`)
			return
		}
		if err := upgrader.Upgrade(ctx, func(ws *websocket.Conn) {
			defer ws.Close()
			p := &peer{t: t, ws: ws, sio: path == api.PathSocketIO}
			if p.welcome() {
				talk(p)
			}
		}); err != nil {
			t.Error(err)
		}
	}}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

func (p *peer) welcome() bool {
	if p.sio {
		p.text(`0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":60000,"maxPayload":65536}`)
		if got := p.read(); got != `40{"token":"good"}` {
			p.text(`44{"message":"Invalid token"}`)
			return false
		}
		p.text(`40{"sid":"y"}`)
	}
	p.emit(api.EventEstablished, map[string]any{"userId": "guest_1"})
	return true
}

func (p *peer) text(s string) {
	if err := p.ws.WriteMessage(websocket.TextMessage, []byte(s)); err != nil {
		p.t.Error(err)
	}
}

func (p *peer) read() string {
	_, b, err := p.ws.ReadMessage()
	if err != nil {
		return "error: " + err.Error()
	}
	return string(b)
}

func (p *peer) emit(event string, data any) {
	d, _ := json.Marshal(data)
	if p.sio {
		p.text(fmt.Sprintf(`42[%q,%s]`, event, d))
	} else {
		p.text(fmt.Sprintf(`{"event":%q,"data":%s}`, event, d))
	}
}

// hear reads one event and returns it as "event data".
func (p *peer) hear() string {
	s := p.read()
	if p.sio {
		s = strings.TrimSuffix(strings.TrimPrefix(s, `42["`), `]`)
		return strings.Replace(s, `",`, " ", 1)
	}
	var e struct {
		Event string
		Data  json.RawMessage
	}
	if err := json.Unmarshal([]byte(s), &e); err != nil {
		return s
	}
	return e.Event + " " + string(e.Data)
}

// framings are tested alike.
func eachFraming(t *testing.T, test func(t *testing.T, f api.Framing)) {
	for _, f := range []api.Framing{api.JSON, api.SocketIO} {
		t.Run(f.String(), func(t *testing.T) { test(t, f) })
	}
}

func newClient(t *testing.T, target string, f api.Framing) *Client {
	t.Helper()
	c, err := New(t.Context(), Options{Target: target, Framing: f, Access: Access{Timeout: 5 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func notFound(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(404) }

func soon() time.Time { return time.Now().Add(5 * time.Second) }
