package realtime

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/store/failover"
	"guestload/server/store/redistest"
)

// TestNobodyIsToldOfAPartnerWhoHasMetSomebodyElse: one instance loses Redis, where
// its guest still waits while it meets somebody in memory. Who finds it there, on
// the other instance, does not hear of it, and goes on searching.
func TestNobodyIsToldOfAPartnerWhoHasMetSomebodyElse(t *testing.T) {
	s := redistest.Standalone(t)
	tunnel := redistest.NewTunnel(t, s.Addr())
	here, there := newSite(t, "redis://"+tunnel.Addr()), newSite(t, s.URL())
	waits := here.visit("Waits")
	waits.do(api.EventMatch, "")
	waits.expect(5*time.Second, api.EventNoUsers, 1)
	tunnel.Cut()
	here.await(failover.StateFallback)
	comes := here.visit("Comes")
	comes.do(api.EventMatch, "")
	waits.expect(5*time.Second, api.EventMatched, 1)

	late := there.visit("Late")
	late.do(api.EventMatch, "") // Redis says that Waits waits
	tunnel.Mend()
	here.await(failover.StateRedis)
	other := there.visit("Other")
	other.do(api.EventMatch, "")
	for _, v := range []*visitor{late, other} {
		v.expect(5*time.Second, api.EventMatched, 1)
	}
	if with, err := there.partner(late); err != nil || with != other.session.ID {
		t.Errorf("Late has met %s, %v", with, err)
	}
	if with, err := here.partner(waits); err != nil || with != comes.session.ID {
		t.Errorf("Waits has met %s, %v", with, err)
	}
	for _, v := range []*visitor{waits, comes, late, other} {
		if n, parted := len(v.heard(api.EventMatched)), len(v.heard(api.EventRoomClosed)); n != 1 || parted != 0 {
			t.Errorf("%s heard of %d matches and %d ends", v.session.Username, n, parted)
		}
	}
}

// TestEngagedGuestIsReleasedByWhoeverLeaves: the word that a chat has begun does not
// come, since Redis is away. Until it is known both sides can go.
func TestEngagedGuestIsReleasedByWhoeverLeaves(t *testing.T) {
	for name, leave := range map[string]func(engaged, waits *visitor){
		"the one who was found":  func(_, waits *visitor) { waits.do(api.EventMatchCancel, "") },
		"the one who found":      func(engaged, _ *visitor) { engaged.do(api.EventMatchCancel, "") },
		"the one who found, out": func(engaged, _ *visitor) { engaged.client.Closed() },
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Standalone(t)
			tunnel := redistest.NewTunnel(t, s.Addr())
			here, there := newSite(t, "redis://"+tunnel.Addr()), newSite(t, s.URL())
			waits, engaged := here.visit("Waits"), there.visit("Engaged")
			waits.do(api.EventMatch, "")
			waits.expect(5*time.Second, api.EventNoUsers, 1)
			tunnel.Cut()
			here.await(failover.StateFallback)
			engaged.do(api.EventMatch, "")
			leave(engaged, waits)
			tunnel.Mend()
			here.await(failover.StateRedis)
			soon(t, 5*time.Second, "no pair is left", func() bool {
				stats, err := there.node.Stats(t.Context())
				return err == nil && stats.ConnectedUsers == 0 && stats.AvailableUsers <= 1
			})
			fresh := there.visit("Fresh")
			left := waits
			if name == "the one who was found" {
				left = engaged
			} else if soonOr(5*time.Second, 2*time.Millisecond, func() bool { return len(waits.heard(api.EventMatched)) == 1 }) {
				soon(t, 5*time.Second, "who is told of a partner that has gone is told that, too", func() bool {
					return len(waits.heard(api.EventRoomClosed))+len(waits.heard(api.EventChatCleared)) == 1
				})
				waits.do(api.EventMatch, "")
			}
			fresh.do(api.EventMatch, "")
			fresh.expect(5*time.Second, api.EventMatched, 1)
			soon(t, 5*time.Second, "who is left meets the next", func() bool {
				at := here
				if left == engaged {
					at = there
				}
				with, err := at.partner(left)
				return err == nil && with == fresh.session.ID
			})
		})
	}
}

