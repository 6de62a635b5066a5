package verify

import (
	"flag"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"guestload/scenarios/rule"
	"guestload/server/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestOnlyWholeMessagesFromThePartnerCountAsDelivered(t *testing.T) {
	s := newStage(3)
	s.meet(0, 1)
	intended := s.now
	text := s.send(0, 1)
	m, ok := s.guests[1].Received(s.tick(), []byte(idOf(0)), text)
	if !ok || m.Guest != 0 || m.K != 1 || m.N != 9 || m.Intended != intended.Truncate(time.Microsecond) {
		t.Errorf("Received = %+v, %v", m, ok)
	}
	for what, ok := range map[string]bool{
		"a second time":    s.receive(1, 0, text),
		"cut short":        s.receive(1, 0, text[:30]),
		"by a third":       s.receive(2, 0, text),
		"without a header": s.receive(1, 0, []byte("hello")),
		"from a stranger":  s.receive(1, 77, []byte("hello")),
	} {
		if ok {
			t.Errorf("a message received %s counts as delivered", what)
		}
	}
}

func TestLeftovers(t *testing.T) {
	r := New(Contract()).Finish(0, Leftovers{"rooms": 0, "connectedSockets": 3, "availableUsers": -1})
	v := r.Of(rule.Leftover)
	want := []string{
		"availableUsers is -1 after the last guest has gone, and should be 0",
		"connectedSockets is 3 after the last guest has gone, and should be 0",
	}
	if v.Count != 2 || !slices.Equal(v.Examples, want) {
		t.Errorf("%+v", v)
	}
}

func TestAReportListsEveryRule(t *testing.T) {
	r := New(Contract()).Finish(0, nil)
	if r.Total() != 0 || len(r.Violations) != len(rule.All()) {
		t.Errorf("%+v", r)
	}
	for i, id := range rule.IDs() {
		if r.Violations[i].Rule != id {
			t.Errorf("violation %d is %q, want %q", i, r.Violations[i].Rule, id)
		}
	}
}

func TestExamplesAreFewAndCountsExact(t *testing.T) {
	s := newStage(2)
	s.meet(0, 1)
	text := s.send(0, 1)
	for range 101 {
		s.receive(1, 0, text)
	}
	if v := s.finish().Of(rule.MessageOnce); v.Count != 100 || len(v.Examples) != Examples {
		t.Errorf("count %d, %d examples; want 100 and %d", v.Count, len(v.Examples), Examples)
	}
}

func TestALateGeneratorStretchesTheLimits(t *testing.T) {
	s := newStage(2)
	s.v.Lagged(4 * time.Second)
	s.v.Lagged(time.Second) // the most counts
	s.meet(0, 1)
	s.guests[0].Dropping(s.tick(), Closed)
	s.now += 5 * time.Second
	s.hear(1, api.EventRoomClosed, 0)
	if r := s.finish(); r.Total() != 0 {
		t.Errorf("accused though the generator itself was 4 s late:\n%s", render(r))
	}
}

func TestAStoryTellsBothSides(t *testing.T) {
	s := newStage(4)
	s.meet(0, 1)
	for k := 1; k <= 6; k++ {
		s.receive(1, 0, s.send(0, k))
		s.receipts(0, true)
	}
	s.guests[0].Dropping(s.tick(), Reset)
	s.now += 3*time.Second + 217*time.Millisecond
	s.hear(1, api.EventRoomClosed, 0)
	s.search(2)
	s.matched(2, 77)
	s.receive(2, 1, []byte("hello"))
	got := render(s.finish())
	const golden = "testdata/history.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Breaches of time limits can be left out. What follows from them and has nothing to do
// with time then counts on its own.
func TestAReportWithoutTimeKeepsOrderAndContent(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		play                 func(s *stage)
		all, timeless, spent map[rule.ID]int64
	}{
		{"released late", func(s *stage) {
			s.meet(0, 1)
			s.guests[0].Dropping(s.tick(), Closed)
			s.now += 5 * time.Second
			s.hear(1, api.EventRoomClosed, 0)
		}, map[rule.ID]int64{rule.Release: 1}, nil, map[rule.ID]int64{rule.Release: 1}},
		{"not matched", func(s *stage) {
			s.search(0)
			s.search(1)
			s.now += 8 * time.Second
		}, map[rule.ID]int64{rule.MatchedInTime: 1}, nil, map[rule.ID]int64{rule.MatchedInTime: 1}},
		{"told twice", func(s *stage) {
			s.meet(0, 1)
			text := s.send(0, 1)
			s.receive(1, 0, text)
			s.receive(1, 0, text)
		}, map[rule.ID]int64{rule.MessageOnce: 1}, map[rule.ID]int64{rule.MessageOnce: 1}, nil},
		{"released late, and sent a message of the chat", func(s *stage) {
			s.meet(0, 1)
			text := s.send(0, 1)
			s.leave(0)
			s.now += 5 * time.Second
			s.released(1, 0)
			s.receive(1, 0, text)
		}, map[rule.ID]int64{rule.Release: 1}, map[rule.ID]int64{rule.AfterLeave: 1, rule.MessageLost: 1}, map[rule.ID]int64{rule.Release: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(4)
			tt.play(s)
			all := s.finish()
			timeless, spent := all.WithoutTime()
			for what, of := range map[string]struct {
				got  Report
				want map[rule.ID]int64
			}{"all": {all, tt.all}, "without time": {timeless, tt.timeless}, "late": {Report{Violations: spent}, tt.spent}} {
				if got := broken(of.got); !maps.Equal(got, of.want) {
					t.Errorf("%s: %v, want %v", what, got, of.want)
				}
			}
			if len(timeless.Violations) != len(rule.All()) {
				t.Errorf("%d rules", len(timeless.Violations))
			}
		})
	}
}
