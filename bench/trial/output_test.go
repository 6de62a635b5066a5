package trial

import (
	"testing"

	"guestload/bench/gate"
)

func TestVerdictsHaveTheirExitCodes(t *testing.T) {
	for v, want := range map[gate.Verdict]int{gate.Pass: 0, gate.Improved: 0, gate.Regressed: 3, gate.Stale: 3, gate.Inconclusive: 4, gate.Invalid: 4} {
		if got := ExitCode(v, false); got != want {
			t.Errorf("%s: %d, want %d", v, got, want)
		}
	}
	if got := ExitCode(gate.Inconclusive, true); got != 0 {
		t.Errorf("inconclusive, which passes: %d", got)
	}
	if got := ExitCode(gate.Invalid, true); got != 4 {
		t.Errorf("invalid passes with inconclusive: %d", got)
	}
}
