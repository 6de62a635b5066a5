package api

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"
)

func TestDecode(t *testing.T) {
	event := func(name, data string, ack int64) Packet {
		p := Packet{Kind: Event, Inbound: Inbound{Event: name, Ack: ack}}
		if data != "" {
			p.Data = Value(data)
		}
		return p
	}
	kind := func(k Kind, data string) Packet {
		p := event("", data, -1)
		p.Kind = k
		return p
	}
	for _, c := range []struct {
		framing Framing
		text    string
		want    Packet
	}{
		{JSON, `{"event":"user:match"}`, event(EventMatch, "", -1)},
		{JSON, `{"event":"user:match","data":null}`, event(EventMatch, "", -1)},
		{JSON, ` { "data" : {"type":"text"} , "more":[1], "event" : "chat:message" } `, event(EventChatMessage, `{"type":"text"}`, -1)},
		{JSON, `{"\u0065vent":"leave\u002droom","data":0}`, event(EventLeaveRoom, "0", -1)},
		{JSON, `{"event":"odd","event":"close-room"}`, event(EventCloseRoom, "", -1)},
		{JSON, `{"event":"mine"}`, event("mine", "", -1)},
		{JSON, `{"event":""}`, event("", "", -1)},
		{SocketIO, `42["user:match"]`, event(EventMatch, "", -1)},
		{SocketIO, `42["user:match",null]`, event(EventMatch, "", -1)},
		{SocketIO, `42["chat:message",{"type":"text"},"ignored"]`, event(EventChatMessage, `{"type":"text"}`, -1)},
		{SocketIO, `4217["get:stats",[1]]`, event(EventGetStats, "[1]", 17)},
		{SocketIO, `42[1]`, event("1", "", -1)},
		{SocketIO, `425[-2.5,{}]`, event("-2.5", "{}", 5)},
		{SocketIO, `42/,0["get:stats"]`, event(EventGetStats, "", 0)},
		{SocketIO, `430[{"success":true},2]`, Packet{Kind: Ack, Inbound: Inbound{Ack: 0, Data: Value(`{"success":true}`)}}},
		{SocketIO, `43999[]`, Packet{Kind: Ack, Inbound: Inbound{Ack: 999}}},
		{SocketIO, `0{"sid":"a"}`, kind(EngineOpen, `{"sid":"a"}`)},
		{SocketIO, `1`, kind(EngineClose, "")},
		{SocketIO, `2`, kind(EnginePing, "")},
		{SocketIO, `3`, kind(EnginePong, "")},
		{SocketIO, `6`, kind(EngineNoop, "")},
		{SocketIO, `40`, kind(Connect, "")},
		{SocketIO, `40/,`, kind(Connect, "")},
		{SocketIO, `40{"token":"x"}`, kind(Connect, `{"token":"x"}`)},
		{SocketIO, `40/admin?a=b,{"token":"x"}`, Packet{Kind: Connect, Namespace: "/admin?a=b", Inbound: Inbound{Ack: -1, Data: Value(`{"token":"x"}`)}}},
		{SocketIO, `40/admin`, Packet{Kind: Connect, Namespace: "/admin", Inbound: Inbound{Ack: -1}}},
		{SocketIO, `41`, kind(Disconnect, "")},
		{SocketIO, `44{"message":"Invalid token"}`, kind(ConnectError, `{"message":"Invalid token"}`)},
		{SocketIO, `44"Invalid token"`, kind(ConnectError, `"Invalid token"`)},
	} {
		got, err := Decode(c.framing, []byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got.Kind != c.want.Kind || got.Event != c.want.Event || got.Ack != c.want.Ack || got.Namespace != c.want.Namespace || !bytes.Equal(got.Data, c.want.Data) || (got.Data == nil) != (c.want.Data == nil) {
			t.Errorf("%s: got %+v, want %+v", c.text, got, c.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		framing Framing
		text    string
		want    error
	}{
		{JSON, ``, ErrMalformed}, {JSON, `hello`, ErrMalformed}, {JSON, `[]`, ErrMalformed}, {JSON, `"user:match"`, ErrMalformed}, {JSON, `{}`, ErrMalformed},
		{JSON, `{"event":1}`, ErrMalformed}, {JSON, `{"event":null}`, ErrMalformed}, {JSON, `{"event":"a"`, ErrMalformed}, {JSON, `{"event":"a"}{}`, ErrMalformed},
		{JSON, `{"event":"a","data":NaN}`, ErrMalformed}, {JSON, `{"event":"a","data":"` + "\n" + `"}`, ErrMalformed}, {JSON, `{"event":"a","data":` + nested(MaxDepth) + `}`, ErrMalformed},
		{SocketIO, ``, ErrMalformed}, {SocketIO, `x`, ErrMalformed}, {SocketIO, `0`, ErrMalformed}, {SocketIO, `0{`, ErrMalformed}, {SocketIO, `5`, ErrMalformed}, {SocketIO, `2probe`, ErrMalformed},
		{SocketIO, `1x`, ErrMalformed}, {SocketIO, `4`, ErrMalformed}, {SocketIO, `47`, ErrMalformed}, {SocketIO, `40[]`, ErrMalformed}, {SocketIO, `401{}`, ErrMalformed}, {SocketIO, `40"x"`, ErrMalformed},
		{SocketIO, `41{}`, ErrMalformed}, {SocketIO, `42`, ErrMalformed}, {SocketIO, `42{}`, ErrMalformed}, {SocketIO, `42[]`, ErrMalformed}, {SocketIO, `42[true]`, ErrMalformed}, {SocketIO, `42[[1]]`, ErrMalformed}, {SocketIO, `42[null,"a"]`, ErrMalformed},
		{SocketIO, `42["a"`, ErrMalformed}, {SocketIO, `42["a",]`, ErrMalformed}, {SocketIO, `42["a"]x`, ErrMalformed}, {SocketIO, `421234567890123456["a"]`, ErrMalformed}, {SocketIO, `42-1["a"]`, ErrMalformed},
		{SocketIO, `42["connect"]`, ErrMalformed}, {SocketIO, `42["disconnect"]`, ErrMalformed}, {SocketIO, `42["a",` + nested(MaxDepth) + `]`, ErrMalformed},
		{SocketIO, `43`, ErrMalformed}, {SocketIO, `43[]`, ErrMalformed}, {SocketIO, `431`, ErrMalformed}, {SocketIO, `431{}`, ErrMalformed}, {SocketIO, `431[`, ErrMalformed},
		{SocketIO, `44`, ErrMalformed}, {SocketIO, `44[]`, ErrMalformed}, {SocketIO, `441{}`, ErrMalformed},
		{SocketIO, `451-["a",{"_placeholder":true,"num":0}]`, ErrBinary}, {SocketIO, `461-1[{}]`, ErrBinary}, {SocketIO, `bAAAA`, ErrBinary},
		{SocketIO, `42/admin,["a"]`, ErrNamespace}, {SocketIO, `41/admin`, ErrNamespace}, {SocketIO, `44/admin,{}`, ErrNamespace},
	} {
		if p, err := Decode(c.framing, []byte(c.text)); !errors.Is(err, c.want) || p.Data != nil || p.Event != "" {
			t.Errorf("%v %.60q: got %+v, %v, want %v", c.framing, c.text, p, err, c.want)
		}
	}
}

func TestKnownNamesAreInterned(t *testing.T) {
	for _, name := range []string{
		EventMatch, EventMatchCancel, EventChatMessage, EventTypingStart, EventTypingStop, EventChatClear, EventLeaveRoom, EventCloseRoom, EventGetStats,
		EventOffer, EventAnswer, EventICECandidate, EventCallEnd, EventCallReject, EventCallTimeout,
		EventEstablished, EventSearching, EventNoUsers, EventMatched, EventUserJoined, EventMatchCancelled, EventMatchError, EventMessageSent, EventDelivered,
		EventUserLeft, EventChatCleared, EventClearConfirmed, EventRoomClosed, EventChatError, EventStats, EventError,
	} {
		for _, f := range []Framing{JSON, SocketIO} {
			payload := AppendEvent(nil, f, name, []byte(`{"a":1}`))
			if p, err := Decode(f, payload); err != nil || p.Event != name {
				t.Errorf("%s: got %q, %v", payload, p.Event, err)
			}
			if n := testing.AllocsPerRun(10, func() { _, _ = Decode(f, payload) }); n != 0 {
				t.Errorf("%s: %v allocations, want none", payload, n)
			}
		}
	}
}

// FuzzDecode: no payload panics, and an event that is taken says the same in
// both framings once it is built again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"event":"chat:message","data":{"type":"text","content":"hi"}}`, `42["chat:message",{"type":"text","content":"\ud83d"}]`, `4212["a"]`, `40/x,{}`, `430[1]`,
		`0{"sid":"a","pingInterval":25000,"pingTimeout":60000}`, `44{"message":"no"}`, `41`, `2`, `{"event":"webrtc:call-end","data":{"from":"x","a":[1]}}`, `42["user:match",{"gender":"f"}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, framing := range []Framing{JSON, SocketIO} {
			before := string(payload)
			p, err := Decode(framing, payload)
			if string(payload) != before {
				t.Fatal("the payload was changed")
			}
			if err != nil {
				if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrBinary) && !errors.Is(err, ErrNamespace) {
					t.Fatalf("an error of no kind: %v", err)
				}
				continue
			}
			readEverything(t, p)
			if p.Kind != Event || !utf8.Valid(payload) {
				continue
			}
			for _, again := range []Framing{JSON, SocketIO} {
				if again == SocketIO && isReserved(p.Event) {
					continue
				}
				text := AppendEvent(nil, again, p.Event, p.Data)
				got, err := Decode(again, text)
				if err != nil || got.Kind != Event || got.Event != p.Event || !bytes.Equal(got.Data, p.Data) {
					t.Fatalf("%q became %q: %+v, %v", payload, text, got, err)
				}
			}
		}
	})
}

// readEverything gives a packet's data to every parser there is.
func readEverything(t *testing.T, p Packet) {
	t.Helper()
	v := p.Data
	relayed := func(data []byte) {
		if _, err := ParseJSON(data); err != nil && utf8.Valid(v) {
			t.Fatalf("%q was relayed as %q: %v", v, data, err)
		}
	}
	if body, err := ParseChat(v); err == nil {
		relayed(AppendChatMessage(nil, "id", "sender", "name", body, benchTime))
	}
	if s, err := ParseSignal(p.Event, v); err == nil {
		relayed(AppendSignal(nil, s, "me", "my name"))
	}
	_, _ = ParseWishes(v)
	_, _ = ParseConnect(v), ParseRefusal(v)
}
