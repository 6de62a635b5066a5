package verify

import (
	"testing"
	"time"

	"guestload/scenarios/rule"
	"guestload/server/api"
)

// TestReleaseRules: whose partner has gone is told, in time.
func TestReleaseRules(t *testing.T) {
	judge(t, []play{
		{"the partner of a leaver is not told", func(s *stage) {
			s.meet(0, 1)
			s.leave(0)
			s.now += 3 * time.Second
			s.leave(1)
		}, counts{rule.Release: 1}},
		{"the partner of a dropped guest is not told", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Dropping(s.tick(), Reset)
			s.now += 3 * time.Second
		}, counts{rule.Release: 1}},
		{"the partner is told too late", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Dropping(s.tick(), Closed)
			s.now += 3 * time.Second
			s.hear(1, api.EventRoomClosed, 0)
		}, counts{rule.Release: 1}},
		{"the partner of a silent guest is told too late", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Dropping(s.tick(), HalfOpen)
			s.now += 61 * time.Second
			s.hear(1, api.EventRoomClosed, 0)
		}, counts{rule.Release: 1}},
		{"the partner of a guest whose instance was killed is told in time", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Lost(s.tick())
			s.now += 9 * time.Second
			s.hear(1, api.EventRoomClosed, 0)
		}, nil},
		{"the partner of a guest whose instance was killed is told too late", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Lost(s.tick())
			s.now += 11 * time.Second
			s.hear(1, api.EventRoomClosed, 0)
		}, counts{rule.Release: 1}},
		{"instances that cannot tell each other are not to blame", func(s *stage) {
			s.onInstances("here", "there")
			s.meet(0, 1)
			s.v.Severed(s.tick())
			s.leave(0)
			s.now += 9 * time.Second
			s.v.Mended(s.tick())
			s.now += 1900 * time.Millisecond
			s.released(1, 0)
			s.leave(1)
		}, nil},
		{"instances that can tell each other again are", func(s *stage) {
			s.onInstances("here", "there")
			s.meet(0, 1)
			s.v.Severed(s.tick())
			s.leave(0)
			s.now += time.Second
			s.v.Mended(s.tick())
			s.now += 2100 * time.Millisecond
			s.released(1, 0)
			s.leave(1)
		}, counts{rule.Release: 1}},
		{"the guests of one instance are told in time all the same", func(s *stage) {
			s.onInstances("here", "here")
			s.meet(0, 1)
			s.v.Severed(s.tick())
			s.leave(0)
			s.now += 3 * time.Second
			s.released(1, 0)
			s.leave(1)
		}, counts{rule.Release: 1}},
		{"and so are those of instances that nobody names", func(s *stage) {
			s.meet(0, 1)
			s.v.Severed(s.tick())
			s.leave(0)
			s.now += 3 * time.Second
			s.released(1, 0)
			s.leave(1)
		}, counts{rule.Release: 1}},
		{"who comes back from a killed instance does not go on with the chat", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Lost(s.tick())
			s.guests[0].Established(s.tick(), idOf(0))
			s.now += 11 * time.Second
			s.leave(1)
		}, counts{rule.Release: 1}},
		{"both come back from a killed instance and meet again", func(s *stage) {
			s.meet(0, 1)
			for i := range 2 {
				s.guests[i].Lost(s.tick())
			}
			s.now += 11 * time.Second
			for i := range 2 {
				s.guests[i].Established(s.tick(), idOf(i))
			}
			s.meet(0, 1)
			s.receive(1, 0, s.send(0, 1))
			s.part(0, 1)
		}, nil},
		{"a killed instance does not excuse a message lost before", func(s *stage) {
			s.meet(0, 1)
			s.send(0, 1)
			s.receive(1, 0, s.send(0, 2))
			s.guests[0].Lost(s.tick())
			s.hear(1, api.EventRoomClosed, 0)
		}, counts{rule.MessageLost: 1}},
		{"who searches anew leaves, and nobody is told", func(s *stage) {
			s.meet(0, 1)
			s.search(0)
			s.now += 3 * time.Second
		}, counts{rule.Release: 1}},
		{"matched with who had cancelled, and not told", func(s *stage) {
			s.search(0)
			s.search(1)
			s.guests[0].Cancelling(s.tick())
			s.matched(1, 0)
			s.hear(0, api.EventMatchCancelled)
			s.now += 3 * time.Second
		}, counts{rule.Release: 1}},
	})
}

// A server may take as long to notice a silent socket as its transport allows.
func TestASilentSocketIsNoticedInTheTimeOfItsTransport(t *testing.T) {
	for _, tt := range []struct {
		framing api.Framing
		silence time.Duration
		want    int64
	}{
		{api.JSON, 59 * time.Second, 0},
		{api.JSON, 61 * time.Second, 1},
		{api.SocketIO, 61 * time.Second, 0},
		{api.SocketIO, api.PingInterval + api.PingTimeout, 0},
		{api.SocketIO, 96 * time.Second, 1},
	} {
		for _, how := range []string{"silent", "gone"} {
			s := newStage(2)
			s.v.limits = Contract().Over(tt.framing)
			s.meet(0, 1)
			if how == "silent" {
				s.guests[0].Dropping(s.tick(), HalfOpen)
			} else {
				s.guests[0].Gone(s.tick())
			}
			s.now += tt.silence
			s.hear(1, api.EventRoomClosed, 0)
			if got := s.finish().Of(rule.Release).Count; got != tt.want {
				t.Errorf("%v, %s for %v: %d breaches, want %d", tt.framing, how, tt.silence, got, tt.want)
			}
		}
	}
	for _, limit := range []func(Limits) time.Duration{func(l Limits) time.Duration { return l.Release }, func(l Limits) time.Duration { return l.Instance }} {
		if a, b := limit(Contract().Over(api.JSON)), limit(Contract().Over(api.SocketIO)); a != b {
			t.Errorf("%v and %v: only silence depends on the transport", a, b)
		}
	}
}
