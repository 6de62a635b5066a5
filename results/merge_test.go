package results

import (
	"strings"
	"testing"
	"time"
)

func TestMergedPercentilesAreThoseOfAllSamples(t *testing.T) {
	a, b := play(t), play(t)
	b.Record.Started = started.Add(1100 * time.Millisecond) // a second later
	b.Seconds[1].Operations["create"] = times(t, 10_000, 500_000, 400_000)
	for _, run := range []*Run{&a, &b} {
		run.Conclude(parse(t, "response(create) p99 < 200ms"))
	}
	for _, order := range [][]Run{{a, b}, {b, a}} {
		merged, err := Merge(order...)
		if err != nil {
			t.Fatal(err)
		}
		r := merged.Record
		if o := r.Operations["create"]; o.Count != 10_300 || o.Response.P50 < 500 || o.Failures["timeout"] != 8 || o.Waits["timeout"] != (Wait{2000, 3000}) {
			t.Errorf("got %+v", o)
		}
		if len(merged.Seconds) != 5 || merged.Seconds[2].Arrived != 100 || merged.Seconds[1].Warmup || !r.Started.Equal(started) || r.DurationSec != 4.9 {
			t.Errorf("%d seconds from %v, %v s: %+v", len(merged.Seconds), r.Started, r.DurationSec, merged.Seconds[1])
		}
		if r.Guests.Planned != 220 || r.Guests.Completed != 200 || len(r.Invalid) > 0 {
			t.Errorf("guests %+v, invalid %q", r.Guests, r.Invalid)
		}
		if r.Outcome != ThresholdsFail || r.Thresholds[0].Observed != "500ms" {
			t.Errorf("outcome %s, %+v", r.Outcome, r.Thresholds)
		}
		if r.Resources.Loadgen.CPUSec != 0.44 || r.Resources.Loadgen.CPUMsPerSession != 2 || r.Resources.Server.CPUMsPerSession != 0.5 {
			t.Errorf("loadgen %+v, server %+v", r.Resources.Loadgen, r.Resources.Server)
		}
	}
}

func TestWhatDidNotRunTogetherIsNotMerged(t *testing.T) {
	other := play(t)
	other.Record.ScenarioHash = "def"
	late := play(t)
	late.Record.Started = started.Add(time.Hour)
	for _, c := range []struct {
		runs []Run
		want string
	}{
		{nil, "none given"},
		{[]Run{play(t), other}, "different scenarios"},
		{[]Run{play(t), late}, "did not run together"},
	} {
		if _, err := Merge(c.runs...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestMergeAddsUpViolations(t *testing.T) {
	a, b := play(t), play(t)
	a.Record.Violations = []Violation{{"release", 2, []string{"1", "2"}}, {"leftovers", 0, nil}}
	b.Record.Violations = []Violation{{"release", 9, []string{"3", "4", "5", "6"}}, {"one-partner", 1, []string{"x"}}}
	merged, err := Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	r := merged.Record
	if r.Outcome != Violated || r.violations("release") != 11 || r.violations("") != 12 || len(r.Violations[0].Examples) != 5 {
		t.Errorf("got %+v", r.Violations)
	}
	if len(a.Record.Violations[0].Examples) != 2 {
		t.Error("the records given were changed")
	}
}

func TestHereDescribesTheMachine(t *testing.T) {
	e := Here(t.Context())
	if !strings.HasPrefix(e.Go, "go") || e.OS == "" || e.CPU == "" || e.CPUs < 1 || e.Commit == "" {
		t.Errorf("got %+v", e)
	}
}
