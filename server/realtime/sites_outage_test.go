package realtime

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/store/failover"
	"guestload/server/store/redistest"
)

func TestTwoThousandOnTwoInstancesMeetOnce(t *testing.T) {
	s := redistest.Standalone(t)
	sites := []*site{newSite(t, s.URL()), newSite(t, s.URL())}
	visitors := make([]*visitor, 2000)
	for i := range visitors {
		visitors[i] = sites[i%2].visit(fmt.Sprintf("Guest_%d", i))
	}
	var all sync.WaitGroup
	const atOnce = 200
	for k := range atOnce {
		all.Go(func() {
			for i := k; i < len(visitors); i += atOnce {
				visitors[i].do(api.EventMatch, "")
			}
		})
	}
	all.Wait()
	partner := make(map[string]string)
	for i, v := range visitors {
		v.expect(10*time.Second, api.EventMatched, 1)
		with, err := sites[i%2].partner(v)
		if err != nil {
			t.Fatalf("%s has been matched with %v", v.session.Username, err)
		}
		partner[v.session.ID] = with
	}
	for a, b := range partner {
		if a == b || partner[b] != a {
			t.Fatalf("%s has %s, who has %s", a, b, partner[b])
		}
	}
	stats, err := sites[0].node.Stats(t.Context())
	if err != nil || stats.ConnectedUsers != 1000 || stats.AvailableUsers != 0 || stats.ActiveUsers != 2000 {
		t.Errorf("Stats = %+v, %v", stats, err)
	}
	for _, v := range visitors { // all that was ever to come has come by now
		if n := len(v.heard(api.EventMatched)); n != 1 {
			t.Errorf("%s was told %d times", v.session.Username, n)
		}
	}
}

func TestChatsAcrossInstancesKeepTheirOrder(t *testing.T) {
	s := redistest.Standalone(t)
	here, there := newSite(t, s.URL()), newSite(t, s.URL())
	const pairs, messages = 10, 100
	var talks sync.WaitGroup
	var as, bs []*visitor
	for i := range pairs {
		a, b := here.visit(fmt.Sprintf("Ann_%d", i)), there.visit(fmt.Sprintf("Bob_%d", i))
		meet(a, b)
		as, bs = append(as, a), append(bs, b)
	}
	for i := range pairs {
		for _, v := range []*visitor{as[i], bs[i]} {
			talks.Go(func() {
				for n := range messages {
					v.say(fmt.Sprint(n))
				}
			})
		}
	}
	talks.Wait()
	for _, v := range append(as, bs...) {
		v.expect(5*time.Second, api.EventChatMessage, messages)
		v.expect(5*time.Second, api.EventMessageSent, messages)
		v.expect(5*time.Second, api.EventDelivered, messages)
		for n, text := range v.texts() {
			if text != fmt.Sprint(n) {
				t.Fatalf("%s got %q at %d", v.session.Username, text, n)
			}
		}
	}
}

func TestLossOfAnInstanceReleasesItsPartners(t *testing.T) {
	s := redistest.Standalone(t)
	here, third, lost := newSite(t, s.URL()), newSite(t, s.URL()), newSite(t, s.URL())
	a, b, c, d := here.visit("Ann"), lost.visit("Bob"), third.visit("Cyd"), lost.visit("Dan")
	meet(a, b)
	meet(c, d)
	waits := lost.visit("Eve")
	waits.do(api.EventMatch, "")
	waits.expect(time.Second, api.EventNoUsers, 1)
	began := time.Now()
	lost.die()
	for _, v := range []*visitor{a, c} {
		v.expect(10*time.Second, api.EventRoomClosed, 1)
		t.Logf("told after %v: %s", time.Since(began).Round(time.Millisecond), v.heard(api.EventRoomClosed)[0])
	}
	soon(t, 10*time.Second-time.Since(began), "ghosts are gone", func() bool {
		stats, err := here.node.Stats(t.Context())
		page, _, err2 := here.node.Online(t.Context(), "", 10)
		return err == nil && err2 == nil && stats.OnlineUsers == 2 && stats.ActiveUsers == 2 &&
			stats.AvailableUsers == 0 && stats.ConnectedUsers == 0 && len(page) == 2
	})
	t.Logf("ghosts gone after %v", time.Since(began).Round(time.Millisecond))
	a.forget()
	c.forget()
	meet(a, c) // both are free
	if g, err := here.node.Session(t.Context(), b.session.SessionID); err != nil || g.IsOnline || g.InChat {
		t.Errorf("Bob's document: %+v, %v", g, err)
	}
}

