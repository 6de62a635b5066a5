package session

import (
	"testing"
	"testing/synctest"
	"time"

	"guestload/scenarios"
)

// Where it is known how many guests come, the last one does not wait for nobody: but
// for whoever can still be found.
func TestASearchEndsWhenNobodyIsLeftToBeFound(t *testing.T) {
	seeker := func(is, wants string, begin time.Duration) scenarios.Script {
		wait := scenarios.Step{Kind: scenarios.Wait, Until: begin}
		s := script(is, step(scenarios.Create), step(scenarios.Connect), wait, searchFor(time.Minute), dropping(scenarios.Clean))
		s.Profile.Language, s.Steps[3].Wants.Language = []string{is}, []string{wants}
		return s
	}
	any := script("any", step(scenarios.Create), step(scenarios.Connect), searchFor(time.Minute), chatOf(2, 1), dropping(scenarios.Clean))
	late := script("late", step(scenarios.Create), step(scenarios.Connect), scenarios.Step{Kind: scenarios.Wait, Until: 20 * time.Second}, searchFor(time.Minute), dropping(scenarios.Clean))
	for _, c := range []struct {
		name    string
		mute    bool // the server matches nobody
		guests  int
		scripts []scenarios.Script
		want    []Fate
		least   time.Duration
		most    time.Duration
	}{
		{"the odd one of three", false, 3, []scenarios.Script{any, any, any}, []Fate{Completed, Completed, Unmatched}, 3 * time.Second, 6 * time.Second},
		{"how many come is not known", false, 0, []scenarios.Script{any, any, any}, []Fate{Completed, Completed, Unmatched}, time.Minute, 2 * time.Minute},
		{"somebody comes late", false, 2, []scenarios.Script{any, late}, []Fate{Completed, Completed}, 20 * time.Second, 25 * time.Second},
		{"one who was expected has not come", false, 4, []scenarios.Script{any, any, any}, []Fate{Completed, Completed, Unmatched}, time.Minute, 2 * time.Minute},
		{"two who do not want each other", false, 2, []scenarios.Script{seeker("de", "fr", 0), seeker("de", "ja", 0)}, []Fate{Unmatched, Unmatched}, time.Second, 3 * time.Second},
		{"two whom the server does not match", true, 2, []scenarios.Script{any, any}, []Fate{Failed, Failed}, time.Minute, 2 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				server := newFakeServer()
				server.faulty = c.mute
				server.deaf["user:match"] = c.mute
				s := perform(t, t.Context(), server, func(s *Setting) { s.Guests = c.guests }, c.scripts...)
				s.wantFates(t, c.want...)
				if took := time.Since(begin); took < c.least || took > c.most {
					t.Errorf("took %v, want %v to %v", took, c.least, c.most)
				}
			})
		})
	}
}
