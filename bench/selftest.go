package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"guestload/bench/ab"
	"guestload/bench/gate"
)

const selftestExplanation = `bench selftest runs the gate on code whose difference is known, and prints how
often it said what, with Wilson's intervals at 95 %.

  bench selftest --runs 60 --plant none                       false alarms
  bench selftest --runs 30 --plant 5%,10% --only Server/memory
  bench selftest --runs 5 --plant allocation,command --budget 30s
  bench selftest --runs 20 --plant none --disturb             beside a busy core

What --plant names: none (base against itself), a share such as 5% (that much more
CPU time of the server a session, wasted in the handler of events), allocation (one
more an event), command (one more to Redis a new guest).`

// planted is one kind of difference, with what the gate said of it.
type planted struct {
	Name     string               `json:"name"`
	Verdicts map[gate.Verdict]int `json:"verdicts"`
	Runs     int                  `json:"runs"`
	Pairs    []int                `json:"pairs"`   // of the metric that took the most, a run each
	Minutes  []float64            `json:"minutes"` // of measuring, a run each

	build *ab.Build
}

type selftest struct {
	policy  gate.Policy
	base    *ab.Build
	kinds   []*planted
	shop    *ab.Workshop
	random  *rand.Rand
	disturb bool
}

func runSelftest(ctx context.Context, args []string, to console) (err error) {
	var r revisions
	fs := flagSet("selftest")
	fs.StringVar(&r.base, "base", "", "the revision to plant in; without it the working tree")
	fs.Uint64Var(&r.seed, "seed", 0, "of the order within pairs; 0 draws one")
	runs := fs.Int("runs", 10, "of the gate, for each kind")
	plant := fs.StringSlice("plant", []string{"none", "5%", "10%", "allocation", "command"}, "what to plant")
	only := fs.StringSlice("only", nil, "metrics of the policy, as of bench gate")
	budget := fs.Duration("budget", 0, "of a run, instead of the policy's")
	file := fs.String("policy", "", "policy file (the shipped one)")
	disturb := fs.Bool("disturb", false, "burn a core at random meanwhile")
	machine := fs.Bool("json", false, "print the result as JSON")
	if err := parse(fs, args, selftestExplanation, to); err != nil {
		return err
	}
	policy, err := loadPolicy(*file)
	if err != nil {
		return err
	}
	if *runs < 1 {
		return usageError{fmt.Errorf("--runs %d: at least 1", *runs)}
	}
	if fs.Changed("budget") {
		if policy.Budget = *budget; policy.Budget <= 0 {
			return usageError{fmt.Errorf("--budget %s: above 0", policy.Budget)}
		}
	}
	if policy, err = restrict(policy, *only); err != nil {
		return err
	}
	shares := make([]float64, len(*plant))
	for i, name := range *plant {
		if shares[i], err = parsePlant(name); err != nil {
			return usageError{err}
		}
	}
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	s := &selftest{policy: policy, shop: w, random: r.random(), disturb: *disturb}
	if err := s.prepare(ctx, r.base, *plant, shares, to); err != nil {
		return err
	}
	err = s.play(ctx, *runs, to) // what there is after an interrupt is told
	if *machine {
		text, failed := json.MarshalIndent(s.kinds, "", "  ")
		fmt.Fprintf(to.stdout, "%s\n", text)
		return errors.Join(err, failed)
	}
	fmt.Fprint(to.stdout, s.table())
	return err
}

// parsePlant checks what is to be planted; share is 0 for what is no share.
func parsePlant(name string) (share float64, err error) {
	switch name {
	case "none", "allocation", "command":
		return 0, nil
	}
	digits, ok := strings.CutSuffix(name, "%")
	share, err = strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(share > 0) || share > 100 {
		return 0, fmt.Errorf("--plant %q: none, allocation, command, or a share such as 5%%", name)
	}
	return share / 100, nil
}

// prepare builds the base, and a head for each kind.
func (s *selftest) prepare(ctx context.Context, ref string, kinds []string, shares []float64, to console) (err error) {
	if s.base, err = build(ctx, s.shop, ref, "base", nil, to); err != nil {
		return err
	}
	each := 0.0 // the share of a session's CPU time that one round is
	for i, name := range kinds {
		var change func(string) error
		switch {
		case name == "allocation":
			change = plantAllocation
		case name == "command":
			change = plantCommand
		case shares[i] > 0:
			if each == 0 {
				if each, err = s.calibrate(ctx, ref, to); err != nil {
					return err
				}
			}
			change = plantWork(int(shares[i] / each))
		}
		head, err := build(ctx, s.shop, ref, name, change, to)
		if err != nil {
			return err
		}
		s.kinds = append(s.kinds, &planted{Name: name, Verdicts: map[gate.Verdict]int{}, build: head})
	}
	return nil
}

