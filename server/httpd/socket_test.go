package httpd_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/httpd"
	"guestload/server/httpd/limit"
)

var framings = []api.Framing{api.JSON, api.SocketIO}

func TestTwoGuestsMeetAndTalk(t *testing.T) {
	for _, f := range framings {
		for _, g := range framings {
			t.Run(f.String()+" with "+g.String(), func(t *testing.T) {
				t.Parallel()
				b := start(t)
				p, q := b.create(t, ""), b.create(t, "")
				one, two := b.join(t, f, p), b.join(t, g, q)
				one.emit(api.EventMatch, "")
				one.expect(api.EventNoUsers)
				two.emit(api.EventMatch, `{}`)
				if data := two.expect(api.EventMatched); !strings.Contains(data, p.id) {
					t.Errorf("matched with %s", data)
				}
				one.expect(api.EventMatched)
				one.emit(api.EventChatMessage, `{"type":"text","content":"hello \ud83d\ude00"}`)
				if data := two.expect(api.EventChatMessage); !strings.Contains(data, `"content":"hello \ud83d\ude00"`) {
					t.Errorf("received %s", data)
				}
				one.expect(api.EventMessageSent)
				one.expect(api.EventDelivered)
				got := b.do(t, request{path: "/api/users/connected/" + p.id, token: q.token})
				if !strings.Contains(got.body, `"id":"`+q.id+`"`) || !strings.Contains(got.body, `"count":1`) {
					t.Errorf("connected: %s", got.body)
				}
				one.send(frame.Close, "\x03\xe8")
				if code, _ := one.end(); code != frame.Normal {
					t.Errorf("closed with %v", code)
				}
				if data := two.expect(api.EventRoomClosed); !strings.Contains(data, `"reason":"user_disconnected"`) {
					t.Errorf("room closed: %s", data)
				}
			})
		}
	}
}

func TestListsShowOthersPageByPage(t *testing.T) {
	b := start(t)
	me := b.create(t, "")
	b.join(t, api.JSON, me)
	searching := 0
	for i := range 25 {
		w := b.join(t, api.JSON, b.create(t, fmt.Sprintf(`{"language":"l%d"}`, i)))
		if i%5 == 0 {
			w.emit(api.EventMatch, fmt.Sprintf(`{"language":"nobody%d"}`, i))
			w.expect(api.EventNoUsers)
			searching++
		}
	}
	for list, want := range map[string]int{"online": 25, "available": searching} {
		seen, cursor, pages := map[string]bool{}, "", 0
		for {
			got := b.do(t, request{path: "/api/users/" + list + "?limit=4&cursor=" + cursor, token: me.token})
			value, err := api.ParseJSON([]byte(got.body))
			if err != nil || got.status != 200 {
				t.Fatalf("%+v", got)
			}
			users := value.Get("data", list+"Users")
			n := 0
			for u := range users.Elements() {
				n++
				id := string(u.Get("id").Text())
				if seen[id] || id == me.id {
					t.Fatalf("%s is listed again", id)
				}
				seen[id] = true
			}
			if count, _ := value.Get("data", "count").Int(); int(count) != n || n > 4 {
				t.Fatalf("count %d of %d", count, n)
			}
			if strings.Contains(got.body, "sessionId") || strings.Contains(got.body, "socketId") {
				t.Fatalf("somebody's secret is told: %s", got.body)
			}
			pages++
			if cursor = string(value.Get("data", "nextCursor").Text()); cursor == "" {
				break
			}
		}
		if len(seen) != want || pages < want/4 {
			t.Errorf("%s: %d guests on %d pages, want %d", list, len(seen), pages, want)
		}
	}
}

func TestBytesThatCameWithTheHandshakeAreNotLost(t *testing.T) {
	b := start(t)
	for range 20 {
		p := b.create(t, "")
		w := b.dial(t, api.JSON, "/ws?token="+p.token, append(masked(frame.Text, `{"event":"user:match"}`), masked(frame.Ping, "are you there")...)...)
		w.expect(api.EventEstablished)
		w.expect(api.EventSearching)
		for {
			m, err := w.next()
			if err != nil {
				t.Fatal(err)
			}
			if m.Op == frame.Pong {
				if string(m.Payload) != "are you there" {
					t.Fatalf("pong %q", m.Payload)
				}
				break
			}
		}
		_ = w.conn.Close()
	}
}

