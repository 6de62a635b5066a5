package verify

import (
	"maps"
	"testing"
	"time"

	"guestload/server/api"
)

// TestRules: each play is told what it must be accused of, and of nothing else.
func TestRules(t *testing.T) {
	type counts = map[Rule]int64
	for _, c := range []struct {
		name string
		play func(*stage)
		want counts
	}{
		{"two meet, talk and part", func(s *stage) {
			s.meet(0, 1)
			for k := 1; k <= 9; k++ {
				s.receive(1, 0, s.send(0, k))
				s.receipts(0, true)
				s.receive(0, 1, s.send(1, k))
				s.receipts(1, true)
			}
			s.part(0, 1)
		}, nil},
		{"meeting again is another chat", func(s *stage) {
			for range 10 {
				s.meet(0, 1)
				s.receive(1, 0, s.send(0, 1))
				s.part(1, 0)
			}
		}, nil},
		{"a guest is matched while in a chat", func(s *stage) {
			s.meet(0, 1)
			s.search(2)
			s.matched(0, 2)
			s.matched(2, 0)
		}, counts{OnePartner: 1}},
		{"a third is told of a partner who is taken", func(s *stage) {
			s.meet(0, 1)
			s.search(2)
			s.matched(2, 0)
			s.part(0, 1)
		}, counts{OnePartner: 1}},
		{"two are told of one who searches", func(s *stage) {
			s.search(0)
			s.search(1)
			s.search(2)
			s.matched(1, 0)
			s.matched(2, 0)
			s.matched(0, 1)
		}, counts{OnePartner: 1}},
		{"one is told of a partner who is told of another", func(s *stage) {
			s.search(0)
			s.search(1)
			s.search(2)
			s.matched(2, 0)
			s.matched(1, 0)
			s.matched(0, 1)
		}, counts{OnePartner: 1}},
		{"who is deaf is told too late", func(s *stage) {
			s.meet(0, 1)
			s.guests[1].Deaf()
			s.now += 30 * time.Second
			s.leave(0)
			s.now += 10 * time.Second
			s.released(1, 0)
		}, nil},
		{"who is deaf and cut off loses what was on its way", func(s *stage) {
			s.meet(0, 1)
			s.guests[1].Deaf()
			s.send(0, 1)
			s.receipts(0, true)
			s.now += 30 * time.Second
			s.guests[1].Gone(s.tick())
			s.released(0, 1)
		}, nil},
		{"who was deaf must be told in time again", func(s *stage) {
			s.meet(0, 1)
			s.guests[1].Deaf()
			s.now += 30 * time.Second
			s.guests[1].Listening(s.tick())
			s.leave(0)
			s.now += 10 * time.Second
			s.released(1, 0)
		}, counts{Release: 1}},
		{"the partner of who is deaf is told in time all the same", func(s *stage) {
			s.meet(0, 1)
			s.guests[1].Deaf()
			s.guests[1].Dropping(s.tick(), Reset)
			s.now += 10 * time.Second
			s.released(0, 1)
		}, counts{Release: 1}},
		{"a partner who never searched", func(s *stage) {
			s.search(0)
			s.matched(0, 1)
		}, counts{SymmetricPartner: 1}},
		{"a partner who is never told", func(s *stage) {
			s.search(0)
			s.search(1)
			s.matched(0, 1)
			s.now += 6 * time.Second
		}, counts{SymmetricPartner: 1}},
		{"told that a partner has gone who has not", func(s *stage) {
			s.meet(0, 1)
			s.released(1, 0)
			s.now += time.Second
			s.leave(0)
		}, counts{SymmetricPartner: 1}},
		{"with oneself", func(s *stage) {
			s.search(0)
			s.matched(0, 0)
		}, counts{NotOneself: 1}},
		{"told twice", func(s *stage) {
			s.meet(0, 1)
			s.matched(0, 1)
			s.part(0, 1)
		}, counts{ToldOnce: 1}},
		{"matched without searching", func(s *stage) {
			s.search(1)
			s.matched(0, 1)
			s.matched(1, 0)
		}, counts{EventOrder: 1}},
		{"matched before the search is answered", func(s *stage) {
			s.search(0)
			s.guests[1].Searching(s.tick())
			s.pair(0, 1)
			s.hear(1, api.EventSearching)
		}, counts{EventOrder: 1}},
		{"no_users after the match", func(s *stage) {
			s.meet(0, 1)
			s.hear(0, api.EventNoUsers)
			s.part(0, 1)
		}, counts{EventOrder: 1}},
		{"no_users before searching", func(s *stage) {
			s.guests[0].Searching(s.tick())
			s.hear(0, api.EventNoUsers)
		}, counts{EventOrder: 1}},
		{"a join is missing", func(s *stage) {
			s.search(0)
			s.search(1)
			s.matched(1, 0)
			s.matched(0, 1)
			s.joined(0, 1, 0)
			s.hear(1, api.EventUserJoined, 1)
			s.part(0, 1)
		}, counts{EventOrder: 1}},
		{"joins in two orders", func(s *stage) {
			s.search(0)
			s.search(1)
			s.matched(1, 0)
			s.matched(0, 1)
			s.joined(0, 1, 0)
			s.joined(1, 0, 1)
			s.part(0, 1)
		}, counts{EventOrder: 1}},
		{"a stranger joins", func(s *stage) {
			s.meet(0, 1)
			s.hear(0, api.EventUserJoined, 2)
			s.hear(0, api.EventUserJoined, 1)
			s.part(0, 1)
		}, counts{EventOrder: 2}},
		{"another room", func(s *stage) {
			s.search(0)
			s.search(1)
			s.guests[0].Matched(s.tick(), []byte(idOf(1)), []byte(idOf(1)+"_"+idOf(0)))
			s.joined(0, 0, 1)
			s.matched(1, 0)
			s.joined(1, 0, 1)
			s.part(0, 1)
		}, counts{RoomID: 1}},
		{"one id for two", func(s *stage) {
			w := s.v.Witness(17)
			w.Established(s.tick(), idOf(0))
		}, counts{UniqueID: 1}},

		{"two messages swapped", func(s *stage) {
			s.meet(0, 1)
			one, two := s.send(0, 1), s.send(0, 2)
			s.receive(1, 0, two)
			s.receive(1, 0, one)
			s.receive(1, 0, s.send(0, 3))
			s.part(0, 1)
		}, counts{MessageOrder: 1}},
		{"one message twice", func(s *stage) {
			s.meet(0, 1)
			one := s.send(0, 1)
			s.receive(1, 0, one)
			s.receive(1, 0, one)
			s.part(0, 1)
		}, counts{MessageOnce: 1}},
		{"one much later again", func(s *stage) {
			s.meet(0, 1)
			one := s.send(0, 1)
			s.receive(1, 0, one)
			for k := range 200 {
				s.receive(1, 0, s.send(0, k+2))
			}
			s.receive(1, 0, one)
			s.part(0, 1)
		}, counts{MessageOnce: 1}},
		{"a gap of a hundred", func(s *stage) {
			s.meet(0, 1)
			for k := range 100 {
				s.send(0, k+1)
			}
			s.receive(1, 0, s.send(0, 101))
			s.part(1, 0)
		}, counts{MessageLost: 100}},
		{"the end cut off", func(s *stage) {
			s.meet(0, 1)
			text := s.send(0, 1)
			s.receive(1, 0, text[:len(text)-1])
			s.part(0, 1)
		}, counts{MessageWhole: 1}},
		{"the beginning cut off", func(s *stage) {
			s.meet(0, 1)
			s.receive(1, 0, s.send(0, 1)[4:])
			s.part(0, 1)
		}, counts{MessageWhole: 1}},
		{"lost in the middle", func(s *stage) {
			s.meet(0, 1)
			s.receive(1, 0, s.send(0, 1))
			s.send(0, 2)
			s.receive(1, 0, s.send(0, 3))
			s.part(1, 0)
		}, counts{MessageLost: 1}},
		{"lost at the end, and both stayed", func(s *stage) {
			s.meet(0, 1)
			s.receive(1, 0, s.send(0, 1))
			s.send(0, 2)
			s.part(0, 1)
		}, counts{MessageLost: 1}},
		{"lost, though acknowledged as delivered", func(s *stage) {
			s.meet(0, 1)
			s.send(0, 1)
			s.receipts(0, true)
			s.part(1, 0)
		}, counts{MessageLost: 1}},
		{"acknowledged as delivered after the end", func(s *stage) {
			s.meet(0, 1)
			s.send(0, 1)
			s.guests[0].Acked(s.tick(), []byte("late"))
			s.part(1, 0)
			s.guests[0].Delivered(s.tick(), []byte("late"))
		}, counts{MessageLost: 1}},
		{"to a third", func(s *stage) {
			s.meet(0, 1)
			s.meet(2, 3)
			text := s.send(0, 1)
			s.receive(3, 0, text)
			s.receive(1, 0, text)
			s.part(0, 1)
			s.part(2, 3)
		}, counts{MessageToPartner: 1}},
		{"to a third, under the name of the third's partner", func(s *stage) {
			s.meet(0, 1)
			s.meet(2, 3)
			text := s.send(0, 1)
			s.receive(3, 2, text)
			s.receive(1, 0, text)
			s.part(0, 1)
			s.part(2, 3)
		}, counts{MessageToPartner: 1}},
		{"to somebody without a partner", func(s *stage) {
			s.meet(0, 1)
			text := s.send(0, 1)
			s.receive(2, 0, text)
			s.receive(1, 0, text)
			s.part(0, 1)
		}, counts{MessageToPartner: 1}},
		{"after the leave", func(s *stage) {
			s.meet(0, 1)
			text := s.send(1, 1)
			s.leave(0)
			s.receive(0, 1, text)
			s.released(1, 0)
		}, counts{AfterLeave: 1}},
		{"from the chat before", func(s *stage) {
			s.meet(0, 1)
			one := s.send(1, 1)
			s.receive(0, 1, one)
			s.part(0, 1)
			s.meet(0, 1)
			s.receive(0, 1, one)
			s.part(0, 1)
		}, counts{AfterLeave: 1}},
		{"the partner of a leaver is not told", func(s *stage) {
			s.meet(0, 1)
			s.leave(0)
			s.now += 3 * time.Second
			s.leave(1)
		}, counts{Release: 1}},
		{"the partner of a dropped guest is not told", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Dropping(s.tick(), Reset)
			s.now += 3 * time.Second
		}, counts{Release: 1}},
		{"the partner is told too late", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Dropping(s.tick(), Closed)
			s.now += 3 * time.Second
			s.hear(1, api.EventRoomClosed, 0)
		}, counts{Release: 1}},
		{"the partner of a silent guest is told too late", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Dropping(s.tick(), HalfOpen)
			s.now += 61 * time.Second
			s.hear(1, api.EventRoomClosed, 0)
		}, counts{Release: 1}},
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
		}, counts{Release: 1}},
		{"who comes back from a killed instance does not go on with the chat", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Lost(s.tick())
			s.guests[0].Established(s.tick(), idOf(0))
			s.now += 11 * time.Second
			s.leave(1)
		}, counts{Release: 1}},
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
		}, counts{MessageLost: 1}},
		{"who searches anew leaves, and nobody is told", func(s *stage) {
			s.meet(0, 1)
			s.search(0)
			s.now += 3 * time.Second
		}, counts{Release: 1}},
		{"matched with who had cancelled, and not told", func(s *stage) {
			s.search(0)
			s.search(1)
			s.guests[0].Cancelling(s.tick())
			s.matched(1, 0)
			s.hear(0, api.EventMatchCancelled)
			s.now += 3 * time.Second
		}, counts{Release: 1}},

		{"a message under way when the partner leaves", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Leaving(s.tick())
			s.send(1, 1)
			s.receipts(1, false)
			s.hear(0, api.EventClearConfirmed)
			s.released(1, 0)
		}, nil},
		{"a message that comes between leave and confirmation", func(s *stage) {
			s.meet(0, 1)
			text := s.send(1, 1)
			s.guests[0].Leaving(s.tick())
			s.receive(0, 1, text)
			s.hear(0, api.EventClearConfirmed)
			s.released(1, 0)
		}, nil},
		{"messages lost with a reset socket", func(s *stage) {
			s.meet(0, 1)
			s.receive(1, 0, s.send(0, 1))
			s.send(0, 2)
			s.send(1, 1)
			s.receipts(1, true)
			s.guests[0].Dropping(s.tick(), Reset)
			s.hear(1, api.EventRoomClosed, 0)
		}, nil},
		{"a message that was refused", func(s *stage) {
			s.meet(0, 1)
			s.receive(1, 0, s.send(0, 1))
			s.receipts(0, true)
			s.send(0, 2)
			s.hear(0, api.EventChatError)
			s.receive(1, 0, s.send(0, 3))
			s.part(0, 1)
		}, nil},
		{"both leave at once", func(s *stage) {
			s.meet(0, 1)
			s.send(1, 1)
			s.guests[0].Leaving(s.tick())
			s.guests[1].Leaving(s.tick())
			s.hear(0, api.EventClearConfirmed)
			s.released(1, 0)
			s.hear(1, api.EventClearConfirmed)
		}, nil},
		{"both leave at once, and one is never answered", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Leaving(s.tick())
			s.guests[1].Leaving(s.tick())
			s.hear(0, api.EventClearConfirmed)
			s.now += 10 * time.Second
			s.guests[1].Dropping(s.tick(), Reset)
		}, nil},
		{"a leave that is lost with the socket", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Leaving(s.tick())
			s.guests[0].Dropping(s.tick(), HalfOpen)
			s.now += 50 * time.Second
			s.hear(1, api.EventRoomClosed, 0)
		}, nil},
		{"a match that crosses a cancel", func(s *stage) {
			s.search(0)
			s.search(1)
			s.guests[0].Cancelling(s.tick())
			s.pair(0, 1)
			s.hear(0, api.EventMatchCancelled)
			s.part(0, 1)
		}, nil},
		{"told of one who has cancelled, and then of the end", func(s *stage) {
			s.search(0)
			s.search(1)
			s.guests[0].Cancelling(s.tick())
			s.hear(0, api.EventMatchCancelled)
			s.matched(1, 0)
			s.joined(1, 1, 0)
			s.released(1, 0)
		}, nil},
		{"matched with who fell silent", func(s *stage) {
			s.search(0)
			s.guests[0].Dropping(s.tick(), HalfOpen)
			s.search(1)
			s.matched(1, 0)
			s.joined(1, 1, 0)
			s.now += 40 * time.Second
			s.hear(1, api.EventRoomClosed, 0)
		}, nil},
		{"a newer socket takes the chat over", func(s *stage) {
			s.meet(0, 1)
			s.receive(0, 1, s.send(1, 1))
			s.send(1, 2) // lost with the old socket
			s.guests[0].Established(s.tick(), idOf(0))
			s.receive(0, 1, s.send(1, 3))
			s.part(0, 1)
		}, nil},
		{"a guest comes back to a partner who was told", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Dropping(s.tick(), Reset)
			s.hear(1, api.EventRoomClosed, 0)
			s.guests[0].Established(s.tick(), idOf(0))
			s.hear(0, api.EventRoomClosed, 1)
			s.meet(0, 1)
			s.part(0, 1)
		}, nil},
		{"a match with a stranger", func(s *stage) {
			s.search(0)
			s.matched(0, 77)
			s.joined(0, 0, 77)
			s.receive(0, 77, []byte("hi, i am a person"))
			s.send(0, 1)
			s.released(0, 77)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(4)
			c.play(s)
			r := s.finish()
			want := c.want
			if want == nil {
				want = counts{}
			}
			if got := broken(r); !maps.Equal(got, want) {
				t.Errorf("accused of %v, want %v\n%s", got, want, render(r))
			}
		})
	}
}
