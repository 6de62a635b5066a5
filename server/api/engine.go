package api

import (
	"fmt"
	"time"
)

// Heartbeat of both framings: the server pings every PingInterval, and a side
// that hears nothing for PingInterval + PingTimeout takes the other for gone.
const (
	PingInterval = 25 * time.Second
	PingTimeout  = 60 * time.Second
)

// Packets of Engine.IO and Socket.IO that are always the same.
const (
	PacketPing       = "2"  // server to client
	PacketPong       = "3"  // client to server
	PacketClose      = "1"  // Engine.IO close
	PacketConnect    = "40" // client to server, without auth
	PacketDisconnect = "41" // Socket.IO disconnect
)

// Bodies of refused /socket.io/ requests, status 400 (403 the last), as engine.io
// gives them.
const (
	BodyUnknownTransport    = `{"code":0,"message":"Transport unknown"}`
	BodyUnknownSession      = `{"code":1,"message":"Session ID unknown"}`
	BodyBadHandshakeMethod  = `{"code":2,"message":"Bad handshake method"}`
	BodyBadRequest          = `{"code":3,"message":"Bad request"}`
	BodyUnsupportedProtocol = `{"code":5,"message":"Unsupported protocol version"}`
	BodyForbidden           = `{"code":4,"message":"Forbidden"}`
)

// AppendOpen appends the packet that a server begins an Engine.IO connection with:
// 0{"sid":…,"upgrades":[],"pingInterval":25000,"pingTimeout":60000,"maxPayload":65536}.
func AppendOpen(dst []byte, sid string) []byte {
	dst = appendField(dst, `0{"sid":`, sid)
	dst = appendInt(dst, `,"upgrades":[],"pingInterval":`, int(PingInterval.Milliseconds()))
	dst = appendInt(dst, `,"pingTimeout":`, int(PingTimeout.Milliseconds()))
	dst = appendInt(dst, `,"maxPayload":`, MaxBody)
	return append(dst, '}')
}

// Open is what a client learns from an Engine.IO open packet.
type Open struct {
	SID          []byte
	PingInterval time.Duration
	PingTimeout  time.Duration
	MaxPayload   int64 // bytes; 0 where the server does not say
}

// ParseOpen reads the data of an EngineOpen packet.
func ParseOpen(v Value) (Open, error) {
	var o Open
	var interval, timeout int64
	for name, member := range v.Members() {
		switch string(name) {
		case "sid":
			o.SID = member.Text()
		case "pingInterval":
			interval, _ = member.Int()
		case "pingTimeout":
			timeout, _ = member.Int()
		case "maxPayload":
			o.MaxPayload, _ = member.Int()
		}
	}
	const limit = int64(24 * time.Hour / time.Millisecond)
	if len(o.SID) == 0 || interval <= 0 || timeout <= 0 || interval > limit || timeout > limit {
		return Open{}, fmt.Errorf("%w: open packet %s: want sid, pingInterval and pingTimeout in milliseconds", ErrMalformed, excerpt(v))
	}
	o.PingInterval = time.Duration(interval) * time.Millisecond
	o.PingTimeout = time.Duration(timeout) * time.Millisecond
	return o, nil
}

// AppendConnect appends the packet that a client enters the default namespace with.
func AppendConnect(dst []byte, token string) []byte {
	return append(appendField(dst, `40{"token":`, token), '}')
}

// ParseConnect returns the token in the data of a client's Connect packet; nil
// where there is none.
func ParseConnect(v Value) (token []byte) { return v.Get("token").Text() }

// AppendConnected appends the server's answer to a Connect: 40{"sid":…}. The sid
// is the socket's, not the one of the open packet.
func AppendConnected(dst []byte, sid string) []byte {
	return append(appendField(dst, `40{"sid":`, sid), '}')
}

// AppendRefusal appends the server's refusal of a Connect: 44{"message":…}.
func AppendRefusal(dst []byte, message string) []byte {
	return AppendNotice(append(dst, `44`...), message)
}

// AppendNamespaceRefusal appends the refusal of a Connect to a namespace as
// Packet.Namespace gives it.
func AppendNamespaceRefusal(dst []byte, namespace string) []byte {
	name := namespace
	for i := range len(name) {
		if name[i] == '?' {
			name = name[:i]
			break
		}
	}
	dst = append(append(append(dst, `44`...), name...), ',')
	return AppendNotice(dst, TextInvalidNamespace)
}

// ParseRefusal returns the message of a ConnectError packet: its data is
// {"message":…}, or a string with older servers.
func ParseRefusal(v Value) (message []byte) {
	if v.IsString() {
		return v.Text()
	}
	return v.Get("message").Text()
}

// excerpt shortens what was received for an error's text.
func excerpt(v Value) string {
	const limit = 200
	switch {
	case v == nil:
		return "(none)"
	case len(v) > limit:
		return string(v[:limit]) + "…"
	default:
		return string(v)
	}
}
