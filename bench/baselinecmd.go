package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"guestload/bench/ab"
	"guestload/bench/gate"
	"guestload/server/cli"
)

const baselineExplanation = `bench baseline compares the hard metrics (allocations, bytes, Redis commands,
sizes) of the working tree with results/baselines/hard.json, and updates that.

  bench baseline check                        exit 3 where anything differs
  bench baseline update --why "a reason"      measure, and store what differs`

func runBaseline(ctx context.Context, args []string, to console) (err error) {
	verb := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, args = args[0], args[1:]
	}
	fs := flagSet("baseline")
	why := fs.String("why", "", "why the values may change: goes into the file")
	file := fs.String("policy", "", "policy file (the shipped one)")
	if err := parse(fs, args, baselineExplanation, to); err != nil {
		return err
	}
	switch {
	case verb != "check" && verb != "update":
		return usageError{fmt.Errorf("%q: check or update%s", verb, cli.Guess(verb, []string{"check", "update"}))}
	case verb == "update" && strings.TrimSpace(*why) == "":
		return usageError{errors.New(`no --why: say why the values may change, such as --why "Redis 8 needs a second command"`)}
	}
	policy, err := loadPolicy(*file)
	if err != nil {
		return err
	}
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	old, err := readBaseline(w.Repo())
	if err != nil {
		return err
	}
	head, err := build(ctx, w, "", "head", nil, to)
	if err != nil {
		return err
	}
	metrics := policy.Hard
	if verb == "check" {
		var note string
		if metrics, note = old.comparable(metrics); note != "" {
			fmt.Fprintln(to.stdout, note)
			old.Values = only(old.Values, metrics)
		}
	}
	got, err := measureHard(ctx, head, metrics)
	if err != nil {
		return err
	}
	changes := differences(metrics, old.Values, got)
	for _, c := range changes {
		fmt.Fprintln(to.stdout, c)
	}
	if len(changes) == 0 && (verb == "check" || old.Go == toolchain()) {
		fmt.Fprintf(to.stdout, "all %d hard metrics are as their baselines\n", len(got))
		return nil
	}
	if verb == "check" {
		fmt.Fprintf(to.stdout, "\nwhere that is meant: bench baseline update --why \"…\"\n")
		return exitError(exitRegressed)
	}
	return baseline{
		Go: toolchain(), Values: got,
		Updates: append([]update{{time.Now().UTC().Format(time.DateOnly), head.Tree.Commit, *why, changes}}, old.Updates...),
	}.write(w.Repo())
}

// only are the values of these metrics.
func only(values map[string]float64, metrics []gate.Metric) map[string]float64 {
	left := map[string]float64{}
	for _, m := range metrics {
		if v, ok := values[m.Name]; ok {
			left[m.Name] = v
		}
	}
	return left
}

// differences tells what is not as it was, one line a metric.
func differences(metrics []gate.Metric, old, got map[string]float64) (lines []string) {
	for _, m := range metrics {
		was, known := old[m.Name]
		switch now := got[m.Name]; {
		case !known:
			lines = append(lines, fmt.Sprintf("%s: %g %s, new", m.Name, now, m.Unit))
		case now != was:
			word := "worse"
			if now < was != m.More {
				word = "better"
			}
			lines = append(lines, fmt.Sprintf("%s: %g → %g %s, %s", m.Name, was, now, m.Unit, word))
		}
	}
	for name, was := range old {
		if _, still := got[name]; !still {
			lines = append(lines, fmt.Sprintf("%s: was %g, is in the policy no more", name, was))
		}
	}
	return lines
}
