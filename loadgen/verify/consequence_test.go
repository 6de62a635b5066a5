package verify

import (
	"maps"
	"testing"
	"time"

	"guestload/scenarios/rule"
)

// followed returns the consequences in a report, by cause and rule.
func followed(r Report) map[[2]rule.ID]int64 {
	all := map[[2]rule.ID]int64{}
	for _, v := range r.Violations {
		for _, c := range v.Consequences {
			all[[2]rule.ID{rule.ID(v.Rule), rule.ID(c.Rule)}] = c.Count
		}
	}
	return all
}

// A guest in a chat is matched again: all that comes of it has one cause.
func TestADoubleMatchIsOneCauseWithItsConsequences(t *testing.T) {
	s := newStage(5)
	s.meet(0, 1)
	s.search(2)
	s.matched(2, 0) // and 0 is told, too
	s.matched(0, 2)
	s.joined(0, 2, 0)
	for k := 1; k <= 50; k++ { // what 0 says to 2 reaches 1, and the other way round
		s.receive(1, 0, s.send(0, k))
		s.receive(0, 1, s.send(1, k))
	}
	s.leave(0)
	s.released(1, 0)
	s.now += 10 * time.Second // 2 is never told
	s.guests[2].Dropping(s.tick(), Closed)
	s.guests[2].Established(s.tick(), idOf(2))
	s.meet(0, 1) // in good order
	s.receive(1, 0, s.send(0, 1))
	s.part(0, 1)
	r := s.finish()
	if got := broken(r); !maps.Equal(got, counts{rule.OnePartner: 1}) {
		t.Errorf("causes %v, want one\n%s", got, render(r))
	}
	want := map[[2]rule.ID]int64{
		{rule.OnePartner, rule.OnePartner}:       1, // 0 was told of 2 as well
		{rule.OnePartner, rule.MessageToPartner}: 50,
		{rule.OnePartner, rule.AfterLeave}:       50,
		{rule.OnePartner, rule.Release}:          1,
	}
	if got := followed(r); !maps.Equal(got, want) {
		t.Errorf("consequences %v, want %v", got, want)
	}
}

// What happens to others, or later, or cannot follow is a cause of its own.
func TestCausesAreNotMixed(t *testing.T) {
	s := newStage(6)
	s.meet(0, 1)
	s.search(2)
	s.matched(2, 0)
	s.meet(3, 4)
	text := s.send(3, 1)
	s.receive(4, 3, text)
	s.receive(4, 3, text) // twice, to somebody else
	s.receive(1, 0, s.send(0, 1))
	text = s.send(0, 2)
	s.receive(1, 0, text)
	s.receive(1, 0, text) // twice, which does not follow from a double match
	s.part(3, 4)
	s.part(0, 1)
	s.meet(0, 1)
	s.meet(4, 3)
	text = s.send(3, 1)
	s.receive(0, 3, text) // in a later chat
	s.part(0, 1)
	s.part(3, 4)
	if got, want := broken(s.finish()), (counts{rule.OnePartner: 1, rule.MessageOnce: 2, rule.MessageToPartner: 1}); !maps.Equal(got, want) {
		t.Errorf("causes %v, want %v", got, want)
	}
}

// In every history of the model with one double match, few causes are left.
func TestOneFaultHasFewCauses(t *testing.T) {
	var causes, consequences, runs int64
	for seed := range uint64(60) {
		s := newSim(seed, 8, true)
		s.fault, s.faultIn = doubleTold, int(seed%7)
		r := s.run()
		if !s.faulty {
			continue
		}
		runs++
		causes += r.Total()
		for _, n := range followed(r) {
			consequences += n
		}
	}
	t.Logf("%d runs: %d causes, %d consequences", runs, causes, consequences)
	if causes > 2*runs || consequences < 2*runs {
		t.Errorf("%d runs with one double match each have %d causes and %d consequences", runs, causes, consequences)
	}
}
