package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/pflag"

	"guestload/bench/ab"
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
}

func (r *revisions) check() error {
	switch {
	case r.base == "" && r.mergeBase == "":
		return usageError{errors.New("no --base: name the revision to compare with, such as --base main")}
	case r.base != "" && r.mergeBase != "":
		return usageError{errors.New("--base and --merge-base: give one of them")}
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
func (r *revisions) build(ctx context.Context, w *ab.Workshop, to console) (builds [2]*ab.Build, err error) {
	if r.mergeBase != "" {
		if r.base, err = w.MergeBase(ctx, r.mergeBase); err != nil {
			return builds, err
		}
	}
	for i, ref := range []string{r.base, r.head} {
		if builds[i], err = build(ctx, w, ref, ab.Side(i).String(), nil, to); err != nil {
			return builds, err
		}
	}
	return builds, nil
}

// build exports and builds one revision, changed by change where there is one.
func build(ctx context.Context, w *ab.Workshop, ref, as string, change func(dir string) error, to console) (*ab.Build, error) {
	tree, err := w.Export(ctx, ref)
	if err != nil {
		return nil, err
	}
	if change != nil {
		if err := change(tree.Dir); err != nil {
			return nil, fmt.Errorf("change %s: %w", tree, err)
		}
	}
	fmt.Fprintf(to.stderr, "building %s: %s\n", as, tree)
	b, err := w.Build(ctx, tree)
	if err != nil {
		return nil, err
	}
	for _, missing := range b.Missing {
		fmt.Fprintf(to.stderr, "%s has %s: that is left out\n", as, missing)
	}
	return b, nil
}
