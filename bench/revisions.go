package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/spf13/pflag"

	"guestload/bench/ab"
	"guestload/server/cli"
)

// revisions are the flags that name two revisions.
type revisions struct {
	base, head string
	mergeBase  string
	seed       uint64
}

func (r *revisions) bind(fs *pflag.FlagSet) {
	fs.StringVar(&r.base, "base", "", "the revision to compare with, such as main or HEAD~1")
	fs.StringVar(&r.mergeBase, "merge-base", "", "instead of --base: compare with the commit where HEAD left this branch")
	fs.StringVar(&r.head, "head", "", "the revision to judge; without it the working tree, with changes that are not committed")
	fs.Uint64Var(&r.seed, "seed", 0, "of the order within pairs; 0 draws one")
	cli.Group(fs, "Revisions", "base", "merge-base", "head", "seed")
}

func (r *revisions) check() error {
	switch {
	case r.base == "" && r.mergeBase == "":
		return cli.UsageError{Err: errors.New("no --base: name the revision to compare with, such as --base main")}
	case r.base != "" && r.mergeBase != "":
		return cli.UsageError{Err: errors.New("--base and --merge-base: give one of them")}
	}
	return nil
}

func (r *revisions) random() *rand.Rand {
	if r.seed == 0 {
		r.seed = uint64(time.Now().UnixNano())
	}
	return rand.New(rand.NewPCG(r.seed, 0))
}

// build exports and builds both revisions, and says what is missing.
func (r *revisions) build(ctx context.Context, w *ab.Workshop, progress io.Writer) (builds [2]*ab.Build, err error) {
	if r.mergeBase != "" {
		if r.base, err = w.MergeBase(ctx, r.mergeBase); err != nil {
			return builds, err
		}
	}
	for i, ref := range []string{r.base, r.head} {
		if builds[i], err = w.Make(ctx, ref, ab.Side(i).String(), nil, progress); err != nil {
			return builds, err
		}
	}
	return builds, nil
}
