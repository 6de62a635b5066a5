package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"guestload/bench/ab"
)

const abExplanation = `bench ab runs benchmarks, and servers under load, of two revisions in pairs, the
order within a pair drawn at random, and writes base.txt and head.txt for
benchstat. It judges nothing.

  bench ab --base main                                        everything, 10 pairs
  bench ab --base HEAD~1 --only Relay/within,Server/memory    only these

What --only names: a benchmark of ./bench without the word Benchmark, or end to end
Server/memory, Server/redis, Loadgen/memory, Loadgen/redis.`

// ends are the comparisons end to end, by name.
func ends() map[string]ab.Contest {
	return map[string]ab.Contest{
		"Server/memory":  {Compare: ab.Servers},
		"Server/redis":   {Compare: ab.Servers, Redis: true},
		"Loadgen/memory": {Compare: ab.Loadgens},
		"Loadgen/redis":  {Compare: ab.Loadgens, Redis: true},
	}
}

func runAB(ctx context.Context, args []string, to console) (err error) {
	var r revisions
	fs := flagSet("ab")
	r.bind(fs)
	only := fs.StringSlice("only", nil, "what to run; without it all benchmarks and Server/memory and Loadgen/memory")
	pairs := fs.Int("pairs", 10, "how many pairs")
	each := fs.Duration("time", 200*time.Millisecond, "that a benchmark runs for")
	slicesOf := fs.Int("slices", 1, "how often that is repeated within a run, whose time is then that of the fastest fifth (bench gate: 10 of 20ms)")
	out := fs.String("out", ".", "folder for base.txt and head.txt")
	if err := parse(fs, args, abExplanation, to); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	if *pairs < 1 || *each <= 0 || *slicesOf < 1 {
		return usageError{fmt.Errorf("--pairs %d, --time %s, --slices %d: all above 0", *pairs, *each, *slicesOf)}
	}
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	builds, err := r.build(ctx, w, to)
	if err != nil {
		return err
	}
	names := *only
	if len(names) == 0 {
		if names, err = builds[ab.Head].List(ctx); err != nil {
			return err
		}
		names = append(names, "Server/memory", "Loadgen/memory")
	}
	b := newBattery(builds, w, ab.Effort{Time: *each, Slices: *slicesOf}, r.random())
	defer b.close()
	all, err := b.measure(ctx, names, *pairs, to)
	if len(all) > 0 {
		err = errors.Join(err, writePairs(*out, builds, all))
		fmt.Fprintf(to.stdout, "benchstat %s %s\n", filepath.Join(*out, "base.txt"), filepath.Join(*out, "head.txt"))
	}
	return err
}

// measure takes so many pairs of everything named, one of each in turn, so that
// a bad minute of the machine falls on all alike.
func (b *battery) measure(ctx context.Context, names []string, pairs int, to console) (all []ab.Pair, err error) {
	names = slices.Clone(names)
	for n := range pairs {
		for i := 0; i < len(names); i++ {
			got, err := b.pair(ctx, names[i])
			switch {
			case errors.Is(err, ab.ErrSlice):
				fmt.Fprintf(to.stderr, "%s: %v: this pair is left out\n", names[i], err)
			case errors.Is(err, ab.ErrLeftOut):
				fmt.Fprintf(to.stderr, "%s is left out: %v\n", names[i], err)
				names = slices.Delete(names, i, i+1)
				i--
			case err != nil:
				return all, err
			}
			all = append(all, got...)
		}
		if len(names) == 0 {
			return all, errors.New("nothing to compare is left")
		}
		fmt.Fprintf(to.stderr, "pair %d of %d\n", n+1, pairs)
	}
	return all, nil
}

// writePairs writes one file a side, in the Go benchmark format.
func writePairs(dir string, builds [2]*ab.Build, all []ab.Pair) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, side := range ab.Sides() {
		var text strings.Builder
		if err := ab.Write(&text, side, builds[side].Tree.String(), all); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, side.String()+".txt"), []byte(text.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