func TestSocketsWithoutAGuestAreRefused(t *testing.T) {
	b := start(t)
	gone := b.create(t, "")
	b.do(t, request{method: "DELETE", path: "/api/guest", token: gone.token})
	for _, c := range []struct{ token, http, packet string }{
		{"", api.TextTokenRequired, api.TextAuthRequired},
		{"rubbish", api.TextInvalidToken, api.TextInvalidToken},
		{gone.token, api.TextSessionNotFound, api.TextSessionNotFound},
	} {
		got := b.do(t, request{path: "/ws?token=" + c.token, header: upgradeHeaders})
		if got.status != 401 || got.body != `{"success":false,"message":"`+c.http+`"}` {
			t.Errorf("/ws with %q: %+v", c.token, got)
		}
		for _, where := range []string{"auth", "query"} {
			path, connect := "/socket.io/?EIO=4&transport=websocket", connectPacket(c.token)
			if where == "query" {
				path, connect = path+"&token="+c.token, api.PacketConnect
			}
			w := b.dial(t, api.SocketIO, path)
			w.text()
			w.say(connect)
			if text, want := w.text(), `44{"message":"`+c.packet+`"}`; text != want {
				t.Errorf("%s %q: got %s, want %s", where, c.token, text, want)
			}
			// Who was refused may try again on the same connection.
			w.say(connectPacket(b.create(t, "").token))
			w.expect(api.EventEstablished)
		}
	}
	p := b.create(t, "")
	w := b.dial(t, api.SocketIO, "/socket.io/?EIO=4&transport=websocket&token="+p.token)
	w.text()
	w.say("40/admin,")
	if text := w.text(); text != `44/admin,{"message":"Invalid namespace"}` {
		t.Errorf("got %s", text)
	}
	w.say("40")
	w.expect(api.EventEstablished)
	b.sessions.fail(errors.New("odd"))
	x := b.dial(t, api.SocketIO, "/socket.io/?EIO=4&transport=websocket&token="+p.token)
	x.text()
	x.say("40")
	if code, texts := x.end(); code != frame.InternalError || len(texts) > 0 { // to be tried again
		t.Errorf("closed with %v after %q", code, texts)
	}
}

func TestWhoDoesNotEnterInTimeIsClosed(t *testing.T) {
	b := start(t, func(c *httpd.Config) { c.ConnectTime = 50 * time.Millisecond })
	w := b.dial(t, api.SocketIO, "/socket.io/?EIO=4&transport=websocket")
	if code, _ := w.end(); code != frame.PolicyViolation {
		t.Errorf("closed with %v", code)
	}
}

func TestBadFramesAndPacketsAreClosedWithTheirCode(t *testing.T) {
	b := start(t)
	unmasked := frame.Append(nil, frame.Text, "{}")
	for name, c := range map[string]struct {
		framing api.Framing
		sent    []byte
		code    frame.Code
		says    string
	}{
		"no JSON":           {api.JSON, masked(frame.Text, "hello"), frame.ProtocolError, api.TextMalformed},
		"no event":          {api.JSON, masked(frame.Text, "[]"), frame.ProtocolError, api.TextMalformed},
		"binary":            {api.JSON, masked(frame.Binary, "x"), frame.UnsupportedData, "Binary messages are not supported"},
		"no UTF-8":          {api.JSON, masked(frame.Text, "\xff\xfe"), frame.InvalidPayload, ""},
		"too big":           {api.JSON, masked(frame.Text, strings.Repeat("x", api.MaxBody+1)), frame.MessageTooBig, ""},
		"not masked":        {api.JSON, unmasked, frame.ProtocolError, ""},
		"a packet of none":  {api.SocketIO, masked(frame.Text, "9"), frame.ProtocolError, api.TextMalformed},
		"binary event":      {api.SocketIO, masked(frame.Text, `451-["x",{"_placeholder":true,"num":0}]`), frame.UnsupportedData, "Binary messages are not supported"},
		"other namespace":   {api.SocketIO, masked(frame.Text, `42/admin,["x"]`), frame.ProtocolError, api.TextInvalidNamespace},
		"connected already": {api.SocketIO, masked(frame.Text, "40"), frame.ProtocolError, api.TextMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := b.join(t, c.framing, b.create(t, ""))
			if _, err := w.conn.Write(c.sent); err != nil {
				t.Fatal(err)
			}
			code, texts := w.end()
			if all := strings.Join(texts, "\n"); code != c.code || !strings.Contains(all, `"error"`) || !strings.Contains(all, c.says) {
				t.Errorf("closed with %v after %s", code, all)
			}
		})
	}
}

