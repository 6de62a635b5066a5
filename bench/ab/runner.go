package ab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Runner runs benchmarks and end-to-end comparisons in pairs, by name. It starts servers
// when they are first needed; they stay up until Close.
type Runner struct {
	micro   Micro
	dir     string
	running map[string]*Running
}

// NewRunner returns a runner that keeps its files in the workshop.
func NewRunner(builds [2]*Build, w *Workshop, each Effort, random *rand.Rand) *Runner {
	return &Runner{micro: Micro{Builds: builds, Effort: each, Random: random}, dir: w.Dir(), running: map[string]*Running{}}
}

// EndToEnd are the end-to-end comparisons, by name.
func EndToEnd() map[string]Comparison {
	return map[string]Comparison{
		"Server/memory":  {Compare: Servers},
		"Server/redis":   {Compare: Servers, Redis: true},
		"Loadgen/memory": {Compare: Loadgens},
		"Loadgen/redis":  {Compare: Loadgens, Redis: true},
	}
}

// Pair takes one pair of what is named: of a benchmark, with all below it, or of
// a comparison end to end.
func (b *Runner) Pair(ctx context.Context, name string) ([]Pair, error) {
	comparison, isEnd := EndToEnd()[name]
	if !isEnd {
		return b.micro.Pair(ctx, name)
	}
	d, err := b.started(ctx, name, comparison)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p, err := d.Pair(ctx)
	if err != nil {
		return nil, err
	}
	return []Pair{p}, nil
}

// started returns the named one, up and warm.
func (b *Runner) started(ctx context.Context, name string, c Comparison) (*Running, error) {
	if d := b.running[name]; d != nil {
		return d, nil
	}
	c.Builds, c.Random = b.micro.Builds, b.micro.Random
	c.Dir = filepath.Join(b.dir, strings.ReplaceAll(name, "/", "-"))
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, err
	}
	d, err := c.Start(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := d.Pair(ctx); err != nil { // the first slice meets cold servers
		d.Close()
		return nil, err
	}
	b.running[name] = d
	return d, nil
}

// Stop ends the servers of one comparison.
func (b *Runner) Stop(name string) {
	if d := b.running[name]; d != nil {
		d.Close()
		delete(b.running, name)
	}
}

// Close ends all servers.
func (b *Runner) Close() {
	for name := range b.running {
		b.Stop(name)
	}
}

// Measure takes a number of pairs of everything named, or of all benchmarks,
// Server/memory and Loadgen/memory where nothing is, one of each in turn, so that
// a bad minute of the machine falls on all alike.
func (b *Runner) Measure(ctx context.Context, names []string, pairs int, progress io.Writer) (all []Pair, err error) {
	if names = slices.Clone(names); len(names) == 0 {
		if names, err = b.micro.Builds[Head].List(ctx); err != nil {
			return nil, err
		}
		names = append(names, "Server/memory", "Loadgen/memory")
	}
	for n := range pairs {
		for i := 0; i < len(names); i++ {
			got, err := b.Pair(ctx, names[i])
			switch {
			case errors.Is(err, ErrSlice):
				fmt.Fprintf(progress, "%s: %v: this pair is left out\n", names[i], err)
			case errors.Is(err, ErrLeftOut):
				fmt.Fprintf(progress, "%s is left out: %v\n", names[i], err)
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
		fmt.Fprintf(progress, "pair %d of %d\n", n+1, pairs)
	}
	return all, nil
}
