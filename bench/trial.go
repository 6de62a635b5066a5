package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"guestload/bench/ab"
	"guestload/bench/gate"
)

// microEffort is that of one run of a gated benchmark. More runs in processes of
// their own tell more than longer ones, since processes differ more than seconds;
// and a slice is about as long as what disturbs one.
func microEffort() ab.Effort { return ab.Effort{Time: 20 * time.Millisecond, Slices: 10} }

// trial is one run of the gate.
type trial struct {
	policy   gate.Policy
	builds   [2]*ab.Build
	battery  *battery
	repo     string
	evidence gate.Evidence
	pairs    []ab.Pair
	tried    map[string]int // pairs asked for, by what is run
	spoiled  map[string]int // of these, not played as planned
	notes    []string       // what was left out
}

func newTrial(p gate.Policy, builds [2]*ab.Build, w *ab.Workshop, random *rand.Rand) *trial {
	return &trial{
		policy: p, builds: builds, repo: w.Repo(),
		battery:  newBattery(builds, w, microEffort(), random),
		evidence: gate.Evidence{Pairs: map[string][]gate.Pair{}},
		tried:    map[string]int{}, spoiled: map[string]int{},
	}
}

// baselines are what the hard metrics of the head should be: those in its tree.
func (t *trial) baselines() (map[string]float64, error) {
	b, err := readBaseline(t.builds[ab.Head].Tree.Dir)
	if err != nil {
		return nil, err
	}
	var note string
	if t.policy.Hard, note = b.comparable(t.policy.Hard); note != "" {
		t.notes = append(t.notes, note)
	}
	return b.Values, nil
}

// run measures until everything is decided, or the budget is spent.
func (t *trial) run(ctx context.Context, to console) (gate.Report, error) {
	began := time.Now()
	var err error
	if t.evidence.Hard, err = measureHard(ctx, t.builds[ab.Head], t.policy.Hard); err != nil {
		return gate.Report{}, err
	}
	progress := began
	for {
		r, err := gate.Judge(t.policy, t.evidence)
		if err != nil {
			return r, err
		}
		if left := t.policy.Budget - time.Since(began); left <= 0 || r.Settled {
			break
		} else if time.Since(progress) > 15*time.Second {
			progress = time.Now()
			fmt.Fprintf(to.stderr, "undecided: %s; %s left\n", strings.Join(undecided(r), ", "), left.Round(time.Second))
		}
		if err := t.round(ctx, r, began, to); err != nil {
			return r, err
		}
	}
	t.evidence.Ended = true
	r, err := gate.Judge(t.policy, t.evidence)
	if len(t.policy.Metrics)+len(t.policy.Hard) == 0 {
		return r, errNothing
	}
	r.Reasons = append(r.Reasons, t.notes...)
	return r, err
}

// round takes one pair of each thing that an undecided metric needs.
func (t *trial) round(ctx context.Context, r gate.Report, began time.Time, to console) error {
	open := map[string]bool{}
	var order []string
	for _, m := range r.Metrics {
		run := runOf(m.Metric)
		if !slices.Contains(order, run) {
			order = append(order, run)
		}
		open[run] = open[run] || !m.Decided
	}
	for _, run := range order {
		if !open[run] {
			t.battery.stop(run)
			continue
		}
		if time.Since(began) >= t.policy.Budget {
			return nil
		}
		if err := t.pair(ctx, run, to); err != nil || len(t.evidence.Invalid) > 0 {
			return err
		}
	}
	return nil
}

// pair takes one pair. What spoils it is told, or kept as evidence that all this
// cannot be judged; an error ends the trial.
func (t *trial) pair(ctx context.Context, run string, to console) error {
	t.tried[run]++
	got, err := t.battery.pair(ctx, run)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ab.ErrLeftOut):
		note := fmt.Sprintf("%s is left out: %v", run, err)
		fmt.Fprintln(to.stderr, note)
		t.notes = append(t.notes, note)
		t.policy = without(t.policy, run)
	case errors.Is(err, ab.ErrSlice):
		if t.spoiled[run]++; t.spoiled[run] > 5 && 3*t.spoiled[run] > t.tried[run] {
			t.evidence.Invalid = append(t.evidence.Invalid, fmt.Sprintf("%s: %d of %d pairs were not played as planned, the last: %v", run, t.spoiled[run], t.tried[run], err))
		}
	case errors.Is(err, ab.ErrNoBenchmark):
		t.evidence.Invalid = append(t.evidence.Invalid, fmt.Sprintf("%s: %v", run, err))
	case err != nil:
		return err
	}
	t.pairs = append(t.pairs, got...)
	for _, p := range got {
		t.take(p)
	}
	return nil
}

// take keeps a pair as evidence: the gated figures, and those that are shown.
func (t *trial) take(p ab.Pair) {
	base, head := p.Runs[ab.Base], p.Runs[ab.Head]
	keep := func(name, unit string) {
		t.evidence.Pairs[name] = append(t.evidence.Pairs[name], gate.Pair{Base: base[unit], Head: head[unit]})
	}
	gated := map[string]bool{}
	for _, m := range t.policy.Metrics {
		if runOf(m) == p.Name {
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

func undecided(r gate.Report) (all []string) {
	for _, m := range r.Metrics {
		if !m.Decided {
			all = append(all, fmt.Sprintf("%s (%d pairs)", m.Name, m.Pairs))
		}
	}
	return all
}