func TestEngineCloseEndsTheSocket(t *testing.T) {
	b := start(t)
	w := b.join(t, api.SocketIO, b.create(t, ""))
	w.say(api.PacketClose)
	if code, _ := w.end(); code != frame.Normal {
		t.Errorf("closed with %v", code)
	}
}

func TestSocketIODisconnectLeavesTheTransportOpen(t *testing.T) {
	b := start(t)
	p, q := b.create(t, ""), b.create(t, "")
	for _, token := range []string{"auth", "query"} {
		path, connect := "/socket.io/?EIO=4&transport=websocket", connectPacket(p.token)
		if token == "query" {
			path, connect = path+"&token="+p.token, api.PacketConnect
		}
		one, two := b.dial(t, api.SocketIO, path), b.join(t, api.JSON, q)
		one.text()
		for range 3 {
			one.say(connect)
			one.expect(api.EventEstablished)
			one.emit(api.EventMatch, "")
			one.expect(api.EventNoUsers)
			two.emit(api.EventMatch, "")
			two.expect(api.EventMatched)
			one.expect(api.EventMatched)
			one.say(api.PacketDisconnect)
			two.expect(api.EventRoomClosed)
			until(t, func() bool {
				return strings.Contains(b.do(t, request{path: "/api/guest/" + p.sessionID}).body, `"isOnline":false,`)
			})
		}
		// A search and the presence end as well, and another guest may come in.
		one.say(connect)
		one.expect(api.EventEstablished)
		one.emit(api.EventMatch, "")
		one.expect(api.EventNoUsers)
		one.say(api.PacketDisconnect)
		until(t, func() bool {
			c := b.node.Counts()
			return c.Searching == 0 && c.Guests == 1
		})
		one.say(connectPacket(b.create(t, "").token))
		one.expect(api.EventEstablished)
		one.say(api.PacketDisconnect)
		one.say(api.PacketDisconnect) // of nobody
		if code, _ := one.end(); code != frame.ProtocolError {
			t.Errorf("closed with %v", code)
		}
		_ = two.conn.Close()
	}
}

func TestATransportWithoutAGuestIsClosedInTheEnd(t *testing.T) {
	b := start(t, func(c *httpd.Config) { c.ConnectTime = 300 * time.Millisecond })
	for _, end := range []func(){func() {}, b.server.Drain} {
		w := b.join(t, api.SocketIO, b.create(t, ""))
		w.say(api.PacketDisconnect)
		until(t, func() bool { return b.node.Counts().Guests == 0 })
		end()
		if code, _ := w.end(); code != frame.PolicyViolation && code != frame.GoingAway {
			t.Errorf("closed with %v", code)
		}
	}
}

func TestUnknownEventsAreIgnoredAndCounted(t *testing.T) {
	b := start(t)
	for _, f := range framings {
		w := b.join(t, f, b.create(t, ""))
		for _, event := range []string{"user:join", "chat:error", "user:matched", strings.Repeat("long", 1000), ""} {
			w.emit(event, `{"a":1}`)
		}
		w.emit(api.EventMatchCancel, "")
		if p, err := api.Decode(f, []byte(w.text())); err != nil || p.Event != api.EventMatchCancelled {
			t.Errorf("%v: heard %v first, %v", f, p, err)
		}
	}
	if got := b.do(t, request{path: "/metrics"}); !strings.Contains(got.body, "\nguestload_events_received_total{event=\"unknown\"} 10\n") {
		t.Error("ten unknown events are not counted")
	}
}

