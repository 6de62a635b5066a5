package session

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guestload/scenarios"
)

func TestWhoSpeaksAfterAChatMustBeRefused(t *testing.T) {
	speaking := func(after scenarios.After) scenarios.Step {
		return scenarios.Step{Kind: scenarios.Speak, After: after, Within: 3 * time.Second}
	}
	opening := func(name string, then ...scenarios.Step) scenarios.Script {
		steps := []scenarios.Step{step(scenarios.Create), step(scenarios.Connect), searchFor(time.Second), chatOf(1, 0.1)}
		return script(name, append(steps, then...)...)
	}
	leaver := opening("leaver")
	stayer := opening("stayer", staying(scenarios.Idle, 10))
	for name, tt := range map[string]struct {
		other, speaker scenarios.Script
		hoard          bool
		want           string
	}{
		"after being left":        {leaver, opening("speaker", speaking(scenarios.Left)), false, "refusal=1"},
		"after leaving":           {stayer, opening("speaker", speaking(scenarios.Leaving)), false, "refusal=1"},
		"while the partner stays": {stayer, opening("speaker", speaking(scenarios.Left)), false, ""},
		"and the server agrees":   {leaver, opening("speaker", speaking(scenarios.Left)), true, "refusal!accepted=1"},
		"twice":                   {leaver, opening("speaker", speaking(scenarios.Left), speaking(scenarios.Left)), false, "refusal=2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newFakeServer()
				server.hoard = tt.hoard
				s := perform(t, t.Context(), server, nil, tt.other, tt.speaker)
				if got := s.counts(); !hasRefusals(got, tt.want) {
					t.Errorf("measured %q, want %q; stories %q", got, tt.want, s.world.FirstFailures())
				}
			})
		})
	}
}

// hasRefusals reports whether counts have these of refusals, and no other.
func hasRefusals(counts, want string) bool {
	_, got, found := strings.Cut(counts, "refusal")
	return found == (want != "") && "refusal"+got == want || !found && want == ""
}
