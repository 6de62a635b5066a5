package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"guestload/bench/ab"
	"guestload/bench/gate"
)

// head is the base with what is planted in it, built when first asked for.
func (s *selftest) head(ctx context.Context, k kind, p gate.Policy, to console) (*ab.Build, error) {
	share, err := parsePlant(k.Plant)
	if err != nil {
		return nil, err
	}
	as := k.Plant
	var change func(string) error
	switch {
	case k.Plant == "allocation":
		change = plantAllocation
	case k.Plant == "command":
		change = plantCommand
	case share > 0:
		of := handled(p)
		whole, err := s.rounds(ctx, of, to)
		if err != nil {
			return nil, err
		}
		as += " of " + of
		change = plantWork(max(1, int(share*whole+0.5)))
	}
	if s.heads[as] == nil {
		if s.heads[as], err = build(ctx, s.shop, s.ref, as, change, to); err != nil {
			return nil, err
		}
	}
	return s.heads[as], nil
}

// rounds is how many of them make an event take twice its time: calibrated once.
func (s *selftest) rounds(ctx context.Context, of string, to console) (float64, error) {
	if known, ok := s.journal.setup.Rounds[of]; ok {
		return known, nil
	}
	whole, err := s.calibrate(ctx, of, to)
	if err != nil {
		return 0, err
	}
	return whole, s.journal.add(entry{Rounds: map[string]float64{of: whole}})
}

// calibrate plants much, where a little would drown in noise, and measures what
// share of the CPU time one round of it is.
func (s *selftest) calibrate(ctx context.Context, of string, to console) (whole float64, err error) {
	const pairs = 20
	rounds := calibrationRounds()[of]
	much, err := build(ctx, s.shop, s.ref, "calibration", plantWork(rounds), to)
	if err != nil {
		return 0, err
	}
	b := newBattery([2]*ab.Build{s.base, much}, s.shop, microTime, s.random)
	defer b.close()
	all, err := b.measure(ctx, []string{of}, pairs, console{to.stdout, discard{}})
	if err != nil {
		return 0, err
	}
	unit := ""
	for _, m := range s.policy.Metrics {
		if runOf(m) == of {
			unit = m.Unit
		}
	}
	var ratios []float64
	for _, p := range all {
		ratios = append(ratios, p.Runs[ab.Head][unit]/p.Runs[ab.Base][unit])
	}
	slices.Sort(ratios)
	if len(ratios) == 0 || !(ratios[len(ratios)/2] > 1.05) {
		return 0, fmt.Errorf("calibration of %s: %d rounds an event made no difference (%.3f)", of, rounds, ratios)
	}
	more := ratios[len(ratios)/2] - 1
	fmt.Fprintf(to.stderr, "%d rounds an event are %.0f %% more CPU time of %s\n", rounds, 100*more, of)
	return float64(rounds) / more, nil
}

// discard takes what nobody needs to read.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// disturb burns a core for random stretches of up to three seconds, with random
// rests between, until ctx ends or stop is called.
func disturb(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			for until := time.Now().Add(rand.N(3 * time.Second)); time.Now().Before(until) && ctx.Err() == nil; {
				continue
			}
			select {
			case <-time.After(rand.N(3 * time.Second)):
			case <-ctx.Done():
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
