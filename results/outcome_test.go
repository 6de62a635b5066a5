package results

import (
	"slices"
	"strings"
	"testing"
)

func TestTheOutcomeIsTheWorstThatApplies(t *testing.T) {
	for _, c := range []struct {
		name       string
		threshold  string
		change     func(*Run)
		want       Outcome
		code       int
		why        string // part of Invalid
		violations bool
	}{
		{"all well", "response(create) p99 < 1s", func(*Run) {}, Passed, 0, "", false},
		{"threshold", "response(create) p99 < 1ms", func(*Run) {}, ThresholdsFail, 3, "", false},
		{"late", "response(create) p99 < 1ms", func(r *Run) { r.Record.Invalid = []string{"late"} }, Invalid, 4, "late", false},
		{"dropped", "response(create) p99 < 1s", func(r *Run) { r.Record.Guests = Guests{Planned: 10, Started: 7, Completed: 7, Dropped: 3} }, Invalid, 4, "3 of 10 arrivals were dropped", false},
		{"unaccounted", "response(create) p99 < 1s", func(r *Run) { r.Record.Guests.Completed-- }, Invalid, 4, "109 are accounted for", false},
		{"started twice", "response(create) p99 < 1s", func(r *Run) { r.Record.Guests.Started++ }, Invalid, 4, "111 guests started", false},
		{"nobody", "violations == 0", func(r *Run) { r.Record.Guests = Guests{} }, Invalid, 4, "no guests", false},
		{"interrupted", "response(create) p99 < 1s", func(r *Run) { r.Record.Interrupted = true }, Invalid, 4, "interrupted after 3.9 s", false},
		{"violated", "response(create) p99 < 1ms", func(r *Run) {
			r.Record.Invalid = []string{"late"}
			r.Record.Violations[0].Count = 1
		}, Violated, 5, "late", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := play(t)
			c.change(&run)
			run.Conclude(parse(t, c.threshold))
			r := run.Record
			if r.Outcome != c.want || r.Outcome.ExitCode() != c.code {
				t.Errorf("got %s, exit code %d", r.Outcome, r.Outcome.ExitCode())
			}
			if c.why == "" && len(r.Invalid) > 0 || !slices.ContainsFunc(append(r.Invalid, ""), func(s string) bool { return strings.Contains(s, c.why) }) {
				t.Errorf("invalid: %q, want %q", r.Invalid, c.why)
			}
		})
	}
}

func TestConcludeSumsUpTheSeconds(t *testing.T) {
	run := play(t)
	run.Conclude(nil)
	o := run.Record.Operations["create"]
	if o.Count != 200 || o.Failures["timeout"] != 4 || o.Waits["timeout"] != (Wait{2000, 3000}) {
		t.Errorf("got %+v", o)
	}
	if o.Response.P50 != 3.001 || o.Response.P99 != 40.031 || o.Service.Max != 2 || o.Response.Mean < 21 || o.Response.Mean > 22 {
		t.Errorf("got %+v", o.Response)
	}
}

func TestAnUnknownOutcomeIsNoSuccess(t *testing.T) {
	if got := Outcome("").ExitCode(); got != ExitCouldNotRun {
		t.Errorf("got %d", got)
	}
}
