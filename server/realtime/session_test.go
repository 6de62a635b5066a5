package realtime

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/api"
	"guestload/server/api/frame"
	"guestload/server/guest"
)

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
