package main

import (
	"context"
	"io"
	"strings"

	"guestload/bench/policy"
	"guestload/bench/trend"
	"guestload/results"
	"guestload/server/cli"
)

func runTrend(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("bench trend")
	dir := f.String("dir", results.RunsDir, "`FOLDER` with run records, at any depth")
	scenario := f.String("scenario", "burst", "read the records of this scenario")
	commits := f.Int("commits", 0, "read the records of the last N commits, and run those without one")
	counts := f.Bool("counts", false, "of instructions and system calls instead of run records; with --commits")
	only := f.StringSlice("only", nil, "count these metrics of the policy only; with --counts")
	html := f.String("html", "", "write a page with plots to this `FILE`")
	cli.Group(f, "Records", "dir", "scenario", "commits", "counts", "only")
	cli.Group(f, "Output", "html")
	if err := parse(f, args, "trend", false, stdout); err != nil {
		return err
	}
	if *commits < 0 || f.Changed("commits") && *commits == 0 {
		return cli.Usagef("--commits %d: at least 1", *commits)
	}
	var t trend.Trend
	switch {
	case *counts && *commits == 0:
		return cli.Usagef("--counts without --commits: say how many, such as --commits 20")
	case *counts && f.Changed("scenario"):
		return cli.Usagef("--counts and --scenario: one of them, as counts are of benchmarks")
	case len(*only) > 0 && !*counts:
		return cli.Usagef("--only without --counts")
	case *counts:
		p, err := policy.Load("")
		if err != nil {
			return err
		}
		if p, err = policy.Restrict(p, *only); err != nil {
			return err
		}
		if len(p.Counts) == 0 {
			return cli.Usagef("--only %s: the policy counts no such metric", strings.Join(*only, ","))
		}
		if t, err = trend.Counts(ctx, *dir, p.Counts, *commits, stderr); err != nil {
			return err
		}
	default:
		records, err := trend.Records(ctx, *dir, *scenario, *commits, stderr)
		if err != nil {
			return err
		}
		t = trend.Of(*scenario, records)
	}
	if err := t.WriteText(stdout); err != nil || *html == "" {
		return err
	}
	return t.WriteFile(*html)
}