func TestAcksTellWhetherAnEventWasAccepted(t *testing.T) {
	b := start(t)
	w := b.join(t, api.SocketIO, b.create(t, ""))
	w.say(`4217["chat:message",{"type":"text","content":"to nobody"}]`)
	for {
		text := w.text()
		if strings.HasPrefix(text, "43") {
			if text != `4317[{"success":false,"message":"You are not connected to any user"}]` {
				t.Errorf("ack %s", text)
			}
			break
		}
	}
}

func TestEventsPastTheLimitCloseTheSocket(t *testing.T) {
	b := start(t, func(c *httpd.Config) { c.Limits.Events = limit.Rule{Max: 5, Per: time.Hour} })
	w := b.join(t, api.JSON, b.create(t, ""))
	for range 6 {
		w.emit(api.EventTypingStart, "")
	}
	code, texts := w.end()
	if last := texts[len(texts)-1]; code != frame.TooManyEvents || last != `{"event":"error","data":{"message":"Too many events"}}` {
		t.Errorf("closed with %v after %s", code, last)
	}
}

// What costs the client two bytes costs the server as much as an event.
func TestEveryFrameCountsAsAnEvent(t *testing.T) {
	b := start(t, func(c *httpd.Config) { c.Limits.Events = limit.Rule{Max: 20, Per: time.Hour} })
	fragment := func(op frame.Op) []byte {
		f := masked(op, "")
		f[0] &^= 0x80 // more follow
		return f
	}
	for name, c := range map[string]struct{ first, again []byte }{
		"pings":              {nil, masked(frame.Ping, "")},
		"pongs":              {nil, masked(frame.Pong, "x")},
		"empty fragments":    {fragment(frame.Text), fragment(frame.Continuation)},
		"pings in a message": {fragment(frame.Text), masked(frame.Ping, "")},
		"unknown events":     {nil, masked(frame.Text, `{"event":"x"}`)},
		"heartbeats":         {nil, masked(frame.Text, "3")},
		"empty packets":      {nil, masked(frame.Text, "6")},
		"acks":               {nil, masked(frame.Text, "430[]")},
	} {
		framing := api.JSON
		if c.again[0] == 0x81 && name != "unknown events" {
			framing = api.SocketIO
		}
		t.Run(name, func(t *testing.T) {
			w := b.join(t, framing, b.create(t, ""))
			if _, err := w.conn.Write(append(c.first, bytes.Repeat(c.again, 1000)...)); err != nil {
				t.Fatal(err)
			}
			for pongs := 0; ; {
				m, err := w.next()
				if err != nil {
					t.Fatal(err)
				}
				if m.Op == frame.Pong {
					if pongs++; pongs > 20 {
						t.Fatal("more pings are answered than the limit allows")
					}
				}
				if m.Op == frame.Close {
					if code, _, err := frame.ParseClose(m.Payload); err != nil || code != frame.TooManyEvents {
						t.Errorf("closed with %v, %v", code, err)
					}
					return
				}
			}
		})
	}
}

func TestSocketsPastTheLimitsAreRefused(t *testing.T) {
	refused := func(b *backend, p person, status int) {
		t.Helper()
		got := b.do(t, request{path: "/ws?token=" + p.token, header: upgradeHeaders})
		if got.status != status || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, "Too many connections") {
			t.Errorf("got %+v, want %d", got, status)
		}
	}
	for status, o := range map[int]option{
		503: func(c *httpd.Config) { c.MaxSockets = 2 },
		429: func(c *httpd.Config) { c.Limits.SocketsByAddress = 2 },
	} {
		b := start(t, o)
		p := b.create(t, "")
		one := b.join(t, api.JSON, p)
		b.join(t, api.JSON, b.create(t, ""))
		refused(b, p, status)
		one.send(frame.Close, "")
		one.end()
		// The place is given back after the end has been seen by the client.
		until(t, func() bool {
			got := b.do(t, request{path: "/metrics"})
			return strings.Contains(got.body, "\nguestload_connections 1\n")
		})
		b.join(t, api.JSON, p)
		refused(b, p, status)
	}
}

// until asks again and again, as what is waited for tells nobody.
func until(t testing.TB, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("it did not come to pass in time")
		}
	}
}

