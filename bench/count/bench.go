package count

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"guestload/bench/ab"
)

// ErrFailed: a side cannot be counted, as its benchmark panics or does not end. Wrapped
// with which and why.
var ErrFailed = errors.New("cannot be counted")

// timeout is how long one run may take; the longest of the policy takes some seconds on
// an idle machine.
const timeout = 3 * time.Minute

// lengths are the operations of the short and of the long run that are compared.
func lengths(operations int) [2]int { return [2]int{operations / 5, operations} }

// Bench counts a benchmark of one build: so many operations against a fifth of them.
func (e *Emulator) Bench(ctx context.Context, b *ab.Build, name string, operations int) (Rates, error) {
	runs, err := e.bench(ctx, b, name, operations, false)
	if err != nil {
		return nil, err
	}
	n := lengths(operations)
	return perOp(runs[0], runs[1], float64(n[1]-n[0])), nil
}

// bench returns the counts of the short and of the long run.
func (e *Emulator) bench(ctx context.Context, b *ab.Build, name string, operations int, functions bool) (runs [2]Counts, err error) {
	known, err := b.Knows(ctx, name)
	switch {
	case ctx.Err() != nil:
		return runs, ctx.Err()
	case err != nil:
		return runs, fmt.Errorf("%s of %s %w: %w", name, b.Tree, ErrFailed, err)
	case !known:
		return runs, fmt.Errorf("%s of %s: %w", name, b.Tree, ab.ErrNoBenchmark)
	}
	for i, n := range lengths(operations) {
		limited, stop := context.WithTimeoutCause(ctx, e.Timeout, fmt.Errorf("more than %s", e.Timeout))
		var output []byte
		runs[i], output, err = e.Run(limited, Command{
			Program: b.Benchmarks, Dir: filepath.Join(b.Tree.Dir, "bench"), Functions: functions,
			Args: []string{"-test.run=^$", "-test.bench=" + ab.Pattern(name), fmt.Sprintf("-test.benchtime=%dx", n), "-test.timeout=0"},
		})
		stop()
		switch {
		case err != nil:
			return runs, errors.Join(ctx.Err(), fmt.Errorf("%s of %s %w: %w", name, b.Tree, ErrFailed, err))
		case !bytes.Contains(output, []byte("\nBenchmark"+name)) && !bytes.HasPrefix(output, []byte("Benchmark"+name)):
			return runs, fmt.Errorf("%s of %s: %w", name, b.Tree, ab.ErrNoBenchmark)
		}
	}
	return runs, nil
}

// Functions are the functions whose instructions an operation of a benchmark changed most,
// at most n.
func (e *Emulator) Functions(ctx context.Context, builds [2]*ab.Build, name string, operations, n int) ([]Function, error) {
	var sides [2][2]Counts
	for _, side := range ab.Sides() {
		var err error
		if sides[side], err = e.bench(ctx, builds[side], name, operations, true); err != nil {
			return nil, err
		}
	}
	l := lengths(operations)
	return Changed(sides[ab.Base], sides[ab.Head], float64(l[1]-l[0]), n), nil
}
