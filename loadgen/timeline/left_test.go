package timeline

import (
	"testing"
	"time"

	"guestload/loadgen/executor"
	"guestload/scenarios"
)

func TestTheExpectedEndCoversTheWholeRun(t *testing.T) {
	const s = time.Second
	idle := func(seconds float64) []scenarios.Script {
		return []scenarios.Script{{Name: "idler", Weight: 1, Steps: []scenarios.Step{
			{Kind: scenarios.Create}, {Kind: scenarios.Idle, For: scenarios.Draw{A: seconds}},
		}}}
	}
	until := []scenarios.Script{{Name: "waiter", Weight: 1, Steps: []scenarios.Step{
		{Kind: scenarios.Create}, {Kind: scenarios.Wait, Until: 40 * s, Over: 5 * s}, {Kind: scenarios.Idle, For: scenarios.Draw{A: 3}},
	}}}
	rate := func(d time.Duration, record bool) scenarios.Phase {
		return scenarios.Phase{Shape: scenarios.Rate, From: 10, For: d, Record: record}
	}
	pause := scenarios.Phase{Shape: scenarios.Rate, For: 10 * s}
	for _, c := range []struct {
		name    string
		phases  []scenarios.Phase
		scripts []scenarios.Script
		faults  []scenarios.Fault
		want    time.Duration // but for what is allowed for everything that is not waiting
	}{
		{"warm-up and a phase", []scenarios.Phase{rate(5*s, false), rate(10*s, true)}, idle(0), nil, 15 * s},
		{"the last guests stay", []scenarios.Phase{rate(5*s, true)}, idle(30), nil, 35 * s},
		{"they stay within a pause", []scenarios.Phase{rate(5*s, true), pause}, idle(3), nil, 15 * s},
		{"they stay longer than the pause", []scenarios.Phase{rate(5*s, true), pause}, idle(20), nil, 25 * s},
		{"all wait for a moment", []scenarios.Phase{rate(5*s, true)}, until, nil, 48 * s},
		{"a closed phase", []scenarios.Phase{{Shape: scenarios.Closed, Guests: 4, For: 5 * s, Record: true}}, idle(2), nil, 7 * s},
		{"a fault after the guests", []scenarios.Phase{rate(5*s, true)}, idle(0), []scenarios.Fault{{At: 60 * s}}, 60 * s},
	} {
		got := expectedEnd(scenarios.Scenario{Name: "x", Phases: c.phases, Scripts: c.scripts, Faults: c.faults})
		if got < c.want || got > c.want+4*s {
			t.Errorf("%s: %v, want %v and a little", c.name, got, c.want)
		}
	}
}

// The time left goes down by a second each second, whatever guests do. When it is over,
// the screen says what the run waits for.
func TestTheTimeLeftNeverGrows(t *testing.T) {
	s := scenarios.Scenario{Name: "x", Phases: []scenarios.Phase{{Name: "warm", Shape: scenarios.Rate, From: 1, For: 4 * time.Second}}, Scripts: []scenarios.Script{{Weight: 1}}}
	line := New(s, "x", executor.Share{})
	last := line.end
	for at := time.Duration(0); at < 20*time.Second; at += time.Second {
		shown := line.Snapshot(at, executor.Tally{Arrived: 4, Live: int(at/time.Second) % 3})
		switch {
		case shown.Left > last || shown.Left >= 0 && shown.Left != line.end-at:
			t.Errorf("at %v %v are left, after %v", at, shown.Left, last)
		case (shown.Left < 0) != (shown.Waiting != "") || at < s.Length() && shown.Left <= 0:
			t.Errorf("at %v %v are left, waiting %q", at, shown.Left, shown.Waiting)
		}
		last = shown.Left
	}
	if got := line.Snapshot(time.Minute, executor.Tally{Live: 3}).Waiting; got != "waiting for 3 guests to finish" {
		t.Errorf("%q", got)
	}
}