// calibrate plants much, where a little would drown in noise, and measures what
// share of the server's CPU time one round of it is.
func (s *selftest) calibrate(ctx context.Context, ref string, to console) (each float64, err error) {
	const rounds, pairs = 50_000, 16
	much, err := build(ctx, s.shop, ref, "calibration", plantWork(rounds), to)
	if err != nil {
		return 0, err
	}
	b := newBattery([2]*ab.Build{s.base, much}, s.shop, microTime, s.random)
	defer b.close()
	all, err := b.measure(ctx, []string{"Server/memory"}, pairs, console{to.stdout, discard{}})
	if err != nil {
		return 0, err
	}
	var ratios []float64
	for _, p := range all {
		const unit = "server-cpu/loadgen-cpu"
		ratios = append(ratios, p.Runs[ab.Head][unit]/p.Runs[ab.Base][unit])
	}
	slices.Sort(ratios)
	if len(ratios) == 0 || !(ratios[len(ratios)/2] > 1.05) {
		return 0, fmt.Errorf("calibration: %d rounds an event made no difference (%.3f)", rounds, ratios)
	}
	more := ratios[len(ratios)/2] - 1
	fmt.Fprintf(to.stderr, "%d rounds an event are %.0f %% more CPU time a session\n", rounds, 100*more)
	return more / rounds, nil
}

// discard takes what nobody needs to read.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// play runs the gate on each kind in turn, so that a bad hour of the machine
// falls on all alike.
func (s *selftest) play(ctx context.Context, runs int, to console) error {
	if s.disturb {
		stop := disturb(ctx)
		defer stop()
	}
	for n := range runs {
		for _, k := range s.kinds {
			if err := s.once(ctx, k); err != nil {
				return err
			}
			fmt.Fprintf(to.stderr, "run %d of %d, %s: %v\n", n+1, runs, k.Name, k.Verdicts)
		}
	}
	return nil
}

func (s *selftest) once(ctx context.Context, k *planted) error {
	t := newTrial(s.policy, [2]*ab.Build{s.base, k.build}, s.shop, s.random)
	defer t.battery.close()
	var err error
	if t.evidence.Baseline, err = measureHard(ctx, s.base, s.policy.Hard); err != nil {
		return err
	}
	began := time.Now()
	report, err := t.run(ctx, console{discard{}, discard{}})
	if err != nil {
		return err
	}
	k.Runs++
	k.Verdicts[report.Verdict]++
	k.Minutes = append(k.Minutes, time.Since(began).Minutes())
	most := 0
	for _, m := range report.Metrics {
		most = max(most, m.Pairs)
	}
	k.Pairs = append(k.Pairs, most)
	return nil
}

// disturb burns a core for random stretches of up to three seconds, with random
// rests between, until ctx ends or stop is called.
func disturb(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			for until := time.Now().Add(rand.N(3 * time.Second)); time.Now().Before(until) && ctx.Err() == nil; {
				continue
			}
			select {
			case <-time.After(rand.N(3 * time.Second)):
			case <-ctx.Done():
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// table is the result in Markdown.
func (s *selftest) table() string {
	var b strings.Builder
	b.WriteString("| planted | runs | Regressed (95 %) | Improved | Stale | Pass | Inconclusive | Invalid | pairs, median | minutes, median |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, k := range s.kinds {
		fmt.Fprintf(&b, "| %s | %d | %s", k.Name, k.Runs, share{k.Verdicts[gate.Regressed], k.Runs})
		for _, v := range []gate.Verdict{gate.Improved, gate.Stale, gate.Pass, gate.Inconclusive, gate.Invalid} {
			fmt.Fprintf(&b, " | %d", k.Verdicts[v])
		}
		fmt.Fprintf(&b, " | %d | %.1f |\n", middle(k.Pairs), middle(k.Minutes))
	}
	return b.String()
}

// middle is the median, the higher of two; zero of nothing.
func middle[T int | float64](values []T) (m T) {
	if len(values) == 0 {
		return m
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
