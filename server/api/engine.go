package api

import (
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
