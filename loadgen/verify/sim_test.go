package verify

import (
	"slices"
	"testing"

	"guestload/scenarios/rule"
)

// TestACorrectServerIsNeverAccused: whatever order delays, resets, takeovers,
// cancels and second instances put things in.
func TestACorrectServerIsNeverAccused(t *testing.T) {
	matches, messages := int64(0), int64(0)
	for seed := range uint64(300) {
		s := newSim(seed, 3+int(seed%20), seed%4 == 0)
		s.picky = seed%3 == 0
		r := s.run()
		if r.Total() != 0 {
			t.Fatalf("seed %d: a correct history is accused:\n%s", seed, render(r))
		}
		matches, messages = matches+r.Matches, messages+r.Messages
	}
	t.Logf("%d matches and %d messages without an accusation", matches, messages)
	if matches < 3000 || messages < 10000 {
		t.Errorf("only %d matches and %d messages: too few to mean anything", matches, messages)
	}
}

// TestEveryFaultIsFound plants one fault in a history in which everybody stays
// to the end, so that no race can excuse it.
func TestEveryFaultIsFound(t *testing.T) {
	for _, f := range faults() {
		t.Run(string(f), func(t *testing.T) {
			planted, missed := 0, 0
			for seed := range uint64(60) {
				s := newSim(seed, 8, true)
				s.fault, s.faultIn, s.picky = f, int(seed%7), f.picky()
				if f == lastFirst || f == sameAgain {
					s.faultIn = 0 // there are few opportunities
				}
				r := s.run()
				if !s.faulty {
					continue
				}
				planted++
				if !slices.ContainsFunc(f.finds(), func(id rule.ID) bool { return r.Of(id).Count > 0 }) {
					if missed++; !f.elusive() {
						t.Fatalf("seed %d: not found; the report is:\n%s", seed, render(r))
					}
				}
			}
			if planted < 20 || missed > planted/2 {
				t.Errorf("planted only %d times, and not found %d times", planted, missed)
			}
		})
	}
}

func render(r Report) string {
	text := ""
	for _, v := range r.Violations {
		for _, e := range v.Examples {
			text += string(v.Rule) + ": " + e + "\n"
		}
	}
	return text
}