// TestChatsAcrossInstancesLoseNothingInAnOutage: two guests on two instances talk
// without a pause while Redis is killed and comes back empty, or hangs. What they
// say comes late, and all of it, and the end behind it.
func TestChatsAcrossInstancesLoseNothingInAnOutage(t *testing.T) {
	s := redistest.Standalone(t)
	here, there := newSite(t, s.URL()), newSite(t, s.URL())
	var pairs [][2]*visitor
	for n := range 10 {
		a, b := here.visit(fmt.Sprintf("Ann_%d", n)), there.visit(fmt.Sprintf("Bob_%d", n))
		meet(a, b)
		pairs = append(pairs, [2]*visitor{a, b})
	}
	var stops []func() (int, time.Duration)
	for _, p := range pairs {
		stops = append(stops, p[0].chatter(), p[1].chatter())
	}
	for _, outage := range []struct{ off, on func() error }{
		{s.Kill, func() error { return s.Restart(t.Context()) }},
		{s.Freeze, s.Thaw},
		{s.Kill, func() error { return s.Restart(t.Context()) }},
	} {
		if err := outage.off(); err != nil {
			t.Fatal(err)
		}
		here.await(failover.StateFallback)
		there.await(failover.StateFallback)
		if err := outage.on(); err != nil {
			t.Fatal(err)
		}
		here.await(failover.StateRedis)
		there.await(failover.StateRedis)
	}
	if err := s.Freeze(); err != nil { // and the end falls into one more
		t.Fatal(err)
	}
	here.await(failover.StateFallback)
	there.await(failover.StateFallback)
	said := make([][2]int, len(pairs))
	for i, p := range pairs {
		said[i][0], _ = stops[2*i]()
		said[i][1], _ = stops[2*i+1]()
		p[0].do(api.EventLeaveRoom, "")
		p[0].expect(time.Second, api.EventClearConfirmed, 1)
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	for i, p := range pairs {
		p[1].expect(10*time.Second, api.EventChatCleared, 1)
		if got, want := p[1].texts(), numbers(said[i][0]); !slices.Equal(got, want) {
			t.Errorf("%s got %d of %d messages, or not in order", p[1].session.Username, len(got), len(want))
		}
		if n := len(p[0].heard(api.EventChatError)) + len(p[1].heard(api.EventChatError)); n > 0 {
			t.Errorf("%s and %s heard %d errors", p[0].session.Username, p[1].session.Username, n)
		}
		last := p[1].got[len(p[1].got)-1].event
		if last != api.EventChatCleared {
			t.Errorf("%s heard %s last", p[1].session.Username, last)
		}
		// What the other said after the end has nobody to come to.
		if got := p[0].texts(); !slices.Equal(got, numbers(len(got))) {
			t.Errorf("%s got messages out of order", p[0].session.Username)
		}
	}
}

func numbers(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// TestTwoInstancesPairOnceThroughOutages: guests come and search on both while Redis
// comes and goes; whoever is told of a partner is the partner's partner.
func TestTwoInstancesPairOnceThroughOutages(t *testing.T) {
	s := redistest.Standalone(t)
	sites := []*site{newSite(t, s.URL()), newSite(t, s.URL())}
	end := make(chan struct{})
	var come sync.WaitGroup
	all := make([][]*visitor, len(sites))
	for i, at := range sites {
		come.Go(func() {
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-end:
					return
				case <-tick.C:
				}
				v := at.visit(fmt.Sprintf("Guest_%d_%d", i, n))
				all[i] = append(all[i], v)
				v.do(api.EventMatch, "")
			}
		})
	}
	for range 3 {
		for _, outage := range []struct{ off, on func() error }{
			{s.Freeze, s.Thaw},
			{s.Kill, func() error { return s.Restart(t.Context()) }},
		} {
			if err := outage.off(); err != nil {
				t.Fatal(err)
			}
			for _, at := range sites {
				at.await(failover.StateFallback)
			}
			if err := outage.on(); err != nil {
				t.Fatal(err)
			}
			for _, at := range sites {
				at.await(failover.StateRedis)
			}
		}
	}
	close(end)
	come.Wait()
	partner := make(map[string]string)
	alone := 0
	for i, at := range sites {
		for _, v := range all[i] {
			v.heard("")
		}
		soonOr(15*time.Second, 2*time.Millisecond, func() bool {
			alone = 0
			for _, v := range all[i] {
				if with, err := at.partner(v); err == nil {
					partner[v.session.ID] = with
				} else {
					alone++
				}
			}
			return alone <= 1
		})
		if alone > 1 {
			t.Errorf("%d have met nobody", alone)
		}
		for _, v := range all[i] {
			if n, ends := len(v.heard(api.EventMatched)), len(v.heard(api.EventRoomClosed))+len(v.heard(api.EventChatCleared))+len(v.heard(api.EventUserLeft)); n > 1 || ends > 0 {
				t.Errorf("%s was told of %d partners, and of %d ends", v.session.Username, n, ends)
			}
		}
	}
	for a, b := range partner {
		if partner[b] != a {
			t.Errorf("%s has %s, who has %q", a, b, partner[b])
		}
	}
	t.Logf("%d guests met", len(partner))
}
