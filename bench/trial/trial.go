// Package trial is one run of the gate: it measures what a policy names until every metric
// is decided or the budget is spent.
package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"guestload/bench/ab"
	"guestload/bench/baseline"
	"guestload/bench/count"
	"guestload/bench/gate"
	"guestload/bench/policy"
)

// MicroEffort is that of one run of a gated benchmark. More runs in processes of
// their own tell more than longer ones, since processes differ more than seconds;
// and a slice is about as long as what disturbs one.
func MicroEffort() ab.Effort { return ab.Effort{Time: 20 * time.Millisecond, Slices: 10} }

// Trial is one run of the gate. Call Close in the end.
type Trial struct {
	policy   gate.Policy
	builds   [2]*ab.Build
	runner   *ab.Runner
	counter  *count.Emulator // nil: nothing is counted
	steal    []float64       // of each pair, as a share
	evidence gate.Evidence
	pairs    []ab.Pair
	tried    map[string]int // pairs asked for, by what is run
	spoiled  map[string]int // of these, not played as planned
	notes    []string       // what was left out
}

// New prepares a run of the gate with a policy on two builds.
func New(p gate.Policy, builds [2]*ab.Build, w *ab.Workshop, random *rand.Rand) *Trial {
	return &Trial{
		policy: p, builds: builds,
		runner:   ab.NewRunner(builds, w, MicroEffort(), random),
		evidence: gate.Evidence{Pairs: map[string][]gate.Pair{}, Failed: map[string]string{}},
		tried:    map[string]int{}, spoiled: map[string]int{},
	}
}

// Close stops the servers that were started.
func (t *Trial) Close() { t.runner.Close() }

// Pairs are all pairs measured so far.
func (t *Trial) Pairs() []ab.Pair { return t.pairs }

// UseBaselines gives the values that hard metrics should have.
func (t *Trial) UseBaselines(values map[string]float64) { t.evidence.Baseline = values }

// Prepare reads the baselines and finds the counter.
func (t *Trial) Prepare(ctx context.Context, w *ab.Workshop, progress io.Writer) error {
	if err := t.readBaselines(); err != nil {
		return err
	}
	return t.FindCounter(ctx, w, progress)
}

// readBaselines takes these values from the head's tree, and leaves out hard metrics that
// cannot be compared with them here.
func (t *Trial) readBaselines() error {
	b, err := baseline.Read(t.builds[ab.Head].Tree.Dir)
	if err != nil {
		return err
	}
	toolchains := [2]string{}
	for i, build := range t.builds {
		if toolchains[i], err = build.Toolchain(); err != nil && i == int(ab.Head) {
			return err
		}
	}
	if old, now := toolchains[ab.Base], toolchains[ab.Head]; old != now && old != "" {
		t.notes = append(t.notes, fmt.Sprintf("base is compiled by %s, head by %s: the difference is also that of the compilers", old, now))
	}
	var note string
	if t.policy.Hard, note = b.Comparable(t.policy.Hard, toolchains[ab.Head]); note != "" {
		t.notes = append(t.notes, note)
	}
	t.evidence.Baseline = b.Values
	return nil
}

// Run measures until everything is decided, or the budget is spent.
func (t *Trial) Run(ctx context.Context, progress io.Writer) (gate.Report, error) {
	began := time.Now()
	var err error
	if t.evidence.Hard, err = baseline.Measure(ctx, t.builds[ab.Head], t.policy.Hard); err != nil {
		return gate.Report{}, err
	}
	if err := t.count(ctx, began, progress); err != nil {
		return gate.Report{}, err
	}
	told := began
	for {
		r, err := gate.Judge(t.policy, t.evidence)
		if err != nil {
			return r, err
		}
		if left := t.policy.Budget - time.Since(began); left <= 0 || r.Settled {
			break
		} else if time.Since(told) > 15*time.Second {
			told = time.Now()
			fmt.Fprintf(progress, "undecided: %s; %s left\n", strings.Join(undecided(r), ", "), left.Round(time.Second))
		}
		if err := t.round(ctx, r, began.Add(t.policy.Budget), progress); err != nil {
			return r, err
		}
	}
	t.evidence.Ended = true
	r, err := gate.Judge(t.policy, t.evidence)
	if err != nil {
		return r, err
	}
	if len(t.policy.Counts)+len(t.policy.Metrics)+len(t.policy.Hard) == 0 {
		return r, ErrNothing
	}
	r.Reasons = append(r.Reasons, t.notes...)
	return r, nil
}

