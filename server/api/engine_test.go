package api

import "testing"

func TestHandshake(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{string(AppendOpen(nil, "lv_VI97HAXpY6yYWAAAC")), `0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000,"pingTimeout":60000,"maxPayload":65536}`},
		{string(AppendConnected(nil, "wZX3oN0bSVIhsaknAAAI")), `40{"sid":"wZX3oN0bSVIhsaknAAAI"}`},
		{string(AppendRefusal(nil, TextTokenExpired)), `44{"message":"Token has expired"}`},
		{string(AppendNamespaceRefusal(nil, "/admin?a=b")), `44/admin,{"message":"Invalid namespace"}`},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

func TestHandshakeRoundTrip(t *testing.T) {
	decode := func(text []byte, kind Kind) Value {
		t.Helper()
		p, err := Decode(SocketIO, text)
		if err != nil || p.Kind != kind {
			t.Fatalf("%s: kind %d, %v", text, p.Kind, err)
		}
		return p.Data
	}
	if open := decode(AppendOpen(nil, "abc"), EngineOpen); string(open.Get("sid").Text()) != "abc" {
		t.Errorf("open: %s", open)
	}
	if token := ParseConnect(decode([]byte(`40{"token":"t.o.k"}`), Connect)); string(token) != "t.o.k" {
		t.Errorf("token %q", token)
	}
	for _, text := range []string{`40`, `40{}`, `40{"token":null}`, `40{"token":1}`} {
		if token := ParseConnect(decode([]byte(text), Connect)); token != nil {
			t.Errorf("%s: token %q", text, token)
		}
	}
	for _, text := range []string{`44{"message":"Invalid token"}`, `44"Invalid token"`} {
		if message := ParseRefusal(decode([]byte(text), ConnectError)); string(message) != TextInvalidToken {
			t.Errorf("%s: message %q", text, message)
		}
	}
	for text, kind := range map[string]Kind{PacketPing: EnginePing, PacketPong: EnginePong, PacketClose: EngineClose, PacketConnect: Connect, PacketDisconnect: Disconnect} {
		decode([]byte(text), kind)
	}
}
