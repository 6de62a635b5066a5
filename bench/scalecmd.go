package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"guestload/bench/scale"
	"guestload/server/cli"
)

const scaleExplanation = `bench scale measures what guests cost one server, and loadgen, as they become
many, and prints a table in Markdown: each point with its target, what was
measured, and whether that meets it. Both sides of a ratio are of the same run.

  bench scale                       all points: about half an hour
  bench scale --only crowd          100,000 guests over six servers: 11 minutes, 6 GB of memory
  bench scale --only growth         the cost of a session among ever more guests
  bench scale --only memory,relay --times 1   1 minute

Short points are measured five times (--times); the table has the median, and
between which values the figure lay.

20,000 open files a process are needed (ulimit -n), and a machine that does
nothing else: latencies are wall time.`

// point is one thing that bench scale measures.
type point struct {
	name    string
	measure func(ctx context.Context, s *scaling) ([]row, error)
	short   bool // it is measured several times, and the median counts
}

// scaling is where it does so.
type scaling struct {
	scale.Arena
	growth []grown // by scale.Crowds; nil until they were played
	to     console
}

func points() []point {
	return []point{
		{"memory", memoryRows, true}, {"relay", relayRows, true}, {"http", httpRows, true}, {"arrival", arrivalRows, true},
		{"broadcast", broadcastRows, false}, {"square", squareRows, true}, {"growth", growthRows, false}, {"garbage", garbageRows, false},
		{"crowd", crowdRows, false},
	}
}

func runScale(ctx context.Context, args []string, to console) (err error) {
	var names []string
	for _, p := range points() {
		names = append(names, p.name)
	}
	fs := flagSet("scale")
	only := fs.StringSlice("only", names, "points to measure")
	times := fs.Int("times", 5, "how often the short points are measured: the median counts")
	if err := parse(fs, args, scaleExplanation, to); err != nil {
		return err
	}
	for _, name := range *only {
		if !slices.Contains(names, name) {
			return usageError{fmt.Errorf("--only %q: of %s%s", name, strings.Join(names, ", "), cli.Guess(name, names))}
		}
	}
	if *times < 1 {
		return usageError{fmt.Errorf("--times %d: at least 1", *times)}
	}
	dir, err := os.MkdirTemp("", "guestload-scale-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &scaling{Arena: scale.Arena{Dir: dir, Server: filepath.Join(dir, "server"), Loadgen: filepath.Join(dir, "loadgen")}, to: to}
	if s.Self, err = os.Executable(); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", dir+string(filepath.Separator), "guestload/server", "guestload/loadgen")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	var rows []row
	for _, p := range points() {
		if !slices.Contains(*only, p.name) {
			continue
		}
		var runs [][]row
		for len(runs) == 0 || p.short && len(runs) < *times {
			fmt.Fprintf(to.stderr, "%s: measuring %s\n", time.Now().Format(time.TimeOnly), p.name)
			more, err := p.measure(ctx, s)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			runs = append(runs, more)
		}
		rows = append(rows, medians(runs)...)
	}
	return writeRows(to, rows)
}

// row is a line of the table.
type row struct {
	what, target, measured string
	got                    float64
	format                 string // of got
	judged, met            bool
}

// atMost is a row with a figure that must not be above its target.
func atMost(what string, got, target float64, format, more string) row {
	return row{what, "≤ " + fmt.Sprintf(format, target), fmt.Sprintf(format, got) + more, got, format, true, got <= target}
}

// medians are of each row the one with the median figure, the worse of two, and
// between which the figure lay.
func medians(runs [][]row) []row {
	if len(runs) == 1 {
		return runs[0]
	}
	var rows []row
	for i := range runs[0] {
		var same []row
		for _, r := range runs {
			same = append(same, r[i])
		}
		slices.SortStableFunc(same, func(a, b row) int { return cmp.Compare(a.got, b.got) })
		r := same[len(same)/2]
		least, most := fmt.Sprintf(r.format, same[0].got), fmt.Sprintf(r.format, same[len(same)-1].got)
		if least != most {
			r.measured += fmt.Sprintf("; of %d: %s to %s", len(same), least, most)
		}
		rows = append(rows, r)
	}
	return rows
}

func writeRows(to console, rows []row) error {
	fmt.Fprintln(to.stdout, "| point | target | measured | |\n|---|---|---|---|")
	for _, r := range rows {
		verdict := ""
		if r.judged {
			verdict = map[bool]string{true: "met", false: "**not met**"}[r.met]
		}
		if _, err := fmt.Fprintf(to.stdout, "| %s | %s | %s | %s |\n", r.what, r.target, r.measured, verdict); err != nil {
			return err
		}
	}
	return nil
}

// runHold is a server, or loadgen's guests, and tells what memory it has: bench scale
// runs it as a process of its own.
func runHold(ctx context.Context, args []string, to console) error {
	if len(args) != 1 || args[0] != scale.Ours && args[0] != scale.Bare && !strings.HasPrefix(args[0], scale.Guests+"=") {
		return usageError{fmt.Errorf("want %s or %s or %s=http://host:port", scale.Ours, scale.Bare, scale.Guests)}
	}
	return scale.Hold(ctx, args[0], os.Stdin, to.stdout)
}
