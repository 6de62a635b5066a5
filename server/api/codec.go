package api

import (
	"strconv"

	"guestload/server/api/frame"
)

// Framing is how events are put into WebSocket text messages.
type Framing uint8

// The two framings, chosen by the path.
const (
	JSON     Framing = iota // on /ws: {"event":"…","data":…}
	SocketIO                // on /socket.io/: 42["…",…]
)

// Paths of the two framings.
const (
	PathJSON     = "/ws"
	PathSocketIO = "/socket.io/"
)

// String names the framing as flags do: "ws" or "socketio".
func (f Framing) String() string {
	if f == SocketIO {
		return "socketio"
	}
	return "ws"
}

// Inbound is one decoded event.
type Inbound struct {
	Event string // one of this package's constants where it is one of them
	Data  Value  // nil where the event carries none, or null; a view of the payload
	Ack   int64  // the Socket.IO ack id that the sender asks an answer for; -1 for none
}

// AppendEvent appends the text of one event. data is JSON, or empty for none.
func AppendEvent(dst []byte, f Framing, event string, data []byte) []byte {
	if f == SocketIO {
		dst = AppendString(append(dst, `42[`...), event)
		if len(data) > 0 {
			dst = append(append(dst, ','), data...)
		}
		return append(dst, ']')
	}
	dst = AppendString(append(dst, `{"event":`...), event)
	if len(data) > 0 {
		dst = append(append(dst, `,"data":`...), data...)
	}
	return append(dst, '}')
}

// eventSize is how many bytes AppendEvent appends.
func eventSize(f Framing, event string, data []byte) int {
	size := stringSize(event) + len(data)
	if f == SocketIO {
		size += len(`42[]`)
		if len(data) > 0 {
			size++
		}
		return size
	}
	size += len(`{"event":}`)
	if len(data) > 0 {
		size += len(`,"data":`)
	}
	return size
}

// AppendEventFrame appends one event as a whole WebSocket frame, as servers send it.
func AppendEventFrame(dst []byte, f Framing, event string, data []byte) []byte {
	dst = frame.AppendHeader(dst, frame.Text, eventSize(f, event, data))
	return AppendEvent(dst, f, event, data)
}

// AppendMaskedEventFrame appends one event as a whole WebSocket frame, as clients send it.
func AppendMaskedEventFrame(dst []byte, f Framing, key [4]byte, event string, data []byte) []byte {
	dst = frame.AppendMaskedHeader(dst, frame.Text, key, eventSize(f, event, data))
	start := len(dst)
	dst = AppendEvent(dst, f, event, data)
	frame.Mask(dst[start:], key)
	return dst
}

// AppendAck appends the text of the answer to a Socket.IO event that asked for
// one. data is JSON, or empty for none.
func AppendAck(dst []byte, id int64, data []byte) []byte {
	dst = strconv.AppendInt(append(dst, `43`...), id, 10)
	return append(append(append(dst, '['), data...), ']')
}

// AppendAckFrame appends AppendAck's text as a whole WebSocket frame, as servers send it.
func AppendAckFrame(dst []byte, id int64, data []byte) []byte {
	var digits [20]byte
	size := len(`43[]`) + len(strconv.AppendInt(digits[:0], id, 10)) + len(data)
	return AppendAck(frame.AppendHeader(dst, frame.Text, size), id, data)
}

// AppendNoticeFrame appends an event whose data is {"message":text} as a whole
// WebSocket frame, as servers send it.
func AppendNoticeFrame(dst []byte, f Framing, event, text string) []byte {
	const nothing = `{"message":}`
	size := eventSize(f, event, nil) + len(nothing) + stringSize(text)
	if f == SocketIO {
		dst = frame.AppendHeader(dst, frame.Text, size+len(`,`))
		dst = append(AppendString(append(dst, `42[`...), event), ',')
		return append(AppendNotice(dst, text), ']')
	}
	dst = frame.AppendHeader(dst, frame.Text, size+len(`,"data":`))
	dst = append(AppendString(append(dst, `{"event":`...), event), `,"data":`...)
	return append(AppendNotice(dst, text), '}')
}
