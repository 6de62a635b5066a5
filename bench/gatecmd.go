package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"guestload/bench/ab"
	"guestload/bench/gate"
)

const gateExplanation = `bench gate tells whether a change made server or loadgen slower: both revisions
are built, run in alternating pairs, and judged as policy.yaml says. It stops as
soon as every metric is decided.

  bench gate --base main                     the working tree against main
  bench gate --base HEAD~1 --head HEAD       two commits
  bench gate --base main --only Server/memory --budget 2m

Exit codes: 0 Pass or Improved, 1 could not run, 2 wrong usage, 3 Regressed (or a
hard metric differs from its baseline), 4 Inconclusive or Invalid.`

// gateOptions are what the command line says.
type gateOptions struct {
	revisions
	only           []string
	policy         string
	budget         time.Duration
	json, markdown string // where to; "-" is stdout
	out            string
	inconclusive   string
}

func runGate(ctx context.Context, args []string, to console) (err error) {
	var o gateOptions
	fs := flagSet("gate")
	o.bind(fs)
	fs.StringSliceVar(&o.only, "only", nil, "metrics of the policy, by name; the others are left out")
	fs.StringVar(&o.policy, "policy", "", "policy file (the shipped one)")
	fs.DurationVar(&o.budget, "budget", 0, "how long to measure at most, instead of the policy's budget")
	fs.StringVar(&o.json, "json", "", "write the report as JSON: --json to stdout, --json=FILE to a file")
	fs.StringVar(&o.markdown, "markdown", "", "write the report as a comment for a pull request, likewise")
	fs.Lookup("json").NoOptDefVal, fs.Lookup("markdown").NoOptDefVal = "-", "-"
	fs.StringVar(&o.out, "out", "results/runs/gate", "folder for base.txt and head.txt, which benchstat reads")
	fs.StringVar(&o.inconclusive, "inconclusive", "fail", "what Inconclusive is: fail (exit 4) or pass (exit 0)")
	if err := parse(fs, args, gateExplanation, to); err != nil {
		return err
	}
	policy, err := o.load(fs.Changed("budget"))
	if err != nil {
		return err
	}
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	builds, err := o.build(ctx, w, to)
	if err != nil {
		return err
	}
	t := newTrial(policy, builds, w, o.random())
	defer t.battery.close()
	if t.evidence.Baseline, err = t.baselines(); err != nil {
		return err
	}
	report, err := t.run(ctx, to)
	if len(t.pairs) > 0 {
		err = errors.Join(err, writePairs(o.out, builds, t.pairs))
	}
	if err != nil {
		return err
	}
	return o.tell(report, builds, to)
}

// load checks the options and returns the policy that they make.
func (o *gateOptions) load(budgeted bool) (gate.Policy, error) {
	if err := o.check(); err != nil {
		return gate.Policy{}, err
	}
	switch {
	case budgeted && o.budget <= 0:
		return gate.Policy{}, usageError{fmt.Errorf("--budget %s: above 0", o.budget)}
	case o.inconclusive != "pass" && o.inconclusive != "fail":
		return gate.Policy{}, usageError{fmt.Errorf("--inconclusive %q: pass or fail", o.inconclusive)}
	case o.json == "-" && o.markdown == "-":
		return gate.Policy{}, usageError{errors.New("--json and --markdown both to stdout: give one a file, such as --json=gate.json")}
	}
	p, err := loadPolicy(o.policy)
	if err != nil {
		return p, err
	}
	if budgeted {
		p.Budget = o.budget
	}
	return restrict(p, o.only)
}

// told is the report as JSON.
type told struct {
	Base string `json:"base"`
	Head string `json:"head"`
	gate.Report
}

// tell writes the report wherever it was asked for, and ends with its exit code.
func (o *gateOptions) tell(r gate.Report, builds [2]*ab.Build, to console) error {
	var text, markdown strings.Builder
	if err := errors.Join(r.WriteText(&text), r.WriteMarkdown(&markdown)); err != nil {
		return err
	}
	machine, err := json.MarshalIndent(told{builds[ab.Base].Tree.String(), builds[ab.Head].Tree.String(), r}, "", "  ")
	if err != nil {
		return err
	}
	if o.json != "-" && o.markdown != "-" {
		fmt.Fprint(to.stdout, text.String())
	}
	for _, form := range []struct{ to, text string }{{o.json, string(machine) + "\n"}, {o.markdown, markdown.String()}} {
		switch form.to {
		case "":
		case "-":
			fmt.Fprint(to.stdout, form.text)
		default:
			if err := os.MkdirAll(filepath.Dir(form.to), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(form.to, []byte(form.text), 0o644); err != nil {
				return err
			}
		}
	}
	if code := exitOf(r.Verdict, o.inconclusive == "pass"); code != exitPass {
		return exitError(code)
	}
	return nil
}

func exitOf(v gate.Verdict, inconclusivePasses bool) int {
	switch v {
	case gate.Pass, gate.Improved:
		return exitPass
	case gate.Regressed, gate.Stale:
		return exitRegressed
	case gate.Inconclusive:
		if inconclusivePasses {
			return exitPass
		}
	}
	return exitInconclusive
}
