package httpd

import (
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
)

// open sends the Engine.IO handshake and waits for the client to enter the namespace.
func (st *stream) open() {
	st.say(frame.Append(nil, frame.Text, api.AppendOpen(nil, newSID())))
	st.await()
}

// await gives the client ConnectTime to enter the namespace.
func (st *stream) await() {
	conn := st.conn
	st.entry = time.AfterFunc(st.server.entry, func() {
		conn.Interject(frame.AppendClose(nil, frame.PolicyViolation, textNoEntry))
		_ = conn.Finish()
	})
}

const textNoEntry = "Connect to a namespace was not received in time"

// enter answers a Socket.IO CONNECT. A client whose token is refused may try again
// until its time is over, as with the official server. A storage fault closes the
// transport: a refusal would tell the official client never to come back.
func (st *stream) enter(p api.Packet) {
	if p.Namespace != "" {
		st.packet(api.AppendNamespaceRefusal(nil, p.Namespace))
		return
	}
	if st.entry == nil {
		st.refuse(frame.ProtocolError, api.TextMalformed)
		return
	}
	token := api.ParseConnect(p.Data)
	if len(token) == 0 {
		token = st.token
	}
	session, err := st.server.authenticate(token)
	if err != nil {
		if text, ok := stranger(err, api.TextAuthRequired); ok {
			st.packet(api.AppendRefusal(nil, text))
			return
		}
		st.server.log.Warn("socket refused", "error", err)
		st.refuse(frame.InternalError, api.TextUnavailable)
		return
	}
	if !st.entry.Stop() {
		st.over = true // too late: it is being closed
		return
	}
	st.entry = nil
	st.connect(session)
}

// exit acts on a Socket.IO DISCONNECT: the guest leaves, and the transport stays
// open for another CONNECT.
func (st *stream) exit() {
	if st.client == nil {
		st.refuse(frame.ProtocolError, api.TextMalformed)
		return
	}
	free := st.client.Leave()
	st.client = nil
	switch {
	case !free:
		st.over = true
	case st.server.streams.unnamed(st):
		st.await()
	default:
		st.over = true
		st.goAway()
	}
}

// packet writes an Engine.IO text while the Node does not write to the socket.
func (st *stream) packet(text []byte) {
	st.say(frame.Append(nil, frame.Text, text))
}
