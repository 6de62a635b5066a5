package verify

import (
	"fmt"
	"math/rand/v2"
	"time"

	"guestload/scenarios/rule"
	"guestload/server/api"
)

// stage is a run of a few guests whose events are told one after the other, a
// millisecond apart.
type stage struct {
	v      *Verifier
	now    time.Duration
	guests []*Witness
	r      *rand.Rand
	ids    int
}

func newStage(guests int) *stage {
	s := &stage{v: New(Contract()), r: rand.New(rand.NewPCG(1, 2))}
	for i := range guests {
		w := s.v.Witness(i)
		w.Established(s.tick(), idOf(i))
		s.guests = append(s.guests, w)
	}
	return s
}

// onInstances says to which instance each guest's socket is.
func (s *stage) onInstances(names ...string) {
	for i, name := range names {
		s.guests[i].Through([]byte(name))
	}
}

func idOf(i int) string { return fmt.Sprintf("guest_%08d-0000-4000-8000-000000000000", i) }

func roomOf(a, b int) string { return min(idOf(a), idOf(b)) + "_" + max(idOf(a), idOf(b)) }

func (s *stage) tick() time.Duration {
	s.now += time.Millisecond
	return s.now
}

func (s *stage) hear(i int, event string, about ...int) {
	var id []byte
	if len(about) > 0 {
		id = []byte(idOf(about[0]))
	}
	s.guests[i].Heard(s.tick(), event, id)
}

func (s *stage) search(i int) {
	s.guests[i].Searching(s.tick())
	s.hear(i, api.EventSearching)
}

func (s *stage) matched(i, with int) {
	s.guests[i].Matched(s.tick(), []byte(idOf(with)), []byte(roomOf(i, with)))
}

// joined lets i hear both joins; first searched last.
func (s *stage) joined(i, first, second int) {
	s.hear(i, api.EventUserJoined, first)
	s.hear(i, api.EventUserJoined, second)
}

// meet takes two guests from searching to chatting; a waits, b comes.
func (s *stage) meet(a, b int) {
	s.search(a)
	s.hear(a, api.EventNoUsers)
	s.search(b)
	s.pair(a, b)
}

func (s *stage) pair(a, b int) {
	for _, g := range [][2]int{{b, a}, {a, b}} {
		s.matched(g[0], g[1])
		s.joined(g[0], b, a)
	}
}

func (s *stage) text(i, k int) []byte {
	return s.guests[i].Compose(nil, s.now, k, 9, 60, s.r)
}

func (s *stage) send(from, k int) []byte {
	text := s.text(from, k)
	s.guests[from].Sent(s.tick())
	return text
}

func (s *stage) receive(i, from int, text []byte) bool {
	_, ok := s.guests[i].Received(s.tick(), []byte(idOf(from)), text)
	return ok
}

// receipt tells the sender of the next message of both receipts.
func (s *stage) receipts(i int, delivered bool) {
	s.ids++
	id := fmt.Appendf(nil, "msg_%d", s.ids)
	s.guests[i].Acked(s.tick(), id)
	if delivered {
		s.guests[i].Delivered(s.tick(), id)
	}
}

func (s *stage) leave(i int) {
	s.guests[i].Leaving(s.tick())
	s.hear(i, api.EventUserLeft, i)
	s.hear(i, api.EventClearConfirmed)
}

func (s *stage) released(i, by int) {
	s.hear(i, api.EventUserLeft, by)
	s.hear(i, api.EventChatCleared, by)
}

// part ends the chat of a and b: a leaves.
func (s *stage) part(a, b int) {
	s.leave(a)
	s.released(b, a)
}

func (s *stage) finish() Report {
	for _, w := range s.guests {
		w.Dropping(s.tick(), Closed)
	}
	return s.v.Finish(s.tick(), nil)
}

// broken returns the rules that were broken, with their counts.
func broken(r Report) map[rule.ID]int64 {
	counts := make(map[rule.ID]int64)
	for _, v := range r.Violations {
		if v.Count > 0 {
			counts[rule.ID(v.Rule)] = v.Count
		}
	}
	return counts
}
