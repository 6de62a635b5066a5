package liar

import (
	"encoding/json"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"guestload/server/api"
)

// guest is a session, and whom it talks to. Guarded by the server's lock.
type guest struct {
	server            *Server
	id, session, name string
	socket            *socket // nil: none
	partner, last     *guest  // of now, and of the chat before
	is, wants         traits
	held              *holding // nil: no message is held back to be swapped
}

// socket is one connection and what waits to be written to it.
type socket struct {
	conn *websocket.Conn
	out  chan []byte
}

// outbox is how many events may wait for a guest that does not read.
const outbox = 4096

func (s *Server) accept(ctx *fasthttp.RequestCtx) {
	g := s.authenticate(ctx)
	if g == nil {
		fail(ctx, 401, api.TextInvalidToken)
		return
	}
	if err := s.upgrader.Upgrade(ctx, func(conn *websocket.Conn) { s.serve(g, conn) }); err != nil {
		fail(ctx, 400, err.Error())
	}
}

// serve reads one socket until it ends.
func (s *Server) serve(g *guest, conn *websocket.Conn) {
	sock := &socket{conn: conn, out: make(chan []byte, outbox)}
	if !s.open(g, sock) {
		conn.Close()
		return
	}
	defer s.sockets.Done()
	written := make(chan struct{})
	go func() {
		defer close(written)
		sock.write()
	}()
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			break
		}
		var in struct {
			Event string          `json:"event"`
			Data  json.RawMessage `json:"data"`
		}
		if json.Unmarshal(frame, &in) == nil {
			s.mu.Lock()
			if g.socket == sock {
				s.handle(g, in.Event, in.Data)
			}
			s.mu.Unlock()
		}
	}
	s.close(g, sock)
	conn.Close()
	<-written
}

// open makes sock the guest's socket, in the place of an older one.
func (s *Server) open(g *guest, sock *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		return false
	}
	s.sockets.Add(1)
	if old := g.socket; old != nil {
		g.send(api.EventError, object{"message": api.TextReplaced})
		s.unqueue(g)
		close(old.out)
	}
	g.socket = sock
	s.mu.online[g] = true
	g.send(api.EventEstablished, object{"userId": g.id, "username": g.name, "socketId": g.session, "isGuest": true, "sessionId": g.session})
	return true
}

func (s *Server) close(g *guest, sock *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.socket != sock {
		return
	}
	if s.lies(LeaveBehind) {
		s.mu.ghosts++
	}
	s.unqueue(g)
	g.socket = nil
	delete(s.mu.online, g)
	close(sock.out)
	if p := s.part(g); p != nil {
		p.send(api.EventRoomClosed, object{"userId": g.id, "username": g.name, "message": api.TextRoomClosed, "reason": api.ReasonDisconnected})
	}
}

// write writes what waits, and closes the connection when that has ended.
func (k *socket) write() {
	for frame := range k.out {
		k.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if k.conn.WriteMessage(websocket.TextMessage, frame) != nil {
			break
		}
	}
	k.conn.Close()
	for range k.out { // until it is closed, so that nobody waits
	}
}

// send queues one event, if the guest is there to hear it. The lock is held.
func (g *guest) send(event string, data object) {
	if g.socket == nil {
		return
	}
	frame, err := json.Marshal(object{"event": event, "data": data})
	if err != nil {
		return
	}
	select {
	case g.socket.out <- frame:
	default:
		g.socket.conn.Close()
	}
}
