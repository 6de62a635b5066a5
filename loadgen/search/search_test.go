package search

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"guestload/loadgen/capacity"
	"guestload/loadgen/report/page"
	"guestload/results"
)

func TestARunOfASearchIsJudged(t *testing.T) {
	broken := []results.ThresholdResult{{Expression: "failures == 0", Observed: "3"}}
	full := results.Guests{Planned: 100, Dropped: 10}
	for _, tt := range []struct {
		name       string
		record     results.Record
		died, room bool
		want       capacity.Verdict
		because    string
	}{
		{"held", results.Record{Thresholds: []results.ThresholdResult{{Passed: true}}}, false, true, capacity.Held, ""},
		{"broke", results.Record{Thresholds: broken}, false, true, capacity.Broke, "failures == 0: 3"},
		{"violated", results.Record{Violations: []results.Violation{{Rule: "release", Count: 2}}}, false, true, capacity.Broke, "release violated 2 times"},
		{"late", results.Record{Thresholds: broken, Invalid: []string{"late"}}, false, true, capacity.Invalid, "late"},
		{"violated and late", results.Record{Violations: []results.Violation{{Rule: "release", Count: 2}}, Invalid: []string{"late"}}, false, true, capacity.Invalid, "late"},
		{"no room for what was planned", results.Record{Thresholds: broken, Guests: full, Invalid: []string{"dropped"}}, false, false, capacity.Invalid, "dropped"},
		{"guests piled up", results.Record{Thresholds: broken, Guests: full, Invalid: []string{"dropped"}}, false, true, capacity.Broke, "failures == 0: 3"},
		{"piled up, and late", results.Record{Thresholds: broken, Guests: full, Invalid: []string{"late", "dropped"}}, false, true, capacity.Invalid, "late"},
		{"dropped without harm", results.Record{Guests: full, Invalid: []string{"dropped"}}, false, true, capacity.Invalid, "dropped"},
		{"no guest completed", results.Record{Undone: []string{"no guest completed"}}, false, true, capacity.Broke, "no guest completed"},
		{"died", results.Record{Invalid: []string{"the embedded server ended"}}, true, true, capacity.Broke, "the server ended"},
	} {
		got, because := judge(tt.record, tt.died, nil, tt.room)
		if got != tt.want || tt.because != "" && (len(because) == 0 || !strings.Contains(because[0], tt.because)) {
			t.Errorf("%s: %s because %q, want %s because %q", tt.name, got, because, tt.want, tt.because)
		}
	}
}

func TestAServerThatLostItsRedisBroke(t *testing.T) {
	lost := []string{"server 1 of 1 lost its Redis"}
	if got, because := judge(results.Record{Invalid: lost}, false, lost, true); got != capacity.Broke || because[0] != lost[0] {
		t.Errorf("%s because %q", got, because)
	}
}

func TestTheRecordOfASearchIsThatOfItsAnswer(t *testing.T) {
	run := func(rate float64, v capacity.Verdict, planned int) trial {
		r := results.Record{Guests: results.Guests{Planned: planned}, Thresholds: []results.ThresholdResult{{Passed: v == capacity.Held}}, Seed: uint64(planned)}
		if v == capacity.Invalid {
			r.Invalid = []string{"late"}
		}
		return trial{Trial: results.Trial{Rate: rate, Verdict: v.String(), Resource: fmt.Sprint(v)}, verdict: v, record: r, page: page.Page{Run: results.Run{Record: r}}}
	}
	held, broke, invalid := capacity.Held, capacity.Broke, capacity.Invalid
	for _, tt := range []struct {
		name    string
		answer  capacity.Answer
		runs    []trial
		cut     string
		planned int
		outcome results.Outcome
		ran     string
	}{
		{"by the server", capacity.Answer{Rate: 20, Above: 40, Limit: capacity.ByServer}, []trial{run(10, held, 1), run(20, held, 2), run(40, invalid, 3), run(40, broke, 4), run(20, held, 5), run(20, broke, 6)}, "", 5, results.Passed, "broke"},
		{"by the generator", capacity.Answer{Rate: 10, Above: 20, Limit: capacity.ByGenerator, High: math.Inf(1)}, []trial{run(10, held, 1), run(20, invalid, 2)}, "", 1, results.Passed, "invalid"},
		{"nothing held", capacity.Answer{Above: 10, Limit: capacity.ByServer}, []trial{run(10, broke, 1), run(10, broke, 2)}, "", 2, results.ThresholdsFail, "broke"},
		{"nothing was valid", capacity.Answer{Above: 10, Limit: capacity.ByGenerator}, []trial{run(10, invalid, 1), run(10, invalid, 2)}, "", 2, results.Invalid, "invalid"},
		{"interrupted", capacity.Answer{Rate: 10}, []trial{run(10, held, 1)}, "interrupted after 1 run", 1, results.Invalid, ""},
		{"ended early", capacity.Answer{Rate: 10}, []trial{run(10, held, 1)}, "the target is gone", 1, results.Invalid, ""},
	} {
		r := conclude(tt.answer, tt.runs, time.Now(), tt.cut, tt.name == "interrupted").Run.Record
		if r.Guests.Planned != tt.planned || r.Outcome != tt.outcome || r.Capacity.Resource != tt.ran || len(r.Capacity.Runs) != len(tt.runs) || r.Interrupted != (tt.name == "interrupted") || r.Seed != 1 {
			t.Errorf("%s: %+v, %s, %+v", tt.name, r.Guests, r.Outcome, r.Capacity)
		}
		if tt.cut != "" && !slices.Contains(r.Invalid, tt.cut) {
			t.Errorf("%s: invalid because %q", tt.name, r.Invalid)
		}
	}
	violated := run(40, broke, 4)
	violated.record.Violations = []results.Violation{{Rule: "release", Count: 1}}
	r := conclude(capacity.Answer{Rate: 20, Above: 40, Limit: capacity.ByServer}, []trial{run(20, held, 2), violated}, time.Now(), "", false).Run.Record
	if r.Outcome != results.Violated || r.Violations[0].Count != 1 {
		t.Errorf("a rule broken above the capacity: %s, %+v", r.Outcome, r.Violations)
	}
}
