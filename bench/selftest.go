package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"guestload/bench/figures"
	"guestload/bench/policy"
	"guestload/bench/selftest"
	"guestload/server/cli"
)

// selftestOptions are what the command line says.
type selftestOptions struct {
	revisions
	plan, policy string
	plant, only  []string
	runs, burn   int
	json         bool
	budget       time.Duration
	config       selftest.Config
}

func runSelftest(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o selftestOptions
	fs := cli.Flags("bench selftest")
	fs.StringVar(&o.base, "base", "", "the revision to plant in; without it the working tree")
	fs.Uint64Var(&o.seed, "seed", 0, "of the order within pairs; 0 draws one")
	fs.StringVar(&o.plan, "plan", "", "`FILE` with kinds and runs (default the shipped plan)")
	fs.StringSliceVar(&o.plant, "plant", nil, "what to plant, instead of a plan")
	fs.StringSliceVar(&o.only, "only", nil, "metrics of the policy, as of bench gate; with --plant")
	fs.IntVar(&o.runs, "runs", 10, "runs of the gate for each kind; with --plant")
	fs.IntVar(&o.burn, "burn", 0, "burn so many cores meanwhile; with --plant")
	cli.Group(fs, "What to plant", "base", "plan", "plant", "only", "runs", "burn")
	fs.StringVar(&o.policy, "policy", "", "policy `FILE` (default the shipped one)")
	fs.DurationVar(&o.budget, "budget", 0, "of a run, instead of the policy's")
	fs.DurationVar(&o.config.Limit, "for", 0, "begin no run after so long; 0: until all are done")
	cli.Group(fs, "How to run", "seed", "policy", "budget", "for")
	fs.StringVar(&o.config.Out, "out", "", "`FOLDER` that keeps the runs, to continue later")
	fs.BoolVar(&o.json, "json", false, "print the result as JSON")
	markdown := figures.BindFile(fs)
	cli.Group(fs, "Output", "out", "json")
	if err := parse(fs, args, "selftest", false, stdout); err != nil {
		return err
	}
	for _, name := range []string{"only", "runs", "burn"} {
		if fs.Changed(name) && len(o.plant) == 0 {
			return cli.Usagef("--%s without --plant: a plan says that itself", name)
		}
	}
	if err := o.load(fs.Changed("budget")); err != nil {
		return err
	}
	outcome, err := selftest.Run(ctx, o.config, stderr)
	if outcome.Counts == nil {
		return err
	}
	if o.json {
		text, problem := json.MarshalIndent(outcome.Counts, "", "  ")
		if problem != nil {
			return errors.Join(err, problem)
		}
		fmt.Fprintf(stdout, "%s\n", text)
	} else {
		fmt.Fprint(stdout, outcome.Table)
	}
	if *markdown != "" {
		err = errors.Join(err, figures.Section{Command: "bench selftest", Text: outcome.Table}.WriteTo(*markdown))
	}
	return err
}

// load checks the options, and completes the configuration.
func (o *selftestOptions) load(budgeted bool) (err error) {
	p, err := policy.Load(o.policy)
	if err != nil {
		return err
	}
	if budgeted {
		if p.Budget = o.budget; p.Budget <= 0 {
			return cli.Usagef("--budget %s: above 0", p.Budget)
		}
	}
	o.config.Base, o.config.Policy, o.config.Random = o.base, p, o.random()
	switch {
	case o.config.Limit < 0:
		return cli.Usagef("--for %s: not below 0", o.config.Limit)
	case o.plan != "" && len(o.plant) > 0:
		return cli.Usagef("--plan and --plant: one of them")
	case len(o.plant) > 0:
		o.config.Plan, err = selftest.Plan(o.plant, o.only, o.runs, o.burn, p)
		return err
	}
	o.config.Plan, err = selftest.ReadPlan(o.plan, p)
	return err
}
