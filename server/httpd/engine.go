package httpd

import (
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
)

// open greets as Engine.IO does, and gives the client some time to enter the
// namespace.
func (st *stream) open(token []byte) {
	st.say(frame.Append(nil, frame.Text, api.AppendOpen(nil, newSID())))
	conn := st.conn
	st.entry = &entry{token: token, timer: time.AfterFunc(st.server.entry, func() {
		conn.Interject(frame.AppendClose(nil, frame.PolicyViolation, textNoEntry))
		_ = conn.Finish()
	})}
}

const textNoEntry = "Connect to a namespace was not received in time"

// enter answers a Socket.IO CONNECT. Who is refused may try again until the
// time is over, as with the original.
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
		token = st.entry.token
	}
	session, err := st.server.authenticate(token)
	if err != nil {
		text, ok := stranger(err, api.TextAuthRequired)
		if !ok {
			st.server.log.Warn("socket not let in", "error", err)
			text = api.TextUnavailable
		}
		st.packet(api.AppendRefusal(nil, text))
		return
	}
	if !st.entry.timer.Stop() {
		st.over = true // too late: it is being closed
		return
	}
	st.entry = nil
	st.connect(session)
}

// packet writes a text of Engine.IO while nobody else writes yet.
func (st *stream) packet(text []byte) {
	st.say(frame.Append(nil, frame.Text, text))
}
