package scale

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"guestload/bench/figures"
	"guestload/server/cli"
)

// Scaling measures points with one setup.
type Scaling struct {
	Setup
	Progress io.Writer // what is being measured
	growth   []grown   // by Crowds; nil until they were played
}

// point is one thing that is measured.
type point struct {
	name    string
	measure func(ctx context.Context, s *Scaling) ([]figures.Figure, error)
	short   bool // it is measured several times
}

func points() []point {
	return []point{
		{"memory", memoryFigures, true}, {"relay", relayFigures, true}, {"http", httpFigures, true}, {"arrival", arrivalFigures, true},
		{"broadcast", broadcastFigures, false}, {"square", squareFigures, true}, {"growth", growthFigures, false}, {"garbage", garbageFigures, false},
		{"crowd", crowdFigures, false},
	}
}

// Points are the names of all points.
func Points() (names []string) {
	for _, p := range points() {
		names = append(names, p.name)
	}
	return names
}

// CheckPoints rejects names that are no points.
func CheckPoints(names []string) error {
	all := Points()
	for _, name := range names {
		if !slices.Contains(all, name) {
			return cli.Usagef("--only %q: of %s%s", name, strings.Join(all, ", "), cli.Guess(name, all))
		}
	}
	return nil
}

// Measure measures the points named, the short ones several times.
func (s *Scaling) Measure(ctx context.Context, names []string, times int) (all []figures.Figure, err error) {
	for _, p := range points() {
		if !slices.Contains(names, p.name) {
			continue
		}
		var runs [][]figures.Figure
		for len(runs) == 0 || p.short && len(runs) < times {
			fmt.Fprintf(s.Progress, "%s: measuring %s\n", time.Now().Format(time.TimeOnly), p.name)
			more, err := p.measure(ctx, s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			runs = append(runs, more)
		}
		all = append(all, figures.Join(runs)...)
	}
	return all, nil
}
