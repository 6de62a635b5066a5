package main

import (
	"context"
	"errors"
	"io"
	"time"

	"guestload/bench/ab"
	"guestload/bench/gate"
	"guestload/bench/policy"
	"guestload/bench/trial"
	"guestload/server/cli"
)

// gateOptions are what the command line says.
type gateOptions struct {
	revisions
	only         []string
	policy       string
	budget       time.Duration
	output       trial.Output
	out          string
	inconclusive string
}

func runGate(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var o gateOptions
	fs := cli.Flags("bench gate")
	o.bind(fs)
	fs.StringSliceVar(&o.only, "only", nil, "judge these metrics of the policy only, by name")
	fs.StringVar(&o.policy, "policy", "", "policy `FILE` (default the shipped one)")
	fs.DurationVar(&o.budget, "budget", 0, "how long to measure at most (default the policy's)")
	cli.Group(fs, "What to judge", "only", "policy", "budget")
	fs.StringVar(&o.output.JSON, "json", "", "write the report as JSON: --json to stdout, --json=FILE to a file")
	fs.StringVar(&o.output.Markdown, "markdown", "", "write the report as a pull request comment, likewise")
	fs.Lookup("json").NoOptDefVal, fs.Lookup("markdown").NoOptDefVal = "-", "-"
	fs.StringVar(&o.out, "out", "results/runs/gate", "`FOLDER` for base.txt and head.txt, which benchstat reads")
	fs.StringVar(&o.inconclusive, "inconclusive", "fail", "whether Inconclusive is to fail (exit 4) or pass (exit 0)")
	cli.Group(fs, "Output", "json", "markdown", "out", "inconclusive")
	if err := parse(fs, args, "gate", false, stdout); err != nil {
		return err
	}
	p, err := o.load(fs.Changed("budget"))
	if err != nil {
		return err
	}
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	builds, err := o.build(ctx, w, stderr)
	if err != nil {
		return err
	}
	t := trial.New(p, builds, w, o.random())
	defer t.Close()
	if err := t.Prepare(ctx, w, stderr); err != nil {
		return err
	}
	report, err := t.Run(ctx, stderr)
	if err == nil {
		err = t.Explain(ctx, &report)
	}
	if pairs := t.Pairs(); len(pairs) > 0 {
		err = errors.Join(err, ab.WriteFiles(o.out, builds, pairs))
	}
	if err == nil {
		err = o.output.Write(report, builds, stdout)
	}
	if err != nil {
		return err
	}
	if code := trial.ExitCode(report.Verdict, o.inconclusive == "pass"); code != cli.ExitOK {
		return cli.ExitError(code)
	}
	return nil
}

// load checks the options and returns the policy that they make.
func (o *gateOptions) load(budgeted bool) (gate.Policy, error) {
	if err := o.check(); err != nil {
		return gate.Policy{}, err
	}
	switch {
	case budgeted && o.budget <= 0:
		return gate.Policy{}, cli.Usagef("--budget %s: above 0", o.budget)
	case o.inconclusive != "pass" && o.inconclusive != "fail":
		return gate.Policy{}, cli.Usagef("--inconclusive %q: pass or fail", o.inconclusive)
	case o.output.JSON == "-" && o.output.Markdown == "-":
		return gate.Policy{}, cli.Usagef("--json and --markdown both to stdout: give one a file, such as --json=gate.json")
	}
	p, err := policy.Load(o.policy)
	if err != nil {
		return p, err
	}
	if budgeted {
		p.Budget = o.budget
	}
	return policy.Restrict(p, o.only)
}
