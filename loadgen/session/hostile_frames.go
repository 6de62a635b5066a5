package session

import (
	"fmt"
	"strings"

	"guestload/server/api"
	"guestload/server/api/frame"
)

// floodEvents is how many events a flood has: far more than a guest needs in a
// second, so a server with a rate limit closes the connection before the last.
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
		body := []byte(data)
		return attack{what: what, event: api.EventChatMessage, times: 1, want: refusal{messages: messages},
			data: func(*player, int) []byte { return body }}
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

// floods are events of which each is valid, and which come too fast: a server
// without a rate limit accepts all of them. A malformed event would not do, since a
// server may close the connection for that alone; nor would one with a long answer,
// since the guest does not read meanwhile, and a server may close a slow reader.
func floods() []attack {
	flood := func(what, event string, data func(*player, int) []byte) attack {
		return attack{what: fmt.Sprintf("a flood of %d %s", floodEvents, what), event: event, data: data, times: floodEvents,
			want: refusal{closing: true, anyClose: true}}
	}
	return []attack{
		flood("typing events", api.EventTypingStart, nil),
		flood("cancelled searches", api.EventMatchCancel, nil),
		flood("chat messages", api.EventChatMessage, (*player).floodMessage),
	}
}

// floodMessage composes the k-th message of a flood. Where the guest is in a chat,
// the partner may receive it, so it is marked and counted as any other.
func (p *player) floodMessage(k int) []byte {
	now := p.now()
	b := append(p.said[:0], `{"type":"text","content":"`...)
	b = p.witness.ComposeText(b, now, k, floodEvents, "and another one")
	p.said = append(b, `"}`...)
	p.witness.Sent(now)
	return p.said
}
