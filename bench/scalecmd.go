package main

import (
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

  bench scale                       all points: about 8 minutes
  bench scale --only growth         the cost of a session among ever more guests
  bench scale --only memory,relay   1 minute

20,000 open files a process are needed (ulimit -n), and a machine that does
nothing else: latencies are wall time.`

// point is one thing that bench scale measures.
type point struct {
	name    string
	measure func(ctx context.Context, s *scaling) ([]row, error)
}

// scaling is where it does so.
type scaling struct {
	scale.Arena
	growth []grown // by scale.Crowds; nil until they were played
	to     console
}

func points() []point {
	return []point{
		{"memory", memoryRows}, {"relay", relayRows}, {"http", httpRows}, {"arrival", arrivalRows},
		{"broadcast", broadcastRows}, {"square", squareRows}, {"growth", growthRows}, {"garbage", garbageRows},
	}
}

func runScale(ctx context.Context, args []string, to console) (err error) {
	var names []string
	for _, p := range points() {
		names = append(names, p.name)
	}
	fs := flagSet("scale")
	only := fs.StringSlice("only", names, "points to measure")
	if err := parse(fs, args, scaleExplanation, to); err != nil {
		return err
	}
	for _, name := range *only {
		if !slices.Contains(names, name) {
			return usageError{fmt.Errorf("--only %q: of %s%s", name, strings.Join(names, ", "), cli.Guess(name, names))}
		}
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
		fmt.Fprintf(to.stderr, "%s: measuring %s\n", time.Now().Format(time.TimeOnly), p.name)
		more, err := p.measure(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		rows = append(rows, more...)
	}
	return writeRows(to, rows)
}

// row is a line of the table.
type row struct {
	what, target, measured string
	judged, met            bool
}

// atMost is a row with a figure that must not be above its target.
func atMost(what string, got, target float64, format, more string) row {
	return row{what, "≤ " + fmt.Sprintf(format, target), fmt.Sprintf(format, got) + more, true, got <= target}
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
