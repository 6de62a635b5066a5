package results

import (
	"strings"
	"testing"
	"time"
)

func TestMergedPercentilesAreThoseOfAllSamples(t *testing.T) {
	a, b := part(t, 1, 2), part(t, 2, 2)
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

// part is a record of one of several generators.
func part(t *testing.T, share, of int) Run {
	t.Helper()
	run := play(t)
	run.Record.Part = &Part{Run: "evening", Share: share, Of: of}
	return run
}

func TestWhatIsNotAllOfOneRunIsNotMerged(t *testing.T) {
	changed := func(change func(*Record)) Run {
		run := part(t, 2, 2)
		change(&run.Record)
		return run
	}
	first := part(t, 1, 2)
	for _, c := range []struct {
		runs []Run
		want string
	}{
		{nil, "none given"},
		{[]Run{first, changed(func(r *Record) { r.ScenarioHash = "def" })}, "different scenarios"},
		{[]Run{play(t), play(t)}, "was a run of its own, not a part of one"},
		{[]Run{first, play(t)}, "was a run of its own, not a part of one"},
		{[]Run{first, changed(func(r *Record) { r.Part.Run = "morning" })}, "part 1 of 2 of run evening and part 2 of 2 of run morning are of different runs"},
		{[]Run{first, part(t, 2, 3)}, "one number of parts"},
		{[]Run{first, changed(func(r *Record) { r.Seed++ })}, "not of one schedule"},
		{[]Run{first, part(t, 1, 2)}, "part 1 of 2 of run evening is there twice"},
		{[]Run{part(t, 1, 4), part(t, 3, 4)}, "the parts 2, 4 of 4 are missing"},
		{[]Run{changed(func(r *Record) { r.Started = started.Add(time.Hour) }), first}, "part 2 of 2 of run evening began 3600 s after part 1 of 2 of run evening, which had ended"},
		{[]Run{first, changed(func(r *Record) { r.Capacity = &Capacity{} })}, "a search for the capacity"},
	} {
		if _, err := Merge(c.runs...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestMergeAddsUpViolations(t *testing.T) {
	a, b := part(t, 1, 2), part(t, 2, 2)
	a.Record.Violations = []Violation{
		{"release", 2, []string{"1", "2"}, []Consequence{{"message-lost", 3}}}, {Rule: "leftovers"}}
	b.Record.Violations = []Violation{
		{"release", 9, []string{"3", "4", "5", "6"}, []Consequence{{"message-lost", 40}, {"after-leave", 1}}},
		{"one-partner", 1, []string{"x"}, []Consequence{{"release", 5}}}}
	merged, err := Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	r := merged.Record
	if r.Outcome != Violated || r.violations("release") != 16 || r.violations("message-lost") != 43 || r.violations("") != 12 || len(r.Violations[0].Examples) != 5 {
		t.Errorf("got %+v", r.Violations)
	}
	if got := r.Broken(); got != (Broken{2, 12, 49}) || got.String() != "2 rules of the contract broken, 12 times, with 49 consequences" {
		t.Errorf("got %+v: %s", got, got)
	}
	if got := r.Violations[0].Followed(); got != "message-lost 43, after-leave 1" {
		t.Errorf("got %s", got)
	}
	if first := a.Record.Violations[0]; len(first.Examples) != 2 || first.Consequences[0].Count != 3 {
		t.Error("the records given were changed")
	}
}

func TestHereDescribesTheMachine(t *testing.T) {
	e := Here(t.Context())
	if !strings.HasPrefix(e.Go, "go") || e.OS == "" || e.CPU == "" || e.CPUs < 1 || e.Commit == "" {
		t.Errorf("got %+v", e)
	}
}

func TestRetriesAreMergedAndRead(t *testing.T) {
	a, b := part(t, 1, 2), part(t, 2, 2)
	a.Seconds[1].Operations["create"].Retries, b.Seconds[1].Operations["create"].Retries = 3, 4
	for _, run := range []*Run{&a, &b} {
		run.Conclude(nil)
	}
	b.Seconds[1].Operations["create"].Retries = 0 // as when read from a timeline
	merged, err := Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if n := merged.Record.Operations["create"].Retries; n != 7 {
		t.Errorf("%d retries, want 7", n)
	}
}
