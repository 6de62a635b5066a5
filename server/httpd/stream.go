package httpd

import (
	"errors"
	"net/netip"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/guest"
	"guestload/server/httpd/limit"
	"guestload/server/httpd/socket"
	"guestload/server/realtime"
)

// stream reads the frames of one socket and hands its events to the Node. All
// methods but goAway belong to the goroutine that runs it.
type stream struct {
	server  *Server
	conn    *socket.Conn
	client  *realtime.Client // nil until it is known whose the socket is
	token   []byte           // of the query on /socket.io/; nil for none
	entry   *time.Timer      // closes a Socket.IO transport outside the namespace; nil inside it
	frames  frame.Assembler
	events  limit.Bucket
	address netip.Addr
	framing api.Framing
	over    bool // nothing more is listened to
}

// run reads until the end, which it tells.
func (st *stream) run() {
	_ = st.conn.Serve(st.feed) // why it ended makes no difference to anybody
	st.leave()
	st.server.streams.leave(st)
	st.server.counters.sockets.Release(st.address)
}

// leave tells the Node that the guest is gone.
func (st *stream) leave() {
	st.over = true
	if st.entry != nil {
		st.entry.Stop()
		st.entry = nil
	}
	if st.client != nil {
		st.client.Closed()
		st.client = nil
	}
}

// feed takes the whole frames of p. Each counts as an event, whatever it is: a ping or
// an empty fragment costs the server as much, and the client less.
func (st *stream) feed(p []byte) (done int) {
	if st.client != nil {
		st.client.Heard()
	}
	for !st.over {
		f, n, err := frame.Parse(p[done:], frame.Server, api.MaxBody)
		if err != nil {
			st.broken(err)
			break
		}
		if n == 0 {
			return done
		}
		done += n
		if s := st.server; s.counters.events.Burst > 0 && !st.events.Take(s.counters.events, s.now()) {
			st.refuse(frame.TooManyEvents, api.TextTooManyEvents)
			break
		}
		m, whole, err := st.frames.Add(f, api.MaxBody)
		if err != nil {
			st.broken(err)
			break
		}
		if whole {
			st.message(m)
		}
	}
	return len(p)
}

func (st *stream) message(m frame.Message) {
	switch m.Op {
	case frame.Text:
		st.text(m.Payload)
	case frame.Binary:
		st.refuse(frame.UnsupportedData, textBinary)
	case frame.Ping:
		var room [frame.MaxHeader + frame.MaxControl]byte
		st.conn.Interject(frame.Append(room[:0], frame.Pong, m.Payload))
	case frame.Close:
		code, _, err := frame.ParseClose(m.Payload)
		if err != nil {
			st.broken(err)
			return
		}
		st.goodbye(code)
	}
}

// text acts on one packet.
func (st *stream) text(payload []byte) {
	p, err := api.Decode(st.framing, payload)
	switch {
	case errors.Is(err, api.ErrBinary):
		st.refuse(frame.UnsupportedData, textBinary)
		return
	case errors.Is(err, api.ErrNamespace):
		st.refuse(frame.ProtocolError, api.TextInvalidNamespace)
		return
	case err != nil:
		st.refuse(frame.ProtocolError, api.TextMalformed)
		return
	}
	switch p.Kind {
	case api.Event:
		if st.client == nil {
			st.refuse(frame.PolicyViolation, api.TextAuthRequired)
			return
		}
		st.server.metrics.event(p.Event)
		st.client.Handle(p.Inbound)
	case api.Connect:
		st.enter(p)
	case api.Disconnect:
		st.exit()
	case api.EngineClose:
		st.goodbye(frame.Normal)
	case api.EnginePong, api.EngineNoop, api.Ack:
	default:
		st.refuse(frame.ProtocolError, api.TextMalformed)
	}
}

// connect makes the socket the guest's. Where the Node refuses, the socket is
// closed with a code.
func (st *stream) connect(session guest.Session) {
	st.server.streams.named(st)
	client, err := st.server.node.Connect(background(), session, st.framing, st.conn)
	if err != nil {
		code := frame.InternalError
		if errors.Is(err, realtime.ErrDraining) {
			code = frame.GoingAway
		}
		st.server.log.Warn("socket refused", "guest", session.ID, "error", err)
		st.refuse(code, api.TextUnavailable)
		return
	}
	st.client = client
}

// refuse ends the socket because of what its peer did.
func (st *stream) refuse(code frame.Code, text string) {
	st.over = true
	if st.client != nil {
		st.client.Refuse(code, text)
		return
	}
	st.say(frame.AppendClose(nil, code, text))
	_ = st.conn.Finish()
}

// broken ends a socket whose peer breaks the WebSocket protocol.
func (st *stream) broken(err error) {
	var fault *frame.Error
	if errors.As(err, &fault) {
		st.refuse(fault.Code, fault.Reason)
		return
	}
	st.refuse(frame.ProtocolError, api.TextMalformed)
}

// goodbye answers a peer who closes; the partner hears of it at once.
func (st *stream) goodbye(code frame.Code) {
	st.say(frame.AppendClose(nil, code, ""))
	_ = st.conn.Finish()
	st.leave()
}

// goAway ends a socket that is nobody's yet, from any goroutine.
func (st *stream) goAway() {
	st.say(frame.AppendClose(nil, frame.GoingAway, api.TextGoingAway))
	_ = st.conn.Finish()
}

// say writes a frame of the connection's own between those of the Node.
func (st *stream) say(frame []byte) { st.conn.Interject(frame) }

const textBinary = "Binary messages are not supported"
