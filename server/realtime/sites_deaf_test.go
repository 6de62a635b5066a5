package realtime

import (
	"fmt"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/store/failover"
	"guestload/server/store/redistest"
)

// TestLostSubscriptionIsCaughtUpWith: Redis is there throughout, and drops the
// connections over which instances hear each other. What they tell each other
// meanwhile reaches nobody, or late; all of it must come true all the same.
func TestLostSubscriptionIsCaughtUpWith(t *testing.T) {
	s := redistest.Standalone(t)
	here, there := newSite(t, s.URL()), newSite(t, s.URL())
	missed := func() int64 { return here.failover.Broker.Undelivered() + there.failover.Broker.Undelivered() }
	for _, at := range []*site{here, there} {
		<-at.changes // to redis, at the start
	}
	first, second := here.visit("Ida"), there.visit("Jim")
	meet(first, second)
	const rounds = 20
	for round := 0; missed() < 3; round++ {
		if round == rounds {
			t.Fatalf("in %d rounds %d parcels were missed: the test sees nothing", rounds, missed())
		}
		a, b := here.visit(fmt.Sprintf("Ann_%d", round)), there.visit(fmt.Sprintf("Bob_%d", round))
		meet(a, b)
		waits, comes := here.visit(fmt.Sprintf("Cyd_%d", round)), there.visit(fmt.Sprintf("Dan_%d", round))
		waits.do(api.EventMatch, "")
		waits.expect(time.Second, api.EventNoUsers, 1)
		if n, err := s.Do("CLIENT", "KILL", "TYPE", "pubsub"); err != nil || n.(int64) < 2 {
			t.Fatalf("killed %v subscribers, %v, want those of both", n, err)
		}
		b.do(api.EventLeaveRoom, "")
		comes.do(api.EventMatch, "")
		comes.expect(5*time.Second, api.EventMatched, 1)
		waits.expect(5*time.Second, api.EventMatched, 1)
		soon(t, 5*time.Second, "Ann hears that Bob has left", func() bool {
			return len(a.heard(api.EventChatCleared))+len(a.heard(api.EventRoomClosed)) == 1
		})
		comes.say("hello")
		waits.expect(5*time.Second, api.EventChatMessage, 1)
		for _, v := range []*visitor{a, b, waits, comes} {
			v.client.Closed()
		}
	}
	soon(t, 5*time.Second, "the chat that nothing happened to goes on", func() bool {
		first.say("there?")
		return len(second.heard(api.EventChatMessage)) > 0
	})
	if n := len(first.heard(api.EventRoomClosed)) + len(second.heard(api.EventRoomClosed)); n > 0 {
		t.Error("it was parted")
	}
	for _, at := range []*site{here, there} {
		select {
		case state := <-at.changes:
			t.Errorf("the storage went to %s, though Redis was there", state)
		default:
		}
		if at.failover.State() != failover.StateRedis {
			t.Errorf("storage is %s", at.failover.State())
		}
	}
}

// TestGuestWhoMovedWhileNobodyHeardHasOneSocket: the instance that the guest left
// is told by nobody.
func TestGuestWhoMovedWhileNobodyHeardHasOneSocket(t *testing.T) {
	s := redistest.Standalone(t)
	here, there := newSite(t, s.URL()), newSite(t, s.URL())
	for round := 0; there.failover.Broker.Undelivered() == 0; round++ {
		if round == 20 {
			t.Fatal("nothing was missed in 20 rounds: the test sees nothing")
		}
		old := here.visit(fmt.Sprintf("Ann_%d", round))
		if n, err := s.Do("CLIENT", "KILL", "TYPE", "pubsub"); err != nil || n.(int64) < 2 {
			t.Fatalf("killed %v subscribers, %v, want those of both", n, err)
		}
		young := there.enter(old.session)
		soon(t, 5*time.Second, "the old socket is closed", func() bool {
			m := here.node.find(old.session.ID)
			return m == nil || m.client.Load() == nil
		})
		soon(t, 5*time.Second, "she is counted once, and is there", func() bool {
			stats, err := here.node.Stats(t.Context())
			g, err2 := here.node.Session(t.Context(), old.session.SessionID)
			return err == nil && err2 == nil && stats.ActiveUsers == 1 && stats.OnlineUsers == 1 && g.IsOnline
		})
		if there.node.find(old.session.ID).client.Load() != young.client {
			t.Error("the young socket was given up")
		}
		young.client.Closed()
		soon(t, 5*time.Second, "she is gone", func() bool {
			stats, err := here.node.Stats(t.Context())
			return err == nil && stats.ActiveUsers == 0
		})
	}
}
