package count

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"guestload/bench/ab"
)

// Count counts a benchmark, or the sessions of a comparison end to end, of one build. The
// other program of a session is the helper's.
func (e *Emulator) Count(ctx context.Context, b, helper *ab.Build, name string, operations int) (Rates, error) {
	if c, ok := ab.EndToEnd()[name]; ok {
		return e.session(ctx, c.Compare, b, helper, operations)
	}
	return e.Bench(ctx, b, name, operations)
}

// Pair counts both builds at the same time, since neither disturbs the other's counts. A
// benchmark that the base alone lacks, or that fails there alone, is ab.ErrLeftOut.
func (e *Emulator) Pair(ctx context.Context, builds [2]*ab.Build, name string, operations int) (p ab.Pair, err error) {
	var rates [2]Rates
	var errs [2]error
	var both sync.WaitGroup
	for _, side := range ab.Sides() {
		both.Go(func() { rates[side], errs[side] = e.Count(ctx, builds[side], builds[ab.Head], name, operations) })
	}
	both.Wait()
	if err := errs[ab.Base]; errs[ab.Head] == nil && (errors.Is(err, ab.ErrNoBenchmark) || errors.Is(err, ErrFailed)) {
		return p, fmt.Errorf("%w: %w", ab.ErrLeftOut, err)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return p, err
	}
	p.Name = name
	for _, side := range ab.Sides() {
		p.Runs[side] = ab.Values(rates[side])
	}
	return p, nil
}
