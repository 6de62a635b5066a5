package verify

import (
	"testing"
	"time"

	"guestload/scenarios/rule"
)

// TestWhoWaits: what a guest who waits for words has heard by then is judged while
// the chat goes on, and not told again at its end.
func TestWhoWaits(t *testing.T) {
	lose := func(s *stage, from int) {
		s.send(from, 1)
		s.receipts(from, true)
	}
	waits := func(t *testing.T, s *stage, i int, more int64) {
		t.Helper()
		before := s.v.Count()
		s.guests[i].Waiting(s.now)
		if found := s.v.Count() - before; found != more {
			t.Errorf("%v waits, and %d breaches are found, want %d", s.now, found, more)
		}
	}
	judge(t, []play{
		{"each for the other's words, which were lost", func(s *stage) {
			s.meet(0, 1)
			lose(s, 0)
			lose(s, 1)
			s.now += 6 * time.Second
			waits(t, s, 0, 1)
			waits(t, s, 0, 0)
			if !s.guests[0].Wronged() || !s.guests[1].Wronged() {
				t.Error("both go on waiting")
			}
			waits(t, s, 1, 1)
			s.part(0, 1)
		}, counts{rule.MessageLost: 2}},
		{"for the second of two that were lost", func(s *stage) {
			s.meet(0, 1)
			lose(s, 0)
			s.now += 6 * time.Second
			waits(t, s, 1, 1)
			lose(s, 0)
			waits(t, s, 1, 0)
			s.now += 6 * time.Second
			waits(t, s, 1, 1)
			s.part(0, 1)
		}, counts{rule.MessageLost: 2}},
		{"for words that come late", func(s *stage) {
			s.meet(0, 1)
			text := s.send(0, 1)
			s.receipts(0, true)
			s.now += 4 * time.Second
			waits(t, s, 1, 0)
			s.receive(1, 0, text)
			s.now += 6 * time.Second
			waits(t, s, 1, 0)
			s.part(0, 1)
		}, nil},
		{"while the generator is late", func(s *stage) {
			s.meet(0, 1)
			text := s.send(0, 1)
			s.receipts(0, true)
			s.v.Lagged(10 * time.Second)
			s.now += 14 * time.Second
			waits(t, s, 1, 0)
			s.receive(1, 0, text)
			s.part(0, 1)
		}, nil},
		{"for words that were not said", func(s *stage) {
			s.meet(0, 1)
			s.now += time.Hour
			waits(t, s, 1, 0)
			s.part(0, 1)
		}, nil},
		{"for a partner who has left", func(s *stage) {
			s.meet(0, 1)
			s.leave(0)
			s.now += time.Second
			waits(t, s, 1, 0)
			s.now += 2 * time.Second
			waits(t, s, 1, 1)
			waits(t, s, 1, 0)
			s.released(1, 0)
		}, counts{rule.Release: 1}},
		{"for a partner who has fallen silent", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Dropping(s.tick(), HalfOpen)
			s.now += 59 * time.Second
			waits(t, s, 1, 0)
			s.released(1, 0)
		}, nil},
		{"after the chat, and outside of one", func(s *stage) {
			waits(t, s, 0, 0)
			s.search(0)
			waits(t, s, 0, 0)
			s.search(1)
			s.pair(0, 1)
			lose(s, 0)
			s.part(0, 1)
			s.now += 6 * time.Second
			waits(t, s, 1, 0)
		}, counts{rule.MessageLost: 1}},
	})
}