// fasthttp pools the connections that it has handed over: what is written to
// one after its end went to whoever came next, in three tries of four. A guest who has
// gone is written to here while the next one comes.
func TestAMessageToAGuestWhoIsGoneNeverReachesAStranger(t *testing.T) {
	b := start(t)
	talker, leaver := b.create(t, ""), b.create(t, "")
	for range 100 {
		one, two := b.join(t, api.JSON, talker), b.join(t, api.JSON, leaver)
		one.emit(api.EventMatch, "")
		one.expect(api.EventNoUsers)
		two.emit(api.EventMatch, "")
		one.expect(api.EventMatched)
		_ = two.conn.(*net.TCPConn).SetLinger(0)
		_ = two.conn.Close()
		for range 5 {
			one.emit(api.EventChatMessage, `{"type":"text","content":"secret"}`)
		}
		stranger := b.join(t, api.JSON, b.create(t, ""))
		for range 5 {
			one.emit(api.EventChatMessage, `{"type":"text","content":"secret"}`)
		}
		one.expect(api.EventRoomClosed)
		one.send(frame.Close, "")
		one.end()
		stranger.send(frame.Close, "")
		if _, texts := stranger.end(); strings.Contains(strings.Join(texts, ""), "secret") {
			t.Fatal("a stranger received the message")
		}
	}
}

func TestDrainTellsPartnersAndClosesEverySocket(t *testing.T) {
	b := start(t)
	p, q := b.create(t, ""), b.create(t, "")
	one, two := b.join(t, api.JSON, p), b.join(t, api.SocketIO, q)
	one.emit(api.EventMatch, "")
	one.expect(api.EventNoUsers)
	two.emit(api.EventMatch, "")
	one.expect(api.EventMatched)
	two.expect(api.EventMatched)
	nameless := b.dial(t, api.SocketIO, "/socket.io/?EIO=4&transport=websocket")
	nameless.text()

	b.server.Drain()
	if got := b.do(t, request{path: "/ready"}); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("ready: %+v", got)
	}
	if got := b.do(t, request{path: "/health"}); got.status != 200 {
		t.Errorf("health: %+v", got)
	}
	if got := b.do(t, request{path: "/ws?token=" + p.token, header: upgradeHeaders}); got.status != 503 {
		t.Errorf("a new socket: %+v", got)
	}
	if code, _ := nameless.end(); code != frame.GoingAway {
		t.Errorf("nameless: closed with %v", code)
	}
	drained := make(chan error, 1)
	go func() { drained <- b.node.Drain(t.Context()) }()
	told := 0
	for _, w := range []*wire{one, two} {
		code, texts := w.end()
		all := strings.Join(texts, "\n")
		told += strings.Count(all, api.EventRoomClosed)
		if code != frame.GoingAway || !strings.Contains(all, api.TextGoingAway) {
			t.Errorf("closed with %v after %s", code, all)
		}
	}
	if told != 1 { // who was made to leave first has no partner to lose any more
		t.Errorf("%d were told of a closed room", told)
	}
	if err := receive(t, drained); err != nil {
		t.Errorf("drain: %v", err)
	}
	got := b.do(t, request{path: "/api/guest/" + p.sessionID})
	if !strings.Contains(got.body, `"isOnline":false`) || !strings.Contains(got.body, `"inChat":false`) {
		t.Errorf("afterwards: %s", got.body)
	}
}

func TestACutSocketReleasesThePartner(t *testing.T) {
	b := start(t)
	one, two := b.join(t, api.JSON, b.create(t, "")), b.join(t, api.JSON, b.create(t, ""))
	one.emit(api.EventMatch, "")
	one.expect(api.EventNoUsers)
	two.emit(api.EventMatch, "")
	one.expect(api.EventMatched)
	// The end comes in the same packet as a message, without a close frame.
	_, _ = two.conn.Write(masked(frame.Text, `{"event":"chat:typing:start"}`))
	_ = two.conn.Close()
	one.expect(api.EventRoomClosed)
	if _, err := one.conn.Write(masked(frame.Ping, "")); err != nil {
		t.Fatal(err)
	}
}
