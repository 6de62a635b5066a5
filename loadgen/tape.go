package main

import (
	"slices"
	"strings"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/measure"
	"guestload/loadgen/report"
	"guestload/loadgen/report/page"
	"guestload/loadgen/schedule"
	"guestload/results"
	"guestload/scenarios"
)

// tape is the run second by second, as the record keeps it and the screen shows it.
type tape struct {
	scenario scenarios.Scenario
	title    string // on the screen
	planned  int
	end      time.Duration // when the run is expected to end
	ending   string        // what it waits for once its guests have gone; "" before
	seconds  []results.Second
	used     []spending     // in each of the seconds
	shown    int            // seconds that were there at the last tick
	last     executor.Tally // as it was when the last second was added
	failures map[string]int64

	// One value a second, for the screen.
	arrivals, messages []float64
	slowest            []time.Duration
}

func newTape(s scenarios.Scenario) *tape {
	return &tape{
		scenario: s, title: s.Name, planned: schedule.Planned(executor.Schedule(s.Phases), s.Seed),
		end:      expectedEnd(s),
		failures: map[string]int64{},
	}
}

// add appends seconds that have ended. What guests did since the last call
// belongs to the last of them: unless the generator was late, there is one.
func (t *tape) add(intervals []measure.Interval, now executor.Tally) {
	var seconds []results.Second
	for i, interval := range intervals {
		s := results.Second{Second: interval.Second, Operations: byName(interval.Operations), Unrecorded: byName(interval.Warmup), Live: int64(now.Live)}
		s.Phase, s.Warmup = t.phase(time.Duration(interval.Second) * time.Second)
		s.Warmup = s.Warmup && len(interval.Operations) == 0 // what was recorded counts
		for _, acks := range []*measure.Operation{interval.Operations[measure.Ack], interval.Warmup[measure.Ack]} {
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
	t.join(seconds)
}

// join appends seconds that are complete.
func (t *tape) join(seconds []results.Second) {
	for _, s := range seconds {
		for _, operations := range []map[string]*results.Times{s.Operations, s.Unrecorded} {
			for _, o := range operations {
				for kind, f := range o.Failures {
					t.failures[kind] += f.Count
				}
			}
		}
		t.seconds, t.used = append(t.seconds, s), append(t.used, spending{})
		t.arrivals = append(t.arrivals, float64(s.Arrived))
		t.messages = append(t.messages, float64(s.Messages))
		t.slowest = append(t.slowest, percentile(operation(s, shownFirst), 99))
	}
}

// spent says what was used in the last second that was added.
func (t *tape) spent(s spending) {
	if len(t.used) > t.shown {
		t.used[len(t.used)-1] = s
	}
	t.shown = len(t.used)
}

// usage is what is known of the processes, second by second.
func (t *tape) usage() []page.Spent {
	var all []page.Spent
	for i, s := range t.used {
		if len(s.of) > 0 {
			all = append(all, page.Spent{Second: t.seconds[i].Second, Of: s.of})
		}
	}
	return all
}

// named is a phase's name, after that of the run where a search makes several.
func (t *tape) named(phase string) string {
	if t.title == t.scenario.Name {
		return phase
	}
	return strings.TrimPrefix(t.title, t.scenario.Name+" at ") + ", " + phase
}

// done are the guests whose part is over.
func done(t executor.Tally) int { return t.Completed + t.Failed + t.Unmatched + t.Stopped }

// operation is one of a second, as far as it was recorded; else of guests who are not; nil for none.
func operation(s results.Second, op measure.Op) *results.Times {
	if o := s.Operations[op.String()]; o != nil {
		return o
	}
	return s.Unrecorded[op.String()]
}

func byName(operations map[measure.Op]*measure.Operation) map[string]*results.Times {
	all := make(map[string]*results.Times, len(operations))
	for op, o := range operations {
		all[op.String()] = times(o)
	}
	return all
}

func times(o *measure.Operation) *results.Times {
	t := &results.Times{Response: o.Response, Service: o.Service, Lag: o.Lag, Failures: map[string]results.Failures{}, Retries: o.Retries}
	for kind, f := range o.Failures {
		t.Failures[kind] = results.Failures(f)
	}
	return t
}

// phase is the one that the moment lies in; what comes after the last belongs to it.
func (t *tape) phase(at time.Duration) (name string, warmup bool) {
	for _, p := range t.scenario.Phases {
		name, warmup = p.Name, !p.Record
		if at -= p.For; at < 0 {
			break
		}
	}
	return name, warmup
}

// shownFirst is the operation whose slowest are drawn over time.
const shownFirst = measure.Delivery

// shown are the operations on the screen, the main ones first.
var shown = []measure.Op{shownFirst, measure.Match, measure.Create, measure.Connect, measure.Ack}

// snapshot is what the screen shows now.
func (t *tape) snapshot(at time.Duration, now executor.Tally) report.Snapshot {
	s := report.Snapshot{
		Scenario: t.title, Elapsed: at, Step: t.title != t.scenario.Name,
		Planned: max(t.planned, now.Arrived), Arrived: now.Arrived, Live: now.Live, Done: done(now), Unmatched: now.Unmatched,
		ArrivalRates: t.arrivals, MessageRates: t.messages, Slowest: t.slowest,
	}
	s.Phase, s.Warmup = t.phase(at)
	s.Left, s.Waiting = t.left(at, now)
	for _, kind := range sorted(t.failures) {
		s.Failures = append(s.Failures, report.Failure{Kind: kind, Count: t.failures[kind]})
	}
	if len(t.seconds) == 0 {
		return s
	}
	latest := t.seconds[len(t.seconds)-1]
	s.ArrivalRate, s.MessageRate = float64(latest.Arrived), float64(latest.Messages)
	for _, op := range shown {
		if o := operation(latest, op); o != nil {
			s.Operations = append(s.Operations, report.Operation{
				Name: op.String(), Count: o.Response.TotalCount(), P50: percentile(o, 50), P99: percentile(o, 99),
			})
		}
	}
	return s
}

// percentile of response time, 0 where nothing happened.
func percentile(t *results.Times, percent float64) time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(results.Percentiles(t.Response, percent)[0]) * time.Microsecond
}

func sorted(m map[string]int64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
