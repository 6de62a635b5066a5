package verify

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guestload/scenarios/rule"
	"guestload/server/api"
)

// TestEveryOrderOfACorrectChatIsAccepted takes one chat and tells it in every
// order in which the two sides can have seen it.
func TestEveryOrderOfACorrectChatIsAccepted(t *testing.T) {
	type step struct {
		after []string // what must have happened before, besides the guest's own steps
		name  string
		do    func(*stage, map[string][]byte)
	}
	match := func(i, with int) func(*stage, map[string][]byte) {
		return func(s *stage, _ map[string][]byte) { s.matched(i, with); s.joined(i, 1, 0) }
	}
	send := func(i, k int, name string) func(*stage, map[string][]byte) {
		return func(s *stage, texts map[string][]byte) { texts[name] = s.send(i, k) }
	}
	receive := func(i, from int, name string) func(*stage, map[string][]byte) {
		return func(s *stage, texts map[string][]byte) { s.receive(i, from, texts[name]) }
	}
	steps := [2][]step{
		{
			{name: "a searches", do: func(s *stage, _ map[string][]byte) { s.guests[0].Searching(s.tick()) }},
			{name: "a waits", do: func(s *stage, _ map[string][]byte) { s.hear(0, api.EventSearching); s.hear(0, api.EventNoUsers) }},
			{name: "a matched", after: []string{"b searches"}, do: match(0, 1)},
			{name: "a1", do: send(0, 1, "a1")},
			{name: "a2", do: send(0, 2, "a2")},
			{name: "a receives b1", after: []string{"b1"}, do: receive(0, 1, "b1")},
			{name: "a leaves", do: func(s *stage, _ map[string][]byte) { s.guests[0].Leaving(s.tick()) }},
			{name: "a confirmed", do: func(s *stage, _ map[string][]byte) { s.hear(0, api.EventClearConfirmed) }},
			{name: "a goes", do: func(s *stage, _ map[string][]byte) { s.guests[0].Dropping(s.tick(), Closed) }},
		},
		{
			{name: "b searches", do: func(s *stage, _ map[string][]byte) { s.guests[1].Searching(s.tick()) }},
			{name: "b matched", after: []string{"a searches"}, do: func(s *stage, _ map[string][]byte) {
				s.hear(1, api.EventSearching)
				s.matched(1, 0)
				s.joined(1, 1, 0)
			}},
			{name: "b1", do: send(1, 1, "b1")},
			{name: "b receives", after: []string{"a1", "a2"}, do: func(s *stage, texts map[string][]byte) {
				s.receive(1, 0, texts["a1"])
				s.receive(1, 0, texts["a2"])
			}},
			{name: "b2", do: send(1, 2, "b2")}, // which may come too late
			{name: "b released", after: []string{"a leaves"}, do: func(s *stage, _ map[string][]byte) { s.released(1, 0) }},
			{name: "b goes", do: func(s *stage, _ map[string][]byte) { s.guests[1].Dropping(s.tick(), Reset) }},
		},
	}
	orders := 0
	var extend func(order []step, at [2]int, done map[string]bool)
	extend = func(order []step, at [2]int, done map[string]bool) {
		if at[0] == len(steps[0]) && at[1] == len(steps[1]) {
			orders++
			s, texts := newStage(2), map[string][]byte{}
			var names []string
			for _, st := range order {
				st.do(s, texts)
				names = append(names, st.name)
			}
			if r := s.v.Finish(s.tick(), nil); r.Total() != 0 {
				t.Fatalf("accused in the order %s:\n%s", strings.Join(names, ", "), render(r))
			}
			return
		}
		for g := range steps {
			if at[g] == len(steps[g]) {
				continue
			}
			st := steps[g][at[g]]
			if slices.ContainsFunc(st.after, func(name string) bool { return !done[name] }) {
				continue
			}
			next := at
			next[g]++
			done[st.name] = true
			extend(append(order, st), next, done)
			done[st.name] = false
		}
	}
	extend(nil, [2]int{}, map[string]bool{})
	if orders < 500 {
		t.Errorf("only %d orders", orders)
	}
	t.Logf("%d orders", orders)
}

// TestManyGoroutines is for the race detector: many pairs at once, each guest
// on a goroutine of its own, and stories told while others go on.
func TestManyGoroutines(t *testing.T) {
	limits := Contract()
	limits.Match = 2 * time.Hour // all search at the start, and the pairs are made up
	v := New(limits)
	const pairs = 40
	var wg sync.WaitGroup
	for p := range pairs {
		both := [2]chan []byte{make(chan []byte, 1), make(chan []byte, 1)}
		for side := range both {
			me, other := 2*p+side, 2*p+1-side
			wg.Go(func() {
				w, r := v.Witness(me), rand.New(rand.NewPCG(uint64(me), 0))
				start := time.Now()
				at := func() time.Duration { return time.Since(start) + time.Hour }
				w.Established(0, idOf(me))
				w.Searching(1)
				w.Heard(2, api.EventSearching, nil)
				both[1-side] <- nil // the other may go on
				<-both[side]
				w.Matched(at(), []byte(idOf(other)), []byte(roomOf(me, other)))
				for k := range 200 {
					text := w.Compose(nil, at(), k+1, 200, 60, r)
					w.Sent(at())
					both[1-side] <- text
					text = <-both[side]
					w.Received(at(), []byte(idOf(other)), text)
					if k%50 == 7 {
						w.Received(at(), []byte(idOf(other)), text) // a fault, and a story
					}
					w.Acked(at(), fmt.Appendf(nil, "%d/%d", me, k))
					w.Delivered(at(), fmt.Appendf(nil, "%d/%d", me, k))
				}
				w.Dropping(at(), Reset)
			})
		}
	}
	wg.Wait()
	r := v.Finish(2*time.Hour, nil)
	if got := broken(r); !maps.Equal(got, map[rule.ID]int64{rule.MessageOnce: pairs * 2 * 4}) {
		t.Errorf("accused of %v\n%s", got, render(r))
	}
	if r.Matches != 2*pairs || r.Messages != 2*pairs*204 {
		t.Errorf("%d matches, %d messages", r.Matches, r.Messages)
	}
}
