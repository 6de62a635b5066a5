package results

import (
	"fmt"
	"math"
	"slices"

	"guestload/results/series"
	"guestload/scenarios"
)

// examplesKept is how many examples of a violation a merged record tells.
const examplesKept = 5

// Merge joins the records of several generators that played one run together:
// all of its parts, each once. Histograms are added, so every percentile is exact; thresholds are
// held anew against the whole. Seconds are counted from the earliest start.
func Merge(runs ...Run) (Run, error) {
	if err := mergeable(runs); err != nil {
		return Run{}, fmt.Errorf("merge run records: %w", err)
	}
	first := slices.MinFunc(runs, func(a, b Run) int { return a.Record.Started.Compare(b.Record.Started) })
	thresholds := make([]scenarios.Threshold, len(first.Record.Thresholds))
	for i, t := range first.Record.Thresholds {
		var err error
		if thresholds[i], err = scenarios.ParseThreshold(t.Expression); err != nil {
			return Run{}, fmt.Errorf("merge run records: %w", err)
		}
	}
	merged := Run{Record: Record{
		Scenario: first.Record.Scenario, ScenarioHash: first.Record.ScenarioHash, Seed: first.Record.Seed,
		Started: first.Record.Started, Environment: first.Record.Environment,
	}}
	for _, run := range runs {
		shift := int(math.Round(run.Record.Started.Sub(first.Record.Started).Seconds()))
		merged.AddSeconds(run.Seconds, shift)
		merged.Record.join(run.Record, shift)
	}
	merged.Record.Resources.PerSession(merged.Record.Guests.Started)
	merged.Conclude(thresholds)
	merged.Record.keepKinds(runs)
	return merged, nil
}

// AddSeconds adds each second of another generator to the one that is shift seconds
// later, by its number.
func (r *Run) AddSeconds(seconds []series.Second, shift int) {
	for _, s := range seconds {
		at := s.Second + shift
		for len(r.Seconds) <= at {
			r.Seconds = append(r.Seconds, series.Second{Second: len(r.Seconds), Warmup: true, Operations: map[string]*series.Times{}})
		}
		to := &r.Seconds[at]
		if to.Phase == "" {
			to.Phase = s.Phase
		}
		to.Warmup = to.Warmup && s.Warmup
		to.Arrived, to.Done = to.Arrived+s.Arrived, to.Done+s.Done
		to.Live, to.Messages = to.Live+s.Live, to.Messages+s.Messages
		series.AddAll(&to.Operations, s.Operations)
		series.AddAll(&to.Unrecorded, s.Unrecorded)
	}
}

// join adds what is not in the seconds.
func (r *Record) join(other Record, shift int) {
	r.DurationSec = max(r.DurationSec, float64(shift)+other.DurationSec)
	r.Interrupted = r.Interrupted || other.Interrupted
	g, h := &r.Guests, other.Guests
	*g = Guests{g.Planned + h.Planned, g.Started + h.Started, g.Completed + h.Completed,
		g.Failed + h.Failed, g.Unmatched + h.Unmatched, g.Dropped + h.Dropped}
	r.Warnings = union(r.Warnings, other.Warnings)
	r.Invalid = union(r.Invalid, other.Invalid)
	if other.Environment.Commit != r.Environment.Commit {
		r.Warnings = union(r.Warnings, []string{fmt.Sprintf("generators of different commits: %s and %s", r.Environment.Commit, other.Environment.Commit)})
	}
	r.requireToo(other.Required)
	r.joinViolations(other.Violations)
	if r.Faults == nil {
		r.Faults = other.Faults // of one run: those who do not deal them do not tell of them
	}
	r.Resources.join(other.Resources, float64(other.Guests.Started))
}

// join adds up the generators; server and Redis are the same for all of them,
// so what the one saw that watched them longest stands.
func (r *Resources) join(other Resources, sessions float64) {
	if l := other.Loadgen; l != nil {
		if r.Loadgen == nil {
			r.Loadgen = &Usage{}
		}
		r.Loadgen.CPUSec += l.CPUSec
		r.Loadgen.RSSPeakMB += l.RSSPeakMB
	}
	larger := func(to **Usage, from *Usage) {
		if from != nil && (*to == nil || from.CPUSec > (*to).CPUSec) {
			copied := *from
			copied.CommandsPerSession *= sessions // all commands; perSession divides them
			copied.ScriptsPerSession *= sessions
			copied.SentPerSession *= sessions
			*to = &copied
		}
	}
	before := r.Server
	if larger(&r.Server, other.Server); r.Server != before {
		r.Servers = slices.Clone(other.Servers)
	}
	larger(&r.Redis, other.Redis)
}

// keepKinds takes the kinds of failures and the retries from the records: seconds
// read from a timeline know only the number of failures.
func (r *Record) keepKinds(runs []Run) {
	for name, o := range r.Operations {
		failures, waits, retries := map[string]int64{}, map[string]Wait{}, int64(0)
		for _, run := range runs {
			from := run.Record.Operations[name]
			retries += from.Retries
			for kind, n := range from.Failures {
				if n <= 0 {
					continue
				}
				w := waits[kind]
				total := w.Mean*float64(failures[kind]) + from.Waits[kind].Mean*float64(n)
				failures[kind] += n
				waits[kind] = Wait{Mean: total / float64(failures[kind]), Max: max(w.Max, from.Waits[kind].Max)}
			}
		}
		if len(failures) > 0 {
			o.Failures, o.Waits = failures, waits
		}
		o.Retries = max(o.Retries, retries)
		r.Operations[name] = o
	}
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(slices.Clone(a), s)
		}
	}
	return a
}
