package results

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"guestload/results/series"
)

// A run does not pass without work, whatever its thresholds are.
func TestARunWithoutWorkNeverPasses(t *testing.T) {
	all := map[string]bool{"create": true, "connect": true, "match": true, "delivery": true}
	nobody := Guests{Planned: 110, Started: 110, Failed: 105, Unmatched: 5}
	for _, c := range []struct {
		name       string
		thresholds []string
		change     func(*Record)
		want       Outcome
		undone     string
	}{
		{"all is well", []string{"violations == 0"}, func(r *Record) {}, Passed, ""},
		{"nothing to judge", nil, func(r *Record) {}, Unjudged, ""},
		{"no guest completed, no thresholds", nil, func(r *Record) { r.Guests = nobody }, ThresholdsFail, "no guest completed: 105 failed, 5 unmatched, 0 dropped of 110 guests"},
		{"no guest completed, violations", []string{"violations == 0"}, func(r *Record) { r.Guests = nobody }, ThresholdsFail, "no guest completed"},
		{"no guest completed, unmatched", []string{"unmatched < 50%"}, func(r *Record) { r.Guests = nobody }, ThresholdsFail, "no guest completed"},
		{"never reached", []string{"violations == 0"}, func(r *Record) { r.Required["match"] = false }, ThresholdsFail, "none succeeded: match"},
		{"never reached, no thresholds", nil, func(r *Record) { r.Required["locate"], r.Required["ack"] = false, false }, ThresholdsFail, "none succeeded: locate, ack"},
		{"interrupted", nil, func(r *Record) { r.Guests, r.Interrupted = nobody, true }, Invalid, ""},
	} {
		run := play(t)
		run.Record.Required = map[string]bool{}
		for name, yes := range all {
			run.Record.Required[name] = yes
		}
		c.change(&run.Record)
		run.Conclude(parse(t, c.thresholds...))
		r := run.Record
		if r.Outcome != c.want || strings.Join(r.Undone, "; ") != c.undone && (c.undone == "" || !strings.Contains(strings.Join(r.Undone, "; "), c.undone)) {
			t.Errorf("%s: %s, %q, want %s, %q", c.name, r.Outcome, r.Undone, c.want, c.undone)
		}
	}
}

func TestAnOperationThatAlwaysFailedIsNamedWithItsFailures(t *testing.T) {
	run := play(t)
	renew := series.NewTimes()
	renew.Failures["refused"] = series.Failures{Count: 100, Waited: time.Second}
	run.Seconds[1].Operations["renew"] = renew
	run.Record.Required = map[string]bool{"create": true, "renew": false}
	run.Conclude(parse(t, "violations == 0"))
	if want := "the scenario requires these operations, and each attempt failed: renew (100 failures)"; len(run.Record.Undone) != 1 || run.Record.Undone[0] != want {
		t.Errorf("got %q", run.Record.Undone)
	}
}

// Which metrics have no data in a run where nothing succeeded.
func TestThresholdsWithoutDataFail(t *testing.T) {
	idle := func() Run {
		create := series.NewTimes()
		create.Failures["refused"] = series.Failures{Count: 20}
		return Run{
			Record: Record{
				Guests: Guests{Planned: 20, Started: 20, Failed: 20}, Required: map[string]bool{"create": false, "match": false},
				Resources: Resources{Server: &Usage{CPUSec: -3, CPUMsPerSession: -150}},
			},
			Seconds: []series.Second{{Operations: map[string]*series.Times{"create": create}}},
		}
	}
	for _, e := range []string{
		"violations == 0", "violations(release) == 0", "unmatched == 0", "unmatched < 1%", "response(create) p99 < 1s", "failures(match) == 0",
		"failures(match) < 1% in any 1s", "rate(match) < 5/s", "server cpu < 1ms/session", "server memory < 1GB", "redis cpu < 1ms/session", "fallback < 1s", "recovery < 1s", "ghosts < 1s",
	} {
		if got := Evaluate(parse(t, e), idle())[0]; got.Passed || !strings.HasPrefix(got.Observed, "no data") {
			t.Errorf("%s: %+v", e, got)
		}
	}
	if got := Evaluate(parse(t, "failures == 20"), idle())[0]; !got.Passed {
		t.Errorf("failures have data: %+v", got)
	}
	worked := idle()
	worked.Record.Required["create"], worked.Record.Required["match"] = true, true
	for _, e := range []string{"violations == 0", "unmatched == 0"} {
		if got := Evaluate(parse(t, e), worked)[0]; !got.Passed {
			t.Errorf("after warm-up guests met, %s: %+v", e, got)
		}
	}
}

// What one part of a run did, the whole did.
func TestMergedPartsHaveDoneWhatOneOfThemDid(t *testing.T) {
	part := func(share int, completed int, required map[string]bool) Run {
		run := play(t)
		run.Record.Part = &Part{Run: "evening", Share: share, Of: 2}
		run.Record.Guests = Guests{Planned: 110, Started: 110, Completed: completed, Failed: 110 - completed}
		run.Record.Required = required
		run.Conclude(parse(t, "violations == 0"))
		return run
	}
	for _, c := range []struct {
		name        string
		left, right Run
		want        Outcome
	}{
		{"both", part(1, 110, map[string]bool{"create": true}), part(2, 110, map[string]bool{"create": true}), Passed},
		{"one did the work", part(1, 0, map[string]bool{"create": true, "match": false}), part(2, 110, map[string]bool{"create": true, "match": true}), Passed},
		{"neither met anybody", part(1, 50, map[string]bool{"match": false}), part(2, 50, map[string]bool{"match": false}), ThresholdsFail},
		{"nobody completed", part(1, 0, nil), part(2, 0, nil), ThresholdsFail},
	} {
		merged, err := Merge(c.left, c.right)
		if err != nil || merged.Record.Outcome != c.want {
			t.Errorf("%s: %v, %s, %q", c.name, err, merged.Record.Outcome, merged.Record.Undone)
		}
	}
}

func TestTheRecordSaysWhatWasRequiredAndThatNothingWasJudged(t *testing.T) {
	run := play(t)
	run.Record.Required = map[string]bool{"create": true}
	run.Conclude(nil)
	text, err := json.Marshal(run.Record)
	if err != nil || !strings.Contains(string(text), `"outcome":"unjudged"`) || !strings.Contains(string(text), `"required":{"create":true}`) {
		t.Errorf("%v: %s", err, text)
	}
	if code := run.Record.Outcome.ExitCode(); code != ExitPassed {
		t.Errorf("exit code %d", code)
	}
}
