package verify

import (
	"testing"

	"guestload/scenarios/rule"
)

// TestMessageRules: what is said arrives whole, once, in order, and with the partner alone.
func TestMessageRules(t *testing.T) {
	judge(t, []play{
		{"two messages swapped", func(s *stage) {
			s.meet(0, 1)
			one, two := s.send(0, 1), s.send(0, 2)
			s.receive(1, 0, two)
			s.receive(1, 0, one)
			s.receive(1, 0, s.send(0, 3))
			s.part(0, 1)
		}, counts{rule.MessageOrder: 1}},
		{"one message twice", func(s *stage) {
			s.meet(0, 1)
			one := s.send(0, 1)
			s.receive(1, 0, one)
			s.receive(1, 0, one)
			s.part(0, 1)
		}, counts{rule.MessageOnce: 1}},
		{"one much later again", func(s *stage) {
			s.meet(0, 1)
			one := s.send(0, 1)
			s.receive(1, 0, one)
			for k := range 200 {
				s.receive(1, 0, s.send(0, k+2))
			}
			s.receive(1, 0, one)
			s.part(0, 1)
		}, counts{rule.MessageOnce: 1}},
		{"a gap of a hundred", func(s *stage) {
			s.meet(0, 1)
			for k := range 100 {
				s.send(0, k+1)
			}
			s.receive(1, 0, s.send(0, 101))
			s.part(1, 0)
		}, counts{rule.MessageLost: 100}},
		{"the end cut off", func(s *stage) {
			s.meet(0, 1)
			text := s.send(0, 1)
			s.receive(1, 0, text[:len(text)-1])
			s.part(0, 1)
		}, counts{rule.MessageWhole: 1}},
		{"the beginning cut off", func(s *stage) {
			s.meet(0, 1)
			s.receive(1, 0, s.send(0, 1)[4:])
			s.part(0, 1)
		}, counts{rule.MessageWhole: 1}},
		{"lost in the middle", func(s *stage) {
			s.meet(0, 1)
			s.receive(1, 0, s.send(0, 1))
			s.send(0, 2)
			s.receive(1, 0, s.send(0, 3))
			s.part(1, 0)
		}, counts{rule.MessageLost: 1}},
		{"lost at the end, and both stayed", func(s *stage) {
			s.meet(0, 1)
			s.receive(1, 0, s.send(0, 1))
			s.send(0, 2)
			s.part(0, 1)
		}, counts{rule.MessageLost: 1}},
		{"lost, though acknowledged as delivered", func(s *stage) {
			s.meet(0, 1)
			s.send(0, 1)
			s.receipts(0, true)
			s.part(1, 0)
		}, counts{rule.MessageLost: 1}},
		{"acknowledged as delivered after the end", func(s *stage) {
			s.meet(0, 1)
			s.send(0, 1)
			s.guests[0].Acked(s.tick(), []byte("late"))
			s.part(1, 0)
			s.guests[0].Delivered(s.tick(), []byte("late"))
		}, counts{rule.MessageLost: 1}},
		{"to a third", func(s *stage) {
			s.meet(0, 1)
			s.meet(2, 3)
			text := s.send(0, 1)
			s.receive(3, 0, text)
			s.receive(1, 0, text)
			s.part(0, 1)
			s.part(2, 3)
		}, counts{rule.MessageToPartner: 1}},
		{"to a third, under the name of the third's partner", func(s *stage) {
			s.meet(0, 1)
			s.meet(2, 3)
			text := s.send(0, 1)
			s.receive(3, 2, text)
			s.receive(1, 0, text)
			s.part(0, 1)
			s.part(2, 3)
		}, counts{rule.MessageToPartner: 1}},
		{"to somebody without a partner", func(s *stage) {
			s.meet(0, 1)
			text := s.send(0, 1)
			s.receive(2, 0, text)
			s.receive(1, 0, text)
			s.part(0, 1)
		}, counts{rule.MessageToPartner: 1}},
		{"after the leave", func(s *stage) {
			s.meet(0, 1)
			text := s.send(1, 1)
			s.leave(0)
			s.receive(0, 1, text)
			s.released(1, 0)
		}, counts{rule.AfterLeave: 1}},
		{"from the chat before", func(s *stage) {
			s.meet(0, 1)
			one := s.send(1, 1)
			s.receive(0, 1, one)
			s.part(0, 1)
			s.meet(0, 1)
			s.receive(0, 1, one)
			s.part(0, 1)
		}, counts{rule.AfterLeave: 1}},
	})
}
