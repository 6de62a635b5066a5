// Package selftest runs the gate on code whose difference is known, and counts what it says.
package selftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"guestload/bench/ab"
	"guestload/bench/baseline"
	"guestload/bench/count"
	"guestload/bench/gate"
	"guestload/bench/policy"
	"guestload/bench/trial"
	"guestload/results"
)

// Config is what a self-test runs.
type Config struct {
	Base   string // the revision to plant in; "" is the working tree
	Policy gate.Policy
	Plan   []Kind
	Out    string        // folder that keeps the runs; "": none
	Limit  time.Duration // no run begins after so long; 0: until all are done
	Random *rand.Rand    // draws the order within pairs
}

// Outcome is what the gate said of each kind.
type Outcome struct {
	Counts []Counted
	Table  string // the same in Markdown
}

type selftest struct {
	policy   gate.Policy
	ref      string
	plan     []Kind
	journal  *journal
	shop     *ab.Workshop
	random   *rand.Rand
	base     *ab.Build
	heads    map[string]*ab.Build // by what was planted
	baseline map[string]float64   // hard metrics of the base
	counter  *count.Emulator      // nil: nothing is counted here
	perRound float64              // the share of an event's instructions that a round of planted work adds
}

// Run runs the gate as often as planned. After an interrupt it returns what there is, with
// the error.
func Run(ctx context.Context, c Config, progress io.Writer) (o Outcome, err error) {
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	s := &selftest{policy: c.Policy, ref: c.Base, plan: c.Plan, shop: w, random: c.Random, heads: map[string]*ab.Build{}}
	tree, err := w.Export(ctx, c.Base)
	if err != nil {
		return o, err
	}
	if c.Base != "" {
		s.ref = tree.Commit // a branch may move on while this runs
	}
	if s.counter, err = count.Find(ctx, w.Dir()); errors.Is(err, count.ErrUnavailable) && ctx.Err() == nil {
		fmt.Fprintf(progress, "%v: CPU time alone decides\n", err)
		s.counter = nil
	} else if err != nil {
		return o, err
	}
	here := results.Here(ctx)
	if s.journal, err = openJournal(c.Out, s.setup(tree.Commit, here)); err != nil {
		return o, err
	}
	err = s.play(ctx, tree, c.Limit, progress)
	o.Table = s.journal.table(s.plan)
	for _, k := range s.plan {
		o.Counts = append(o.Counts, s.journal.count(k))
	}
	return o, err
}

func (s *selftest) setup(base string, here results.Environment) setup {
	of := setup{Base: base, Go: here.Go, CPU: here.CPU, CPUs: here.CPUs}
	if s.counter != nil {
		of.Qemu = s.counter.Version
	}
	return of
}

// Plan makes a plan of kinds that are given by name.
func Plan(plants, only []string, runs, burn int, p gate.Policy) (plan []Kind, err error) {
	for _, name := range plants {
		plan = append(plan, Kind{Plant: name, Only: only, Runs: runs, Burn: burn})
	}
	return plan, checkPlan(plan, p)
}

// ReadPlan reads a plan file, or the shipped plan where file is empty.
func ReadPlan(file string, p gate.Policy) ([]Kind, error) {
	text := shippedPlan
	if file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
	}
	return readPlan(text, p)
}

// play runs the gate, each time on the kind that is furthest behind its plan: so
// a bad hour of the machine falls on all alike, and so does an early end.
func (s *selftest) play(ctx context.Context, base ab.Tree, limit time.Duration, progress io.Writer) (err error) {
	began := time.Now()
	for limit == 0 || time.Since(began) < limit {
		k, left := s.next()
		if left == 0 {
			return nil
		}
		if s.base == nil {
			fmt.Fprintf(progress, "building base: %s\n", base)
			if s.base, err = s.shop.Build(ctx, base); err != nil {
				return err
			}
		}
		r, err := s.once(ctx, k, progress)
		if err != nil {
			return err
		}
		if err := s.journal.add(entry{Run: &r}); err != nil {
			return err
		}
		fmt.Fprintf(progress, "%s: %s after %d pairs, %.0f s; %d runs left\n", r.Kind, r.Verdict, r.Pairs, 60*r.Minutes, left-1)
	}
	return nil
}

// next is the kind of which the least part is done, and how many runs of all are left.
func (s *selftest) next() (next Kind, left int) {
	least := 1.0
	for _, k := range s.plan {
		done := len(s.journal.of(k))
		left += max(0, k.Runs-done)
		if part := float64(done) / float64(k.Runs); part < least {
			next, least = k, part
		}
	}
	return next, left
}

// once is one run of the gate, as bench gate does it.
func (s *selftest) once(ctx context.Context, k Kind, progress io.Writer) (r played, err error) {
	p, err := policy.Restrict(s.policy, k.Only)
	if err != nil {
		return r, err
	}
	if k.Plant != "none" {
		p.Family, p.CountFamily = len(s.policy.Metrics), len(s.policy.Counts)
	}
	head, err := s.head(ctx, k, p, progress)
	if err != nil {
		return r, err
	}
	t := trial.New(p, [2]*ab.Build{s.base, head}, s.shop, s.random)
	defer t.Close()
	values, err := s.hard(ctx, p.Hard)
	if err != nil {
		return r, err
	}
	t.UseBaselines(values)
	t.UseCounter(s.counter)
	if k.Burn > 0 {
		defer burn(ctx, k.Burn)()
	}
	began, times := time.Now(), ab.MachineTimes()
	report, err := t.Run(ctx, io.Discard)
	if err != nil {
		return r, err
	}
	r = played{
		Kind: k.name(), At: began.UTC(), Verdict: report.Verdict, Minutes: time.Since(began).Minutes(), Why: report.Reasons,
		Steal: known(ab.MachineTimes().Steal(times)), Load: known(ab.Load()), Open: report.Undecided,
	}
	for _, m := range slices.Concat(report.Counts, report.Metrics) {
		r.Pairs = max(r.Pairs, m.Pairs)
		if r.Change == nil && m.Change != nil {
			r.Change = &m.Change.Estimate
		}
	}
	return r, nil
}

// known is a value, nil for NaN.
func known(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// hard are the base's hard metrics, measured once each.
func (s *selftest) hard(ctx context.Context, metrics []gate.Metric) (map[string]float64, error) {
	if s.baseline == nil {
		s.baseline = map[string]float64{}
	}
	var missing []gate.Metric
	for _, m := range metrics {
		if _, known := s.baseline[m.Name]; !known {
			missing = append(missing, m)
		}
	}
	got, err := baseline.Measure(ctx, s.base, missing)
	for name, value := range got {
		s.baseline[name] = value
	}
	return s.baseline, err
}
