package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"guestload/bench/ab"
	"guestload/bench/gate"
	"guestload/results"
)

const selftestExplanation = `bench selftest runs the gate on code whose difference is known, and prints how
often it said what, with Wilson's intervals at 95 %.

  bench selftest --out results/runs/selftest     what selftest.yaml plans: 50 minutes
  bench selftest --plant none --runs 20 --only Relay/within --disturb
  bench selftest --plant allocation --only Relay/within --runs 5

With --out each run is kept as it ends, and the same command goes on where it was
stopped. What --plant names: none (base against itself), a share such as 5% (that
much more CPU time of Relay/within or Server/memory, wasted in the handler of
events), allocation (one more an event), command (one more to Redis a new guest).

Both figures are taken on the harder side: identical code is judged with all of
alpha on the metrics of its kind, planted code with the part that these metrics
have of it in the whole policy.`

type selftest struct {
	policy   gate.Policy
	ref      string
	plan     []kind
	journal  *journal
	shop     *ab.Workshop
	random   *rand.Rand
	base     *ab.Build
	heads    map[string]*ab.Build // by what was planted
	baseline map[string]float64   // hard metrics of the base
}

// selftestOptions are what the command line says.
type selftestOptions struct {
	revisions
	plan, policy  string
	plant, only   []string
	runs          int
	disturb, json bool
	budget, limit time.Duration
	out, markdown string
}

func runSelftest(ctx context.Context, args []string, to console) (err error) {
	var o selftestOptions
	fs := flagSet("selftest")
	fs.StringVar(&o.base, "base", "", "the revision to plant in; without it the working tree")
	fs.Uint64Var(&o.seed, "seed", 0, "of the order within pairs; 0 draws one")
	fs.StringVar(&o.plan, "plan", "", "file with kinds and runs (the shipped selftest.yaml)")
	fs.StringSliceVar(&o.plant, "plant", nil, "what to plant, instead of a plan")
	fs.StringSliceVar(&o.only, "only", nil, "metrics of the policy, as of bench gate; with --plant")
	fs.IntVar(&o.runs, "runs", 10, "of the gate, for each kind; with --plant")
	fs.BoolVar(&o.disturb, "disturb", false, "burn a core at random meanwhile; with --plant")
	fs.DurationVar(&o.budget, "budget", 0, "of a run, instead of the policy's")
	fs.DurationVar(&o.limit, "for", 0, "begin no run after so long; 0: until all are done")
	fs.StringVar(&o.policy, "policy", "", "policy file (the shipped one)")
	fs.StringVar(&o.out, "out", "", "folder that keeps the runs, to go on later")
	fs.StringVar(&o.markdown, "markdown", "", "write the table to this file as well")
	fs.BoolVar(&o.json, "json", false, "print the result as JSON")
	if err := parse(fs, args, selftestExplanation, to); err != nil {
		return err
	}
	for _, name := range []string{"only", "runs", "disturb"} {
		if fs.Changed(name) && len(o.plant) == 0 {
			return usageError{fmt.Errorf("--%s without --plant: a plan says that itself", name)}
		}
	}
	policy, plan, err := o.load(fs.Changed("budget"))
	if err != nil {
		return err
	}
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	s := &selftest{policy: policy, ref: o.base, plan: plan, shop: w, random: o.random(), heads: map[string]*ab.Build{}}
	if s.base, err = build(ctx, s.shop, o.base, "base", nil, to); err != nil {
		return err
	}
	if o.base != "" {
		s.ref = s.base.Tree.Commit // a branch may move on while this runs
	}
	here := results.Here(ctx)
	if s.journal, err = openJournal(o.out, setup{Base: s.base.Tree.Commit, Go: here.Go, CPU: here.CPU, CPUs: here.CPUs}); err != nil {
		return err
	}
	err = s.play(ctx, o.limit, to) // what there is after an interrupt is told
	return errors.Join(err, s.tell(o, to))
}

