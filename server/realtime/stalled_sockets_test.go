package realtime

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/guest"
)

func TestAVanishedWebSocketIsNoticedWithinAMinute(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		for range 60 {
			w.pass(time.Second)
			b.client.Heard()
		}
		synctest.Wait()
		if !a.sock.isClosed() {
			w.t.Error("the silent socket is still open after 60 s")
		}
		if b.sock.isClosed() {
			w.t.Error("the lively socket was closed")
		}
		b.expect() // who talks need not be asked
		if !slices.ContainsFunc(a.sock.take(w.t, api.JSON), func(h heard) bool { return h.event == "ping" }) {
			w.t.Error("the silent socket was not asked for a sign of life")
		}
	})
}

// What a Socket.IO client is told when it connects is kept: it is closed only once
// pingInterval and pingTimeout are over, and it may answer a ping that late.
func TestASilentSocketIOSocketHasTheTimeThatWasAdvertised(t *testing.T) {
	const advertised = api.PingInterval + api.PingTimeout
	for _, phase := range []time.Duration{0, time.Second, 2300 * time.Millisecond, 4999 * time.Millisecond} {
		within(t, func(w *world) {
			w.pass(phase) // of the wheel
			silent := w.connect(w.join(guest.Profile{}).session, api.SocketIO)
			connected := time.Now()
			for !silent.sock.isClosed() {
				if w.pass(time.Second); time.Since(connected) > 2*advertised {
					w.t.Fatalf("still open after %v", time.Since(connected))
				}
				synctest.Wait()
			}
			if after := time.Since(connected); after < advertised || after > advertised+2*wheelSlots*time.Second {
				w.t.Errorf("closed after %v, advertised are %v", after, advertised)
			}
			silent.expect("ping")
		})
	}
	within(t, func(w *world) {
		p := w.connect(w.join(guest.Profile{}).session, api.SocketIO)
		for range 5 { // answers each ping just in time
			for asked := false; !asked; synctest.Wait() {
				w.pass(time.Second)
				asked = slices.ContainsFunc(p.sock.take(w.t, api.SocketIO), func(h heard) bool { return h.event == "ping" })
			}
			w.pass(api.PingTimeout - 2*time.Second)
			p.client.Heard()
			p.expect() // nor is it asked again before it has answered
		}
		for range 60 { // who talks is asked all the same, as the client expects it
			w.pass(time.Second)
			p.client.Heard()
		}
		synctest.Wait()
		if n := len(p.sock.take(w.t, api.SocketIO)); n < 2 || n > 3 {
			w.t.Errorf("asked %d times in a minute, want every 25 s", n)
		}
		if p.sock.isClosed() {
			w.t.Error("closed though every ping was answered in time")
		}
	})
}

// TestOnlyATakeoverAndADeletedSessionForbidToComeBack: an official client that gets a
// DISCONNECT packet never reconnects by itself.
func TestOnlyATakeoverAndADeletedSessionForbidToComeBack(t *testing.T) {
	for _, c := range []struct {
		what      string
		end       func(w *world, p *peer)
		code      frame.Code
		forbidden bool
	}{
		{"a takeover", func(w *world, p *peer) { w.connect(p.session, api.JSON) }, frame.Replaced, true},
		{"a deletion", func(w *world, p *peer) { _ = w.node.Delete(w.t.Context(), p.session.SessionID) }, frame.SessionEnded, true},
		{"draining", func(w *world, p *peer) {
			go func() { _ = w.node.Drain(context.Background()) }()
			synctest.Wait()
			p.client.Closed()
		}, frame.GoingAway, false},
		{"too many events", func(_ *world, p *peer) { p.client.Refuse(frame.TooManyEvents, api.TextTooManyEvents) }, frame.TooManyEvents, false},
		{"nonsense", func(_ *world, p *peer) { p.client.Refuse(frame.ProtocolError, api.TextMalformed) }, frame.ProtocolError, false},
	} {
		for _, f := range []api.Framing{api.JSON, api.SocketIO} {
			within(t, func(w *world) {
				p := w.connect(w.join(guest.Profile{}).session, f)
				c.end(w, p)
				want := []string{api.EventError, "close"}
				if c.forbidden && f == api.SocketIO {
					want = []string{api.EventError, "packet", "close"}
				}
				all := p.expect(want...)
				if got := all[len(all)-1].code; got != c.code {
					w.t.Errorf("%s: closed with %v, want %v", c.what, got, c.code)
				}
			})
		}
	}
}

func TestSlowReaderIsClosedAndSlowsNobody(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		b.sock.stick()
		text := fmt.Sprintf(`{"type":"text","content":%q}`, strings.Repeat("x", 1000))
		began := time.Now()
		for range 2 * w.node.queueBytes / 1000 {
			a.do(api.EventChatMessage, text)
		}
		if took := time.Since(began); took != 0 {
			w.t.Errorf("the sender waited %v", took)
		}
		if !b.client.shut.Load() {
			w.t.Fatal("the slow reader was not closed")
		}
		b.sock.unstick()
		synctest.Wait()
		all := b.sock.take(w.t, b.framing)
		if last := all[len(all)-1]; last.code != frame.SlowReader {
			w.t.Errorf("the slow reader heard %v last", last)
		}
		if n := w.node.Counts().QueueDrops; n != 1 {
			w.t.Errorf("%d queue drops counted", n)
		}
		b.client.Closed()
		synctest.Wait()
		var told bool
		for _, h := range a.sock.take(w.t, a.framing) {
			told = told || h.event == api.EventRoomClosed
		}
		if !told {
			w.t.Error("the partner was not told")
		}
	})
}

func TestStatisticsWaitForNobody(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		b.sock.stick()
		a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		synctest.Wait()
		waiting := func() uint64 {
			b.client.mu.Lock()
			defer b.client.mu.Unlock()
			return b.client.mu.queued
		}
		before := waiting()
		for range 100 {
			w.node.tellEverybody(w.t.Context())
		}
		if after := waiting(); after != before {
			w.t.Errorf("%d bytes of statistics were kept for a guest who does not read", after-before)
		}
		b.sock.unstick()
	})
}

func TestSocketThatTakesNothingIsCut(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		b.sock.stick()
		a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		w.pass(writeTimeout + time.Second)
		synctest.Wait()
		if !b.sock.isClosed() {
			w.t.Error("the stuck socket is still open")
		}
	})
}