// TestOutageInTheMiddleOfChats: two instances, chats within and across, and
// Redis is killed, frozen, and comes back empty.
func TestOutageInTheMiddleOfChats(t *testing.T) {
	s := redistest.Standalone(t)
	here, there := newSite(t, s.URL()), newSite(t, s.URL())
	a, b := here.visit("Ann"), here.visit("Bob")
	meet(a, b)
	c, d := here.visit("Cyd"), there.visit("Dan")
	meet(c, d)
	e, f := here.visit("Eve"), there.visit("Fay") // Fay leaves during the outage
	meet(e, f)
	early := here.visit("Early")
	early.do(api.EventMatch, `{"language":"none"}`)

	stop := a.chatter()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	here.await(failover.StateFallback)
	there.await(failover.StateFallback)
	g, h := here.visit("Gus"), here.visit("Hal") // new guests, who meet
	meet(g, h)
	f.do(api.EventLeaveRoom, "")
	f.expect(time.Second, api.EventClearConfirmed, 1)
	i, j := there.visit("Ida"), there.visit("Jim")
	meet(i, j)
	i.client.Closed()
	j.expect(time.Second, api.EventRoomClosed, 1)
	c.say("while nobody can be reached")
	c.expect(time.Second, api.EventMessageSent, 1)
	early.do(api.EventMatch, "")
	late := here.visit("Late")
	late.do(api.EventMatch, "")
	early.expect(time.Second, api.EventMatched, 1)
	late.expect(time.Second, api.EventMatched, 1)

	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	here.await(failover.StateRedis)
	there.await(failover.StateRedis)
	soon(t, 10*time.Second, "Eve hears that Fay has left", func() bool { // from Fay's instance, or by asking
		return len(e.heard(api.EventChatCleared))+len(e.heard(api.EventRoomClosed)) == 1
	})
	c.expect(time.Second, api.EventDelivered, 1)
	c.say("again")
	d.expect(time.Second, api.EventChatMessage, 2)
	if got := d.texts(); !slices.Equal(got, []string{"while nobody can be reached", "again"}) {
		t.Errorf("Dan got %q", got)
	}
	d.say("and back")
	c.expect(time.Second, api.EventChatMessage, 1)
	k, l := here.visit("Kim"), there.visit("Lou")
	k.do(api.EventMatch, `{"language":"none"}`)
	k.expect(time.Second, api.EventNoUsers, 1)
	l.do(api.EventMatchCancel, "")

	said, worst := stop()
	b.expect(time.Second, api.EventChatMessage, said)
	for n, text := range b.texts() {
		if text != fmt.Sprint(n) {
			t.Fatalf("message %d is %q", n, text)
		}
	}
	t.Logf("%d messages within an instance, the slowest took %v", said, worst)
	if worst > 100*time.Millisecond {
		t.Errorf("a message took %v", worst)
	}

	online := []*visitor{a, b, c, d, e, f, early, g, h, j, late, k, l}
	soon(t, 5*time.Second, "counts are right", func() bool {
		stats, err := there.node.Stats(t.Context())
		return err == nil && stats.OnlineUsers == len(online) && stats.ActiveUsers == len(online) &&
			stats.AvailableUsers == 1 && stats.ConnectedUsers == 4
	})
	for _, v := range append(online, i) {
		soon(t, 5*time.Second, v.session.Username+" is in Redis as it is", func() bool {
			doc, err := s.Do("GET", "guest:"+v.session.SessionID)
			text, _ := doc.(string)
			got, parseErr := guest.ParseSession([]byte(text))
			ttl, ttlErr := s.Do("TTL", "guest:"+v.session.SessionID)
			left, _ := ttl.(int64)
			return err == nil && parseErr == nil && ttlErr == nil && left > 7100 && got.IsOnline == (v != i) &&
				got.InChat == slices.Contains([]*visitor{a, b, c, d, early, late, g, h}, v)
		})
	}
}

func TestFrozenRedisHoldsUpNoChat(t *testing.T) {
	s := redistest.Standalone(t)
	here := newSite(t, s.URL())
	a, b := here.visit("Ann"), here.visit("Bob")
	meet(a, b)
	waiting := here.visit("Cyd")
	waiting.do(api.EventMatch, "")
	waiting.expect(time.Second, api.EventNoUsers, 1)
	began := time.Now()
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	a.say("hello")
	b.expect(100*time.Millisecond, api.EventChatMessage, 1)
	b.do(api.EventLeaveRoom, "") // meets the outage
	b.do(api.EventMatch, "")
	b.expect(2*time.Second, api.EventMatched, 1)
	waiting.expect(time.Second, api.EventMatched, 1)
	t.Logf("left and matched anew %v after the freeze", time.Since(began).Round(time.Millisecond))
	if with, err := here.partner(b); err != nil || with != waiting.session.ID {
		t.Errorf("Bob met %s, %v", with, err)
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	here.await(failover.StateRedis)
	soon(t, 5*time.Second, "one pair, nobody waits", func() bool {
		stats, err := here.node.Stats(t.Context())
		return err == nil && stats.ConnectedUsers == 1 && stats.AvailableUsers == 0
	})
	a.forget()
	b.forget()
	b.say("still here")
	waiting.expect(time.Second, api.EventChatMessage, 1)
}

func TestTenOutagesLeaveEveryChat(t *testing.T) {
	s := redistest.Standalone(t)
	here, there := newSite(t, s.URL()), newSite(t, s.URL())
	var pairs [][2]*visitor
	for n := range 30 {
		home := []*site{here, there}
		a, b := home[n%2].visit(fmt.Sprintf("Ann_%d", n)), home[n/2%2].visit(fmt.Sprintf("Bob_%d", n))
		meet(a, b)
		pairs = append(pairs, [2]*visitor{a, b})
	}
	for range 10 {
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		here.await(failover.StateFallback)
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		here.await(failover.StateRedis)
	}
	there.await(failover.StateRedis)
	for _, p := range pairs {
		soon(t, 10*time.Second, "the pair talks", func() bool {
			p[0].say("there?")
			return len(p[1].heard(api.EventChatMessage)) > 0
		})
		if n := len(p[0].heard(api.EventRoomClosed)) + len(p[1].heard(api.EventRoomClosed)); n > 0 {
			t.Errorf("%s and %s were parted", p[0].session.Username, p[1].session.Username)
		}
	}
	soon(t, 5*time.Second, "counts are right", func() bool {
		stats, err := there.node.Stats(t.Context())
		return err == nil && stats.ConnectedUsers == len(pairs) && stats.ActiveUsers == 2*len(pairs)
	})
}
