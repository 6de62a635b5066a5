package realtime

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/store/failover"
	"guestload/server/store/redistest"
)

// TestChatMovesWithItsGuest: a guest connects to another instance while both
// talk. Nobody hears of it but the old socket, and nothing is lost or overtaken.
func TestChatMovesWithItsGuest(t *testing.T) {
	s := redistest.Standalone(t)
	one, two, three := newSite(t, s.URL()), newSite(t, s.URL()), newSite(t, s.URL())
	for _, tt := range []struct {
		name    string
		partner *site
	}{
		{"partner where the guest was", one},
		{"partner where the guest goes", two},
		{"partner on a third instance", three},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := one.visit("Ann"), tt.partner.visit("Bob")
			meet(a, b)
			two.knows(t, a, b)
			const messages = 300
			var talk sync.WaitGroup
			talk.Go(func() {
				tick := time.NewTicker(200 * time.Microsecond)
				defer tick.Stop()
				for n := range messages {
					b.say(fmt.Sprint(n))
					<-tick.C
				}
			})
			for n := range 20 {
				a.say(fmt.Sprint(n))
			}
			moved := two.enter(a.session)
			for n := range 20 {
				moved.say(fmt.Sprint(20 + n))
			}
			talk.Wait()
			a.expect(time.Second, api.EventError, 1)
			a.client.Closed() // changes nothing
			soon(t, 5*time.Second, "all messages are there", func() bool {
				return len(a.texts())+len(moved.texts()) == messages && len(b.texts()) == 40
			})
			for n, text := range append(a.texts(), moved.texts()...) {
				if text != fmt.Sprint(n) {
					t.Fatalf("Ann's message %d is %q", n, text)
				}
			}
			for n, text := range b.texts() {
				if text != fmt.Sprint(n) {
					t.Fatalf("Bob's message %d is %q", n, text)
				}
			}
			for _, v := range []*visitor{moved, b} {
				for _, event := range []string{api.EventRoomClosed, api.EventChatCleared, api.EventMatched, api.EventChatError} {
					if n := len(v.heard(event)); n > 0 {
						t.Errorf("%s heard %s", v.session.Username, event)
					}
				}
			}
			b.do(api.EventLeaveRoom, "")
			moved.expect(time.Second, api.EventChatCleared, 1)
			moved.client.Closed()
			b.client.Closed()
			soon(t, 5*time.Second, "nobody is left", func() bool {
				stats, err := one.node.Stats(t.Context())
				rooms := one.node.Counts().Rooms + two.node.Counts().Rooms + three.node.Counts().Rooms
				return err == nil && stats.ActiveUsers == 0 && stats.ConnectedUsers == 0 && stats.AvailableUsers == 0 && rooms == 0
			})
		})
	}
}

// TestGuestLeavesWhileAMessageIsHandled: what was on its way to a guest when the
// chat left for another instance, and has found the guest still here, follows.
func TestGuestLeavesWhileAMessageIsHandled(t *testing.T) {
	s := redistest.Standalone(t)
	one, two := newSite(t, s.URL()), newSite(t, s.URL())
	a, b := one.visit("Ann"), two.visit("Bob")
	meet(a, b)
	two.knows(t, a, b)
	here := one.node.find(a.session.ID)
	pair := here.chat.Load().pair
	moved := two.enter(a.session)
	soon(t, 5*time.Second, "the guest is given up", func() bool { return here.client.Load() == nil })

	late := remote{kind: remoteEvent, id: pair, to: a.session.ID, from: b.session.ID, name: api.EventChatMessage,
		data: []byte(`{"content":"late"}`), message: "m1", instance: two.node.instance}
	one.node.hearEvent(here, late)
	moved.expect(5*time.Second, api.EventChatMessage, 1)
	late.kind = remoteAsk
	one.node.answer(here, late)
	late.kind, late.why = remoteEnd, offline
	one.node.hearEnd(here, late)
	moved.expect(5*time.Second, api.EventRoomClosed, 1)
}

// TestGuestWhoHasGoneBringsNoChat: nobody waits for the chat of a guest whose
// socket had closed before the other instance was asked for it.
func TestGuestWhoHasGoneBringsNoChat(t *testing.T) {
	s := redistest.Standalone(t)
	one, two := newSite(t, s.URL()), newSite(t, s.URL())
	a := two.visit("Ann")
	here := two.node.find(a.session.ID)
	for _, known := range []bool{false, true} {
		if known {
			one.node.take(a.session).turn.Unlock() // gone, and not forgotten yet
		}
		claim := func() <-chan struct{} {
			return two.node.claim(here, remoteReplaced, one.node.instance, here.joined())
		}
		answered := claim()
		soon(t, 5*time.Second, "no chat comes", func() bool {
			claim() // which nobody hears before it listens
			select {
			case <-answered:
				return true
			default:
				return false
			}
		})
	}
}

// TestSocketsOnBothSidesOfAnOutage: a guest whose instance cannot be asked
// connects to another one. Afterwards the newer socket is left.
func TestSocketsOnBothSidesOfAnOutage(t *testing.T) {
	s := redistest.Standalone(t)
	one, two := newSite(t, s.URL()), newSite(t, s.URL())
	a, b := one.visit("Ann"), one.visit("Bob")
	meet(a, b)
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	one.await(failover.StateFallback)
	two.await(failover.StateFallback)
	if err := two.failover.Sessions.Adopt(t.Context(), a.session); err != nil {
		t.Fatal(err)
	}
	newer := two.enter(a.session)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	one.await(failover.StateRedis)
	two.await(failover.StateRedis)
	a.expect(5*time.Second, api.EventError, 1)
	soon(t, 5*time.Second, "one of the two sockets counts", func() bool {
		stats, err := two.node.Stats(t.Context())
		return err == nil && stats.ActiveUsers == 2 && stats.OnlineUsers == 2
	})
	if n := len(newer.heard(api.EventError)); n > 0 {
		t.Error("the newer socket was closed")
	}
	soon(t, 5*time.Second, "the chat has come along", func() bool {
		newer.say("here")
		return len(b.heard(api.EventChatMessage)) > 0
	})
}

// knows waits until the document that a site reads says with whom a visitor talks.
func (s *site) knows(t *testing.T, a, b *visitor) {
	t.Helper()
	soon(t, 5*time.Second, "the document says so", func() bool {
		g, err := s.node.Session(t.Context(), a.session.SessionID)
		return err == nil && g.ConnectedUser == b.session.ID
	})
}