// round takes one pair of each thing that an undecided metric needs.
func (t *Trial) round(ctx context.Context, r gate.Report, until time.Time, progress io.Writer) error {
	open := map[string]bool{}
	var order []string
	for _, m := range r.Metrics {
		run := policy.RunOf(m.Metric)
		if !slices.Contains(order, run) {
			order = append(order, run)
		}
		open[run] = open[run] || !m.Decided
	}
	for _, run := range order {
		if !open[run] {
			t.runner.Stop(run)
			continue
		}
		if !time.Now().Before(until) {
			return nil
		}
		if err := t.pair(ctx, run, progress); err != nil || len(t.evidence.Invalid) > 0 {
			return err
		}
	}
	return nil
}

// pair takes one pair. What spoils it is reported, or kept as evidence that the run cannot
// be judged; an error ends the trial.
func (t *Trial) pair(ctx context.Context, run string, progress io.Writer) error {
	t.tried[run]++
	before := ab.MachineTimes()
	got, err := t.runner.Pair(ctx, run)
	stolen := ab.MachineTimes().Steal(before)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ab.ErrLeftOut):
		t.note(progress, fmt.Sprintf("%s is left out: %v", run, err))
		t.policy = policy.Without(t.policy, run)
	case errors.Is(err, ab.ErrSlice):
		if t.spoiled[run]++; t.spoiled[run] > 5 && 3*t.spoiled[run] > t.tried[run] {
			t.evidence.Invalid = append(t.evidence.Invalid, fmt.Sprintf("%s: %d of %d pairs were not played as planned, the last: %v", run, t.spoiled[run], t.tried[run], err))
		}
	case errors.Is(err, ab.ErrNoBenchmark):
		t.evidence.Invalid = append(t.evidence.Invalid, fmt.Sprintf("%s: %v", run, err))
	case err != nil:
		return err
	}
	if len(got) == 0 || t.isStolen(stolen) {
		return nil
	}
	t.pairs = append(t.pairs, got...)
	for _, p := range got {
		t.take(p)
	}
	return nil
}

// take keeps a pair as evidence: the gated figures, and those that are shown.
func (t *Trial) take(p ab.Pair) {
	base, head := p.Runs[ab.Base], p.Runs[ab.Head]
	keep := func(name, unit string) {
		t.evidence.Pairs[name] = append(t.evidence.Pairs[name], gate.Pair{Base: base[unit], Head: head[unit]})
	}
	gated := map[string]bool{}
	for _, m := range t.policy.Metrics {
		if policy.RunOf(m) == p.Name {
			gated[m.Unit] = true
			keep(m.Name, m.Unit)
		}
	}
	for unit := range base {
		isShown := slices.ContainsFunc(shown, func(end string) bool { return strings.HasSuffix(unit, end) })
		if isShown && !gated[unit] && base[unit] > 0 && head[unit] > 0 {
			keep(p.Name+" "+unit, unit)
		}
	}
}

// shown are the ends of the units that are shown beside what is gated.
var shown = []string{"-ms", "/session", "-bytes", "ns/op"}

// ErrNothing: no metric is left that could be judged.
var ErrNothing = errors.New("nothing to judge: the base has none of the gated metrics, and no hard metric was asked for")

func undecided(r gate.Report) (all []string) {
	for _, m := range r.Metrics {
		if !m.Decided {
			all = append(all, fmt.Sprintf("%s (%d pairs)", m.Name, m.Pairs))
		}
	}
	return all
}
