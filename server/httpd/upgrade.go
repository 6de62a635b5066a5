package httpd

import (
	"bytes"
	"crypto/rand"
	"net"
	"net/netip"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/httpd/limit"
	"guestload/server/httpd/socket"
)

// newcomer is what the handshake has told of a socket.
type newcomer struct {
	address netip.Addr
	framing api.Framing
	session guest.Session // whose it is: only on /ws, where the handshake says
	token   []byte        // of the query, on /socket.io/; nil for none
}

// upgrade turns a request into a socket, or answers why not.
func (s *Server) upgrade(ctx *fasthttp.RequestCtx, f api.Framing) {
	who := newcomer{framing: f}
	if !s.eligible(ctx, &who) {
		s.secure(ctx)
		s.share(ctx)
		return
	}
	u := websocket.FastHTTPUpgrader{
		ReadBufferSize: 128, WriteBufferSize: 128, // of a websocket.Conn that is dropped at once
		CheckOrigin: func(*fasthttp.RequestCtx) bool { return true }, // has been
		Error:       func(ctx *fasthttp.RequestCtx, _ int, _ error) { notWebSocket(ctx) },
	}
	taken := func(c *websocket.Conn) {
		// This goroutine keeps the RequestCtx from being used again, and its stack
		// has seen the greeting: the socket lives on another.
		if st := s.accept(c.NetConn(), who); st != nil {
			go st.run()
		}
	}
	if u.Upgrade(ctx, taken) != nil {
		s.secure(ctx)
		s.share(ctx)
	}
}

// eligible reports whether the request may become a socket, or answers why not.
// What it learns is in who, with nothing of the request kept.
func (s *Server) eligible(ctx *fasthttp.RequestCtx, who *newcomer) bool {
	if !ctx.IsGet() {
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET")
		fail(ctx, fasthttp.StatusMethodNotAllowed, api.TextMethodNotAllowed)
		return false
	}
	if who.framing == api.SocketIO && !engineRequest(ctx) {
		return false
	}
	if !websocket.FastHTTPIsWebSocketUpgrade(ctx) {
		notWebSocket(ctx)
		return false
	}
	if !isWebSocketKey(&ctx.Request.Header) {
		fail(ctx, fasthttp.StatusBadRequest, textWebSocketKey)
		return false
	}
	if !s.fromAllowedOrigin(ctx) {
		s.hints.foreign(ctx.Request.Header.Peek(fasthttp.HeaderOrigin))
		fail(ctx, fasthttp.StatusForbidden, textOriginForbidden)
		return false
	}
	if s.state.Load() == draining {
		unavailable(ctx)
		return false
	}
	who.address = s.client(ctx)
	switch s.counters.sockets.Room(who.address) {
	case limit.TotalFull:
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, "5")
		fail(ctx, fasthttp.StatusServiceUnavailable, textTooManySockets)
		return false
	case limit.KeyFull:
		s.limited(ctx)
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, "5")
		fail(ctx, fasthttp.StatusTooManyRequests, textTooManySockets)
		return false
	}
	token := ctx.QueryArgs().Peek("token")
	if who.framing == api.SocketIO {
		who.token = bytes.Clone(token)
		return true
	}
	if header := bearer(ctx); len(header) > 0 {
		token = header
	}
	session, err := s.authenticate(token)
	if err != nil {
		s.unauthorized(ctx, err)
		return false
	}
	who.session = session
	return true
}

// engineRequest checks what Engine.IO asks of a handshake, or answers as
// engine.io does. Its client falls over from polling to WebSocket by that.
func engineRequest(ctx *fasthttp.RequestCtx) bool {
	query := ctx.QueryArgs()
	body := ""
	switch transport := string(query.Peek("transport")); {
	case transport != "websocket" && transport != "polling":
		body = api.BodyUnknownTransport
	case string(query.Peek("EIO")) != "4":
		body = api.BodyUnsupportedProtocol
	case query.Has("sid"):
		body = api.BodyUnknownSession
	case transport == "polling":
		body = api.BodyBadRequest
	default:
		return true
	}
	ctx.SetStatusCode(fasthttp.StatusBadRequest)
	ctx.SetBodyString(body)
	return false
}

func notWebSocket(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderUpgrade, "websocket")
	h.Set(fasthttp.HeaderSecWebSocketVersion, "13")
	fail(ctx, fasthttp.StatusUpgradeRequired, textUpgradeNeeded)
}

// accept takes the connection out of fasthttp's hands and greets. It returns
// nil where the socket ended at that.
func (s *Server) accept(hijacked net.Conn, who newcomer) *stream {
	nc, ahead := takeOut(hijacked)
	st := &stream{
		server: s, conn: socket.New(nc, ahead), address: who.address, framing: who.framing, token: who.token,
	}
	// Not before: fasthttp does not call us where its answer could not be sent,
	// and nobody would give the place back.
	if s.counters.sockets.Acquire(who.address) != limit.Granted {
		_ = nc.Close()
		return nil
	}
	switch {
	case !s.streams.enter(st):
		st.goAway()
	case who.framing == api.SocketIO:
		st.open()
	default:
		st.connect(who.session)
	}
	return st
}

// takeOut returns the connection behind fasthttp's, and what fasthttp had read
// of it beyond the request.
func takeOut(hijacked net.Conn) (nc net.Conn, ahead []byte) {
	inner, ok := hijacked.(interface{ UnsafeConn() net.Conn })
	if !ok {
		return hijacked, nil
	}
	nc = inner.UnsafeConn()
	if c, ok := nc.(*conn); ok {
		c.becomesSocket()
	}
	// With a deadline that has passed, a read gives what is buffered and never
	// gets as far as the connection.
	if nc.SetReadDeadline(time.Unix(1, 0)) != nil {
		return nc, nil
	}
	var buf [512]byte
	for {
		n, err := hijacked.Read(buf[:])
		ahead = append(ahead, buf[:n]...)
		if err != nil || n == 0 {
			break
		}
	}
	_ = nc.SetReadDeadline(time.Time{}) // a connection that is closed shows at the first read
	return nc, ahead
}

// newSID names an Engine.IO connection.
func newSID() string { return rand.Text()[:20] }
