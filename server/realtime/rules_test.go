package realtime

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/guest"
)

func TestOrderOfAMeetingIsTheContracts(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.join(guest.Profile{Username: "Ann"}), w.join(guest.Profile{Username: "Bob", Gender: "male"})
		a.do(api.EventMatch, "")
		a.expect(api.EventSearching, api.EventNoUsers)
		b.do(api.EventMatch, "")
		toB := b.expect(api.EventSearching, api.EventMatched, api.EventUserJoined, api.EventUserJoined)
		toA := a.expect(api.EventMatched, api.EventUserJoined, api.EventUserJoined)

		room := roomID(a.session.ID, b.session.ID)
		want := fmt.Sprintf(`{"matchedUser":{"id":%q,"username":"Bob","isGuest":true,"location":null,"gender":"male","language":null},"roomId":%q}`, b.session.ID, room)
		if toA[0].data != want {
			w.t.Errorf("Ann was told\n%s, want\n%s", toA[0].data, want)
		}
		for _, joined := range [][]heard{toA[1:], toB[2:]} {
			if !strings.Contains(joined[0].data, "Bob has joined the chat") || !strings.Contains(joined[1].data, "Ann has joined the chat") {
				w.t.Errorf("who searched last comes first: %v", joined)
			}
		}
		if s := a.state(); !s.InChat || s.IsSearching || s.ConnectedUser != b.session.ID || !s.IsOnline {
			w.t.Errorf("Ann's document: %+v", s)
		}
	})
}

func TestMessageReachesThePartnerAndIsAcknowledged(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		a.do(api.EventChatMessage, `{"type":"text","content":"hello \u00e9 🙂"}`)
		got := b.expect(api.EventChatMessage)
		if m, err := api.ParseMessage(api.Value(got[0].data)); err != nil || string(m.SenderID) != a.session.ID {
			w.t.Errorf("Bob got %s: %v", got[0].data, err)
		}
		a.expect(api.EventMessageSent, api.EventDelivered)
	})
}

func TestWrongMessagesAreRefused(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		for _, data := range []string{``, `{}`, `{"type":"text","content":" "}`, `{"type":"text"}`, `{"type":"x","content":"y"}`, `[]`, `7`} {
			a.do(api.EventChatMessage, data)
			if got := a.expect(api.EventChatError); got[0].data != `{"message":"Invalid message format"}` {
				w.t.Errorf("%s: told %s", data, got[0].data)
			}
		}
		b.expect()
		c := w.join(guest.Profile{Username: "Cy"})
		c.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		if got := c.expect(api.EventChatError); got[0].data != `{"message":"You are not connected to any user"}` {
			w.t.Errorf("told %s", got[0].data)
		}
		c.do("no:such", "")
		c.expect(api.EventChatError)
		c.do(api.EventTypingStop, "")
		c.expect()
	})
}

func TestLeavingReleasesThePartner(t *testing.T) {
	for _, event := range []string{api.EventChatClear, api.EventLeaveRoom, api.EventCloseRoom} {
		within(t, func(w *world) {
			a, b := w.pair()
			a.do(event, "")
			a.expect(api.EventUserLeft, api.EventClearConfirmed)
			b.expect(api.EventUserLeft, api.EventChatCleared)
			for _, p := range []*peer{a, b} {
				if s := p.state(); s.InChat || s.ConnectedUser != "" {
					w.t.Errorf("%s is still in a chat: %+v", s.Username, s)
				}
			}
			b.do(api.EventChatMessage, `{"type":"text","content":"still there?"}`)
			b.expect(api.EventChatError)
			a.expect()
		})
	}
}

func TestDroppingReleasesThePartner(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		a.client.Closed()
		got := b.expect(api.EventRoomClosed)
		want := fmt.Sprintf(`{"userId":%q,"username":"Ann","message":"The other user has left. Room closed.","reason":"user_disconnected"}`, a.session.ID)
		if got[0].data != want {
			w.t.Errorf("Bob was told %s, want %s", got[0].data, want)
		}
		if s := a.state(); s.IsOnline || s.SocketID != "" || s.InChat || s.ConnectedUser != "" {
			w.t.Errorf("Ann's document: %+v", s)
		}
		if s, _ := w.node.Stats(w.t.Context()); s.ActiveUsers != 1 || s.ConnectedUsers != 0 {
			w.t.Errorf("stats: %+v", s)
		}
	})
}

func TestSearchInsideAChatLeavesItFirst(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		a.do(api.EventMatch, "")
		a.expect(api.EventUserLeft, api.EventClearConfirmed, api.EventSearching, api.EventNoUsers)
		b.expect(api.EventUserLeft, api.EventChatCleared)
		c := w.join(guest.Profile{Username: "Cy"})
		b.do(api.EventMatch, "") // Ann waits, but Bob has just left her, and somebody else may come
		b.sock.take(w.t, b.framing)
		c.do(api.EventMatch, "")
		synctest.Wait()
		if s := c.state(); !s.InChat && b.state().ConnectedUser != a.session.ID {
			w.t.Errorf("Cy waits though others do: %+v", s)
		}
	})
}

