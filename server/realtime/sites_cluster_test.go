package realtime

import (
	"context"
	"fmt"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/redisproc"
	"guestload/server/store/failover"
	"guestload/server/store/redistest"
)

// TestMasterOfAClusterIsLostInTheMiddleOfChats: of three masters the one that has
// the queue is killed, or frozen; two instances go on, and are one again afterwards.
func TestMasterOfAClusterIsLostInTheMiddleOfChats(t *testing.T) {
	for name, fault := range map[string]struct {
		off func(*redisproc.Server) error
		on  func(*redisproc.Server, context.Context) error
	}{
		"killed": {(*redisproc.Server).Kill, (*redisproc.Server).Restart},
		"frozen": {(*redisproc.Server).Freeze, func(s *redisproc.Server, _ context.Context) error { return s.Thaw() }},
	} {
		t.Run(name, func(t *testing.T) {
			c := redistest.Cluster(t, 3)
			lost := ownerOfQueue(t, c)
			here, there := newSite(t, c.URL()), newSite(t, c.URL())
			a, b := here.visit("Ann"), here.visit("Bob")
			meet(a, b)
			x, y := here.visit("Xia"), there.visit("Yan")
			meet(x, y)
			waits := here.visit("Waits")
			waits.do(api.EventMatch, `{"language":"none"}`)
			waits.expect(5*time.Second, api.EventNoUsers, 1)

			stop := a.chatter()
			began := time.Now()
			if err := fault.off(lost); err != nil {
				t.Fatal(err)
			}
			here.await(failover.StateFallback)
			there.await(failover.StateFallback)
			t.Logf("fallback on both after %v", time.Since(began).Round(time.Millisecond))
			g, h := here.visit("Gus"), here.visit("Hal")
			meet(g, h)
			i, j := there.visit("Ida"), there.visit("Jim")
			meet(i, j)
			i.do(api.EventLeaveRoom, "")
			j.expect(time.Second, api.EventChatCleared, 1)

			if err := fault.on(lost, t.Context()); err != nil {
				t.Fatal(err)
			}
			back := time.Now()
			soon(t, 20*time.Second, "both are on Redis again", func() bool {
				return here.failover.State() == failover.StateRedis && there.failover.State() == failover.StateRedis
			})
			t.Logf("redis on both %v after the return", time.Since(back).Round(time.Millisecond))
			soon(t, 5*time.Second, "messages reach the other instance", func() bool {
				x.say("there?")
				return len(y.heard(api.EventChatMessage)) > 0
			})
			said, _ := stop()
			b.expect(time.Second, api.EventChatMessage, said)
			for n, text := range b.texts() {
				if text != fmt.Sprint(n) {
					t.Fatalf("message %d is %q", n, text)
				}
			}
			for _, at := range []*site{here, there} {
				soon(t, 10*time.Second, "counts are right", func() bool {
					stats, err := at.node.Stats(t.Context())
					return err == nil && stats.OnlineUsers == 9 && stats.ActiveUsers == 9 && stats.AvailableUsers == 1 && stats.ConnectedUsers == 3
				})
			}
			waits.do(api.EventMatch, "") // keeps its place, with other wishes
			j.forget()
			j.do(api.EventMatch, "")
			j.expect(5*time.Second, api.EventMatched, 1)
			waits.expect(5*time.Second, api.EventMatched, 1)
		})
	}
}

// ownerOfQueue is the master that has the matcher's keys.
func ownerOfQueue(t *testing.T, c *redistest.Shards) *redisproc.Server {
	t.Helper()
	for _, node := range c.Nodes {
		if _, err := node.Do("EXISTS", "{match}"); err == nil {
			return node
		}
	}
	t.Fatal("no master has the queue")
	return nil
}
