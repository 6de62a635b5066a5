package main

import (
	"context"
	"io"

	"guestload/bench/trend"
	"guestload/results"
	"guestload/server/cli"
)

func runTrend(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("bench trend")
	dir := f.String("dir", results.RunsDir, "`FOLDER` with run records, at any depth")
	scenario := f.String("scenario", "burst", "read the records of this scenario")
	commits := f.Int("commits", 0, "read the records of the last N commits, and run those without one")
	html := f.String("html", "", "write a page with plots to this `FILE`")
	cli.Group(f, "Records", "dir", "scenario", "commits")
	cli.Group(f, "Output", "html")
	if err := parse(f, args, "trend", false, stdout); err != nil {
		return err
	}
	if *commits < 0 || f.Changed("commits") && *commits == 0 {
		return cli.Usagef("--commits %d: at least 1", *commits)
	}
	records, err := trend.Records(ctx, *dir, *scenario, *commits, stderr)
	if err != nil {
		return err
	}
	t := trend.Of(*scenario, records)
	if err := t.WriteText(stdout); err != nil || *html == "" {
		return err
	}
	return t.WriteFile(*html)
}