func TestSearchEndsWithTheSocket(t *testing.T) {
	within(t, func(w *world) {
		a := w.join(guest.Profile{Username: "Ann"})
		a.do(api.EventMatch, "")
		a.client.Closed()
		b := w.join(guest.Profile{Username: "Bob"})
		b.do(api.EventMatch, "")
		b.expect(api.EventSearching, api.EventNoUsers)
	})
}

func TestCancelEndsTheSearch(t *testing.T) {
	within(t, func(w *world) {
		a := w.join(guest.Profile{Username: "Ann"})
		a.do(api.EventMatch, "")
		a.do(api.EventMatchCancel, "")
		a.expect(api.EventSearching, api.EventNoUsers, api.EventMatchCancelled)
		if a.state().IsSearching {
			w.t.Error("Ann is still searching")
		}
		b := w.join(guest.Profile{Username: "Bob"})
		b.do(api.EventMatch, "")
		b.expect(api.EventSearching, api.EventNoUsers)
	})
}

func TestNewerSocketTakesOver(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		again := w.connect(a.session, api.SocketIO)
		got := a.expect(api.EventError, "close")
		if got[0].data != `{"message":"Replaced by a newer connection"}` || got[1].code != frame.Replaced {
			w.t.Errorf("the old socket was told %v", got)
		}
		a.client.Closed()
		b.expect()
		b.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		again.expect(api.EventChatMessage)
		a.do(api.EventChatClear, "") // the old socket is not listened to
		b.expect(api.EventMessageSent, api.EventDelivered)
		if s := again.state(); !s.IsOnline || s.SocketID != again.client.SocketID() || s.ConnectedUser != b.session.ID {
			w.t.Errorf("Ann's document: %+v", s)
		}
		if s, _ := w.node.Stats(w.t.Context()); s.ActiveUsers != 2 || s.OnlineUsers != 2 {
			w.t.Errorf("stats: %+v", s)
		}
	})
}

func TestManySearchersAtOnceMakePairsToldOnce(t *testing.T) {
	within(t, func(w *world) {
		const many = 200
		peers := make([]*peer, many)
		for i := range peers {
			peers[i] = w.join(guest.Profile{Username: fmt.Sprintf("Guest_%d", i)})
		}
		var all sync.WaitGroup
		for _, p := range peers {
			all.Go(func() { p.do(api.EventMatch, "") })
		}
		all.Wait()
		synctest.Wait()
		partner := map[string]string{}
		for _, p := range peers {
			for _, h := range p.sock.take(w.t, p.framing) {
				if h.event != api.EventMatched {
					continue
				}
				m, err := api.ParseMatched(api.Value(h.data))
				if err != nil {
					w.t.Fatal(err)
				}
				if was, twice := partner[p.session.ID]; twice {
					w.t.Errorf("%s was told %s, then %s", p.session.ID, was, m.PartnerID)
				}
				partner[p.session.ID] = string(m.PartnerID)
			}
		}
		if len(partner) != many {
			w.t.Fatalf("%d of %d were told of a match", len(partner), many)
		}
		for a, b := range partner {
			if a == b || partner[b] != a {
				w.t.Errorf("%s has %s, who has %s", a, b, partner[b])
			}
		}
	})
}

// Everybody does everything at once; when all have gone, nothing is left.
func TestChaosLeavesNothingBehind(t *testing.T) {
	within(t, func(w *world) {
		const many = 60
		var all sync.WaitGroup
		for i := range many {
			p := w.join(guest.Profile{Username: fmt.Sprintf("Guest_%d", i)})
			all.Go(func() {
				for k := range 30 {
					switch (i*7 + k*13) % 6 {
					case 0, 1:
						p.do(api.EventMatch, "")
					case 2:
						p.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
					case 3:
						p.do(api.EventChatClear, "")
					case 4:
						p.do(api.EventMatchCancel, "")
					case 5:
						old := p.client
						s, err := w.node.Session(w.t.Context(), p.session.SessionID)
						if err != nil {
							w.t.Error(err)
							return
						}
						if p.client, err = w.node.Connect(w.t.Context(), s, api.JSON, newMemSocket()); err != nil {
							w.t.Error(err)
						}
						old.Closed()
					}
				}
				p.client.Closed()
			})
		}
		all.Wait()
		w.pass(2 * gather)
		synctest.Wait()
		s, err := w.node.Stats(w.t.Context())
		if err != nil || s.OnlineUsers != 0 || s.ActiveUsers != 0 || s.AvailableUsers != 0 || s.ConnectedUsers != 0 {
			w.t.Errorf("left behind: %+v, %v", s, err)
		}
		if c := w.node.Counts(); c.Sockets != 0 || c.Rooms != 0 || c.Searching != 0 || c.Guests != 0 {
			w.t.Errorf("left behind: %+v", c)
		}
		if left := w.node.everybody(); len(left) != 0 {
			w.t.Errorf("%d members left", len(left))
		}
	})
}

