package verify

import (
	"testing"
	"time"

	"guestload/scenarios/rule"
	"guestload/server/api"
)

// TestMatchRules: who meets whom, and how both are told.
func TestMatchRules(t *testing.T) {
	judge(t, []play{
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
		}, counts{rule.OnePartner: 1}},
		{"a third is told of a partner who is taken", func(s *stage) {
			s.meet(0, 1)
			s.search(2)
			s.matched(2, 0)
			s.part(0, 1)
		}, counts{rule.OnePartner: 1}},
		{"two are told of one who searches", func(s *stage) {
			s.search(0)
			s.search(1)
			s.search(2)
			s.matched(1, 0)
			s.matched(2, 0)
			s.matched(0, 1)
		}, counts{rule.OnePartner: 1}},
		{"one is told of a partner who is told of another", func(s *stage) {
			s.search(0)
			s.search(1)
			s.search(2)
			s.matched(2, 0)
			s.matched(1, 0)
			s.matched(0, 1)
		}, counts{rule.OnePartner: 1}},
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
		}, counts{rule.Release: 1}},
		{"the partner of who is deaf is told in time all the same", func(s *stage) {
			s.meet(0, 1)
			s.guests[1].Deaf()
			s.guests[1].Dropping(s.tick(), Reset)
			s.now += 10 * time.Second
			s.released(0, 1)
		}, counts{rule.Release: 1}},
		{"a partner who never searched", func(s *stage) {
			s.search(0)
			s.matched(0, 1)
		}, counts{rule.SymmetricPartner: 1}},
		{"a partner who is never told", func(s *stage) {
			s.search(0)
			s.search(1)
			s.matched(0, 1)
			s.now += 6 * time.Second
		}, counts{rule.SymmetricPartner: 1}},
		{"told that a partner has gone who has not", func(s *stage) {
			s.meet(0, 1)
			s.released(1, 0)
			s.now += time.Second
			s.leave(0)
		}, counts{rule.SymmetricPartner: 1}},
		{"with oneself", func(s *stage) {
			s.search(0)
			s.matched(0, 0)
		}, counts{rule.NotOneself: 1}},
		{"told twice", func(s *stage) {
			s.meet(0, 1)
			s.matched(0, 1)
			s.part(0, 1)
		}, counts{rule.ToldOnce: 1}},
		{"matched without searching", func(s *stage) {
			s.search(1)
			s.matched(0, 1)
			s.matched(1, 0)
		}, counts{rule.EventOrder: 1}},
		{"matched before the search is answered", func(s *stage) {
			s.search(0)
			s.guests[1].Searching(s.tick())
			s.pair(0, 1)
			s.hear(1, api.EventSearching)
		}, counts{rule.EventOrder: 1}},
		{"no_users after the match", func(s *stage) {
			s.meet(0, 1)
			s.hear(0, api.EventNoUsers)
			s.part(0, 1)
		}, counts{rule.EventOrder: 1}},
		{"no_users before searching", func(s *stage) {
			s.guests[0].Searching(s.tick())
			s.hear(0, api.EventNoUsers)
		}, counts{rule.EventOrder: 1}},
		{"a join is missing", func(s *stage) {
			s.search(0)
			s.search(1)
			s.matched(1, 0)
			s.matched(0, 1)
			s.joined(0, 1, 0)
			s.hear(1, api.EventUserJoined, 1)
			s.part(0, 1)
		}, counts{rule.EventOrder: 1}},
		{"joins in two orders", func(s *stage) {
			s.search(0)
			s.search(1)
			s.matched(1, 0)
			s.matched(0, 1)
			s.joined(0, 1, 0)
			s.joined(1, 0, 1)
			s.part(0, 1)
		}, counts{rule.EventOrder: 1}},
		{"a stranger joins", func(s *stage) {
			s.meet(0, 1)
			s.hear(0, api.EventUserJoined, 2)
			s.hear(0, api.EventUserJoined, 1)
			s.part(0, 1)
		}, counts{rule.EventOrder: 2}},
		{"another room", func(s *stage) {
			s.search(0)
			s.search(1)
			s.guests[0].Matched(s.tick(), []byte(idOf(1)), []byte(idOf(1)+"_"+idOf(0)))
			s.joined(0, 0, 1)
			s.matched(1, 0)
			s.joined(1, 0, 1)
			s.part(0, 1)
		}, counts{rule.RoomID: 1}},
		{"one id for two", func(s *stage) {
			w := s.v.Witness(17)
			w.Established(s.tick(), idOf(0))
		}, counts{rule.UniqueID: 1}},
	})
}
