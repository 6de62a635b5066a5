package session

import (
	"strings"

	"guestload/server/api"
	"guestload/server/api/frame"
)

// floodEvents is how many events a flood has: more than any guest needs, and any
// server should take at once.
const floodEvents = 1000

// hostileFrames are what breaks the WebSocket protocol, whose codes RFC 6455
// gives; what is no packet, for which any code will do; and events that are not
// as the contract has them, which are complained of and cost no socket.
func hostileFrames() []attack {
	key := [4]byte{1, 2, 3, 4}
	text := func(s string) []byte { return frame.AppendMasked(nil, frame.Text, key, s) }
	with := func(b []byte, set, clear byte) []byte {
		b[0] = b[0]&^clear | set
		return b
	}
	broken := func(what string, code frame.Code, b []byte) attack {
		return attack{what: what, inject: b, want: refusal{closing: true, code: code}}
	}
	wrong := func(what, data string, messages ...string) attack {
		return attack{what: what, event: api.EventChatMessage, data: data, times: 1, want: refusal{messages: messages}}
	}
	// Outside of a chat it is not said which of the two is looked at first.
	invalid := []string{api.TextInvalidMessage, api.TextNotConnected}
	const fin, reserved = 0x80, 0x40
	return []attack{
		broken("a frame without a mask", frame.ProtocolError, frame.Append(nil, frame.Text, "hello")),
		broken("a frame with reserved bits", frame.ProtocolError, with(text("hello"), reserved, 0)),
		broken("a frame of an unknown kind", frame.ProtocolError, frame.AppendMasked(nil, frame.Op(3), key, "hello")),
		broken("a ping in parts", frame.ProtocolError, with(frame.AppendMasked(nil, frame.Ping, key, "hello"), 0, fin)),
		broken("a ping of 126 bytes", frame.ProtocolError, frame.AppendMasked(nil, frame.Ping, key, strings.Repeat("x", 126))),
		broken("a continuation of nothing", frame.ProtocolError, frame.AppendMasked(nil, frame.Continuation, key, "hello")),
		broken("text that is not UTF-8", frame.InvalidPayload, text("\xff\xfe")),
		broken("a message of 1 GiB", frame.MessageTooBig, frame.AppendMaskedHeader(nil, frame.Text, key, 1<<30)),
		broken("a binary message", 0, frame.AppendMasked(nil, frame.Binary, key, "hello")),
		broken("text that is no packet", 0, text("}{")),
		wrong("a blank message", `{"type":"text","content":"   "}`, invalid...),
		wrong("a message of 1,001 letters", `{"type":"text","content":"`+strings.Repeat("x", api.MaxTextUnits+1)+`"}`, invalid...),
		wrong("a message of an unknown kind", `{"type":"smell","content":"roses"}`, invalid...),
		wrong("a file of no bytes", `{"type":"file","content":{"filename":"a","fileType":"b","fileSize":0}}`, invalid...),
		wrong("a voice message of an hour", `{"type":"voice","content":{"duration":3600,"fileSize":1}}`, invalid...),
		wrong("a message without data", `null`, invalid...),
	}
}

// floods are more events than a server should take from one socket.
func floods() []attack {
	return []attack{
		{what: "a flood of typing", event: api.EventTypingStart, times: floodEvents, want: refusal{closing: true}},
		{what: "a flood of blank messages", event: api.EventChatMessage, data: `{"type":"text","content":" "}`, times: floodEvents, want: refusal{closing: true}},
		{what: "a flood of questions", event: api.EventGetStats, times: floodEvents, want: refusal{closing: true}},
	}
}
