package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"guestload/bench/ab"
)

// battery runs whatever is named in pairs. Servers are started when first asked
// for, and stay up until close.
type battery struct {
	micro ab.Micro
	dir   string
	duels map[string]*ab.Duel
}

func newBattery(builds [2]*ab.Build, w *ab.Workshop, each ab.Effort, random *rand.Rand) *battery {
	return &battery{micro: ab.Micro{Builds: builds, Effort: each, Random: random}, dir: w.Dir(), duels: map[string]*ab.Duel{}}
}

// pair takes one pair of what is named: of a benchmark, with all below it, or of
// a comparison end to end.
func (b *battery) pair(ctx context.Context, name string) ([]ab.Pair, error) {
	contest, isEnd := ends()[name]
	if !isEnd {
		return b.micro.Pair(ctx, name)
	}
	d, err := b.duel(ctx, name, contest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p, err := d.Pair(ctx)
	if err != nil {
		return nil, err
	}
	return []ab.Pair{p}, nil
}

// duel returns the named one, up and warm.
func (b *battery) duel(ctx context.Context, name string, c ab.Contest) (*ab.Duel, error) {
	if d := b.duels[name]; d != nil {
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
	b.duels[name] = d
	return d, nil
}

// stop ends the servers of one comparison.
func (b *battery) stop(name string) {
	if d := b.duels[name]; d != nil {
		d.Close()
		delete(b.duels, name)
	}
}

func (b *battery) close() {
	for name := range b.duels {
		b.stop(name)
	}
}