// load checks the options, and returns what they make.
func (o *selftestOptions) load(budgeted bool) (p gate.Policy, plan []kind, err error) {
	if p, err = loadPolicy(o.policy); err != nil {
		return p, nil, err
	}
	if budgeted {
		if p.Budget = o.budget; p.Budget <= 0 {
			return p, nil, usageError{fmt.Errorf("--budget %s: above 0", p.Budget)}
		}
	}
	switch {
	case o.limit < 0:
		return p, nil, usageError{fmt.Errorf("--for %s: not below 0", o.limit)}
	case o.plan != "" && len(o.plant) > 0:
		return p, nil, usageError{errors.New("--plan and --plant: one of them")}
	case len(o.plant) > 0:
		for _, name := range o.plant {
			plan = append(plan, kind{Plant: name, Only: o.only, Runs: o.runs, Disturb: o.disturb})
		}
		return p, plan, checkPlan(plan, p)
	}
	text := shippedPlan
	if o.plan != "" {
		if text, err = os.ReadFile(o.plan); err != nil {
			return p, nil, fmt.Errorf("plan: %w", err)
		}
	}
	plan, err = readPlan(text, p)
	return p, plan, err
}

// tell prints the result and writes it where it was asked for.
func (s *selftest) tell(o selftestOptions, to console) error {
	table := s.journal.table(s.plan)
	if o.json {
		var all []counted
		for _, k := range s.plan {
			all = append(all, s.journal.count(k))
		}
		text, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(to.stdout, "%s\n", text)
	} else {
		fmt.Fprint(to.stdout, table)
	}
	if o.markdown == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(o.markdown), 0o755); err != nil {
		return err
	}
	return os.WriteFile(o.markdown, []byte(table), 0o644)
}

// play runs the gate, each time on the kind that is furthest behind its plan: so
// a bad hour of the machine falls on all alike, and so does an early end.
func (s *selftest) play(ctx context.Context, limit time.Duration, to console) error {
	began := time.Now()
	for limit == 0 || time.Since(began) < limit {
		k, left := s.next()
		if left == 0 {
			return nil
		}
		r, err := s.once(ctx, k, to)
		if err != nil {
			return err
		}
		if err := s.journal.add(entry{Run: &r}); err != nil {
			return err
		}
		fmt.Fprintf(to.stderr, "%s: %s after %d pairs, %.0f s; %d runs left\n", r.Kind, r.Verdict, r.Pairs, 60*r.Minutes, left-1)
	}
	return nil
}

// next is the kind of which the least part is done, and how many runs of all are left.
func (s *selftest) next() (next kind, left int) {
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
func (s *selftest) once(ctx context.Context, k kind, to console) (r played, err error) {
	policy, err := restrict(s.policy, k.Only)
	if err != nil {
		return r, err
	}
	if k.Plant != "none" {
		policy.Family = len(s.policy.Metrics)
	}
	head, err := s.head(ctx, k, policy, to)
	if err != nil {
		return r, err
	}
	t := newTrial(policy, [2]*ab.Build{s.base, head}, s.shop, s.random)
	defer t.battery.close()
	if t.evidence.Baseline, err = s.hard(ctx, policy.Hard); err != nil {
		return r, err
	}
	if k.Disturb {
		stop := disturb(ctx)
		defer stop()
	}
	began := time.Now()
	report, err := t.run(ctx, console{discard{}, discard{}})
	if err != nil {
		return r, err
	}
	r = played{Kind: k.name(), At: began.UTC(), Verdict: report.Verdict, Minutes: time.Since(began).Minutes(), Why: report.Reasons}
	for i, m := range report.Metrics {
		r.Pairs = max(r.Pairs, m.Pairs)
		if i == 0 && m.Change != nil {
			r.Change = &m.Change.Estimate
		}
	}
	return r, nil
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
	got, err := measureHard(ctx, s.base, missing)
	for name, value := range got {
		s.baseline[name] = value
	}
	return s.baseline, err
}