func TestVanishedSocketIsNoticedWithinAMinute(t *testing.T) {
	for _, f := range []api.Framing{api.JSON, api.SocketIO} {
		within(t, func(w *world) {
			a, b := w.pair()
			lively := w.connect(b.session, f)
			b.expect(api.EventError, "close")
			for range 60 {
				w.pass(time.Second)
				lively.client.Heard()
			}
			synctest.Wait()
			if !a.sock.closed {
				w.t.Error("the silent socket is still open after 60 s")
			}
			if lively.sock.closed {
				w.t.Error("the lively socket was closed")
			}
			if f == api.SocketIO {
				lively.expect("ping", "ping")
			} else {
				lively.expect() // who talks need not be asked
			}
			if !slices.ContainsFunc(a.sock.take(w.t, api.JSON), func(h heard) bool { return h.event == "ping" }) {
				w.t.Error("the silent socket was not asked for a sign of life")
			}
		})
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

func TestDeliveredComesWhenTheSocketHasTakenIt(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		b.sock.stick()
		a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		a.expect(api.EventMessageSent)
		b.sock.unstick()
		a.expect(api.EventDelivered)
		b.expect(api.EventChatMessage)
	})
}

func TestReceiptsThatAreDueTogetherAreOneWrite(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		a.sock.wrote()
		b.sock.wrote()
		a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		a.expect(api.EventMessageSent, api.EventDelivered)
		b.expect(api.EventChatMessage)
		if to, from := b.sock.wrote(), a.sock.wrote(); to != 1 || from != 1 {
			w.t.Errorf("a message took %d writes and its receipts %d, want 1 each", to, from)
		}

		b.sock.stick()
		const waiting = 3
		for range waiting {
			a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		}
		a.expect(slices.Repeat([]string{api.EventMessageSent}, waiting)...)
		a.sock.wrote()
		b.sock.unstick()
		a.expect(slices.Repeat([]string{api.EventDelivered}, waiting)...)
		if to, from := b.sock.wrote(), a.sock.wrote(); to > 2 || from > to {
			w.t.Errorf("%d messages that had waited took %d writes, and their receipts %d", waiting, to, from)
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
		if !b.sock.closed {
			w.t.Error("the stuck socket is still open")
		}
	})
}

func TestConnectedSessionNeverLapses(t *testing.T) {
	within(t, func(w *world) {
		a := w.join(guest.Profile{Username: "Ann"})
		for range 3 * 60 * 6 {
			w.pass(10 * time.Second)
			a.client.Heard()
		}
		if _, err := w.node.Session(w.t.Context(), a.session.SessionID); err != nil {
			w.t.Errorf("after 3 hours online: %v", err)
		}
	})
}

func TestDeleteClosesTheSocketAndTellsThePartner(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		if err := w.node.Delete(w.t.Context(), a.session.SessionID); err != nil {
			w.t.Fatal(err)
		}
		if got := a.expect(api.EventError, "close"); got[1].code != frame.SessionEnded {
			w.t.Errorf("closed with %v", got[1].code)
		}
		b.expect(api.EventRoomClosed)
		a.client.Closed()
		synctest.Wait()
		if _, err := w.node.Session(w.t.Context(), a.session.SessionID); err == nil {
			w.t.Error("the session is still there")
		}
	})
}

func TestDrainTellsEverybodyAndStoresThemOffline(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		var drained sync.WaitGroup
		drained.Go(func() {
			if err := w.node.Drain(w.t.Context()); err != nil {
				w.t.Error(err)
			}
		})
		synctest.Wait()
		for _, p := range []*peer{a, b} {
			all := p.sock.take(w.t, p.framing)
			if last := all[len(all)-1]; last.code != frame.GoingAway {
				w.t.Errorf("%s heard %v last", p.session.Username, last)
			}
			p.client.Closed()
		}
		drained.Wait()
		if s := a.state(); s.IsOnline || s.InChat {
			w.t.Errorf("Ann's document: %+v", s)
		}
		if _, err := w.node.Connect(w.t.Context(), a.session, api.JSON, newMemSocket()); err == nil {
			w.t.Error("a draining node took a socket")
		}
	})
}

func TestConnectedAnswersThePartner(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		got, err := w.node.Connected(w.t.Context(), a.session.ID)
		if err != nil || len(got) != 1 || got[0].ID != b.session.ID {
			w.t.Errorf("connected to Ann: %v, %v", got, err)
		}
		if got, err := w.node.Connected(w.t.Context(), "guest_nobody"); err != nil || len(got) != 0 {
			w.t.Errorf("connected to nobody: %v, %v", got, err)
		}
	})
}
