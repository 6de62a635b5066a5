// Package timeline keeps a run second by second, as the record stores it and the screen
// shows it.
package timeline

import (
	"maps"
	"slices"
	"strings"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/measure"
	"guestload/loadgen/report"
	"guestload/loadgen/schedule"
	"guestload/loadgen/usage"
	"guestload/results"
	"guestload/results/series"
	"guestload/scenarios"
	"guestload/scenarios/operation"
)

// Timeline is one run second by second. One goroutine at a time uses it.
type Timeline struct {
	scenario scenarios.Scenario
	title    string // on the screen
	planned  int    // guests
	end      time.Duration
	ending   string // what the run waits for once its guests have left; "" before
	seconds  []series.Second
	used     []usage.Sample // in each of the seconds
	sampled  int            // seconds at the last call of Used
	last     executor.Tally // when the last second was added
	failures map[string]int64

	// One value a second, for the screen.
	arrivals, messages []float64
	slowest            []time.Duration
}

// New returns the empty timeline of a run, or of a share of it; the screen shows the title.
func New(s scenarios.Scenario, title string, share executor.Share) *Timeline {
	return &Timeline{
		scenario: s, title: title, planned: share.Of(schedule.Planned(executor.Schedule(s.Phases), s.Seed)),
		end: expectedEnd(s), failures: map[string]int64{},
	}
}

// Planned is how many guests the open phases bring.
func (t *Timeline) Planned() int { return t.planned }

// Seconds are those that have ended.
func (t *Timeline) Seconds() []series.Second { return t.seconds }

// Samples are what was used in each of Seconds.
func (t *Timeline) Samples() []usage.Sample { return t.used }

// Add appends seconds that have ended, and returns how many there were before. The last of
// them gets what guests did since the last call: unless the generator was late, it is the
// only one.
func (t *Timeline) Add(intervals []measure.Interval, now executor.Tally) (before int) {
	var seconds []series.Second
	for i, interval := range intervals {
		s := series.Second{Second: interval.Second, Operations: byName(interval.Operations), Unrecorded: byName(interval.Warmup), Live: int64(now.Live)}
		s.Phase, s.Warmup = t.phase(time.Duration(interval.Second) * time.Second)
		s.Warmup = s.Warmup && len(interval.Operations) == 0 // what was recorded counts
		for _, acks := range []*series.Times{interval.Operations[operation.Ack], interval.Warmup[operation.Ack]} {
			if acks != nil {
				s.Messages += acks.Count() + acks.Failed()
			}
		}
		if i == len(intervals)-1 {
			s.Arrived = int64(now.Arrived - t.last.Arrived)
			s.Done = int64(done(now) - done(t.last))
			t.last = now
		}
		seconds = append(seconds, s)
	}
	return t.Append(seconds)
}

// Append appends complete seconds, and returns how many there were before.
func (t *Timeline) Append(seconds []series.Second) (before int) {
	before = len(t.seconds)
	for _, s := range seconds {
		for _, operations := range []map[string]*series.Times{s.Operations, s.Unrecorded} {
			for _, o := range operations {
				for kind, f := range o.Failures {
					t.failures[kind] += f.Count
				}
			}
		}
		t.seconds, t.used = append(t.seconds, s), append(t.used, usage.Sample{})
		t.arrivals = append(t.arrivals, float64(s.Arrived))
		t.messages = append(t.messages, float64(s.Messages))
		t.slowest = append(t.slowest, percentile(timesOf(s, shownFirst), 99))
	}
	return before
}

// Used sets what was used in the last second, if that is new.
func (t *Timeline) Used(s usage.Sample) {
	if len(t.used) > t.sampled {
		t.used[len(t.used)-1] = s
	}
	t.sampled = len(t.used)
}

// Sampled is how many seconds there were at the last call of Used.
func (t *Timeline) Sampled() int { return t.sampled }

// Last is the tally when the last second was added.
func (t *Timeline) Last() executor.Tally { return t.last }

// WaitFor says what the run waits for once its guests have left.
func (t *Timeline) WaitFor(what string) { t.ending = what }

// Usage is what each source used, in the seconds for which that is known.
func (t *Timeline) Usage() []results.Spent {
	var all []results.Spent
	for i, s := range t.used {
		if len(s.Of) > 0 {
			all = append(all, results.Spent{Second: t.seconds[i].Second, Of: s.Of})
		}
	}
	return all
}

// PhaseTitle is a phase's name, after that of the run in a search with several runs.
func (t *Timeline) PhaseTitle(phase string) string {
	if t.title == t.scenario.Name {
		return phase
	}
	return strings.TrimPrefix(t.title, t.scenario.Name+" at ") + ", " + phase
}

// done is how many guests have ended.
func done(t executor.Tally) int { return t.Completed + t.Failed + t.Unmatched + t.Stopped }

// timesOf is an operation of a second that was recorded, or else of guests who are not; nil for none.
func timesOf(s series.Second, op operation.Op) *series.Times {
	if o := s.Operations[op.String()]; o != nil {
		return o
	}
	return s.Unrecorded[op.String()]
}

func byName(operations map[operation.Op]*series.Times) map[string]*series.Times {
	all := make(map[string]*series.Times, len(operations))
	for op, o := range operations {
		all[op.String()] = o
	}
	return all
}

// phase is the one of a moment; the last phase includes what follows it.
func (t *Timeline) phase(at time.Duration) (name string, warmup bool) {
	for _, p := range t.scenario.Phases {
		name, warmup = p.Name, !p.Record
		if at -= p.For; at < 0 {
			break
		}
	}
	return name, warmup
}

// shownFirst is the operation whose p99 the screen draws over time.
const shownFirst = operation.Delivery

// shown are the operations on the screen, the main ones first.
var shown = []operation.Op{shownFirst, operation.Match, operation.Create, operation.Connect, operation.Ack}

// Snapshot is what the screen shows now.
func (t *Timeline) Snapshot(at time.Duration, now executor.Tally) report.Snapshot {
	s := report.Snapshot{
		Scenario: t.title, Elapsed: at, Step: t.title != t.scenario.Name,
		Planned: max(t.planned, now.Arrived), Arrived: now.Arrived, Live: now.Live, Done: done(now), Unmatched: now.Unmatched,
		ArrivalRates: t.arrivals, MessageRates: t.messages, Slowest: t.slowest,
	}
	s.Phase, s.Warmup = t.phase(at)
	s.Left, s.Waiting = t.left(at, now)
	for _, kind := range slices.Sorted(maps.Keys(t.failures)) {
		s.Failures = append(s.Failures, report.Failure{Kind: kind, Count: t.failures[kind]})
	}
	if len(t.seconds) == 0 {
		return s
	}
	latest := t.seconds[len(t.seconds)-1]
	s.ArrivalRate, s.MessageRate = float64(latest.Arrived), float64(latest.Messages)
	for _, op := range shown {
		if o := timesOf(latest, op); o != nil {
			s.Operations = append(s.Operations, report.Operation{
				Name: op.String(), Count: o.Response.TotalCount(), P50: percentile(o, 50), P99: percentile(o, 99),
			})
		}
	}
	return s
}

// percentile of the response times, 0 without any.
func percentile(t *series.Times, percent float64) time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(series.Percentiles(t.Response, percent)[0]) * time.Microsecond
}
