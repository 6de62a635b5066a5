package verify

import (
	"maps"
	"testing"
	"time"

	"guestload/scenarios/rule"
	"guestload/server/api"
)

type counts = map[rule.ID]int64

// play is what guests and server do, and what it must be accused of.
type play struct {
	name string
	play func(*stage)
	want counts // nil for nothing
}

// judge plays each and looks at what it is accused of: that, and nothing else.
func judge(t *testing.T, plays []play) {
	for _, c := range plays {
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

// TestGoodPlays: what may happen in good order, however seldom, is no breach.
func TestGoodPlays(t *testing.T) {
	judge(t, []play{
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
	})
}
