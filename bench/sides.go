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
	seed       uint64
}

func (r *revisions) bind(fs *pflag.FlagSet) {
	fs.StringVar(&r.base, "base", "", "the revision to compare with, such as main or HEAD~1")
	fs.StringVar(&r.head, "head", "", "the revision to judge; without it the working tree, with changes that are not committed")
	fs.Uint64Var(&r.seed, "seed", 0, "of the order within pairs; 0 draws one")
}

func (r *revisions) check() error {
	if r.base == "" {
		return usageError{errors.New("no --base: name the revision to compare with, such as --base main")}
	}
	return nil
}

func (r *revisions) random() *rand.Rand {
	if r.seed == 0 {
		r.seed = uint64(time.Now().UnixNano())
	}
	return rand.New(rand.NewPCG(r.seed, 0))
}

// build exports and builds both revisions, with word of what is missing.
func (r *revisions) build(ctx context.Context, w *ab.Workshop, to console, patches ...[]byte) (builds [2]*ab.Build, err error) {
	for i, ref := range []string{r.base, r.head} {
		tree, err := w.Export(ctx, ref)
		if err != nil {
			return builds, err
		}
		if ab.Side(i) == ab.Head {
			for _, p := range patches {
				if err := tree.Patch(ctx, p); err != nil {
					return builds, err
				}
			}
		}
		fmt.Fprintf(to.stderr, "building %s: %s\n", ab.Side(i), tree)
		if builds[i], err = w.Build(ctx, tree); err != nil {
			return builds, err
		}
		for _, missing := range builds[i].Missing {
			fmt.Fprintf(to.stderr, "%s has %s: that is left out\n", ab.Side(i), missing)
		}
	}
	return builds, nil
}
