package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"guestload/bench/ab"
	"guestload/server/cli"
)

func runAB(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var r revisions
	fs := cli.Flags("bench ab")
	r.bind(fs)
	only := fs.StringSlice("only", nil, "what to run; without it all benchmarks and Server/memory and Loadgen/memory")
	pairs := fs.Int("pairs", 10, "how many pairs")
	each := fs.Duration("time", 200*time.Millisecond, "how long a benchmark runs")
	slicesOf := fs.Int("slices", 1, "repeat this often within a run; the fastest fifth counts (bench gate: 10 of 20ms)")
	out := fs.String("out", ".", "`FOLDER` for base.txt and head.txt")
	cli.Group(fs, "What to run", "only", "pairs", "time", "slices")
	cli.Group(fs, "Output", "out")
	if err := parse(fs, args, "ab", false, stdout); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	if *pairs < 1 || *each <= 0 || *slicesOf < 1 {
		return cli.Usagef("--pairs %d, --time %s, --slices %d: all above 0", *pairs, *each, *slicesOf)
	}
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	builds, err := r.build(ctx, w, stderr)
	if err != nil {
		return err
	}
	b := ab.NewRunner(builds, w, ab.Effort{Time: *each, Slices: *slicesOf}, r.random())
	defer b.Close()
	all, err := b.Measure(ctx, *only, *pairs, stderr)
	if len(all) > 0 {
		err = errors.Join(err, ab.WriteFiles(*out, builds, all))
		fmt.Fprintf(stdout, "benchstat %s %s\n", filepath.Join(*out, "base.txt"), filepath.Join(*out, "head.txt"))
	}
	return err
}
