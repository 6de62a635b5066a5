package trend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"guestload/bench/ab"
	"guestload/results"
)

// Records are the records of a scenario under a folder, in their order of time; or, where
// commits is above 0, those of the last commits, whose missing ones are run first.
func Records(ctx context.Context, dir, scenario string, commits int, progress io.Writer) (records []results.Record, err error) {
	var order []string
	if commits > 0 {
		if order, err = runMissing(ctx, dir, scenario, commits, progress); err != nil {
			return nil, err
		}
	}
	if records, err = read(dir, scenario, progress); err != nil {
		return nil, err
	}
	if order != nil {
		records = byCommit(records, order)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("no record of %s under %s that counts: loadgen --scenario %s writes one", scenario, dir, scenario)
	}
	return records, nil
}

// read reads all records of a scenario under a folder, in their order of time.
func read(dir, scenario string, progress io.Writer) (all []results.Record, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != results.RunFile {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		r, err := results.ReadJSON(file)
		switch {
		case err != nil:
			fmt.Fprintf(progress, "%s is left out: %v\n", path, err)
		case r.Scenario == scenario && (r.Interrupted || r.Outcome == results.Invalid):
			fmt.Fprintf(progress, "%s is left out: the run was interrupted or invalid\n", path)
		case r.Scenario == scenario:
			all = append(all, r)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b results.Record) int { return a.Started.Compare(b.Started) })
	return all, err
}

// byCommit leaves the records of the commits, in the commits' order.
func byCommit(records []results.Record, order []string) (all []results.Record) {
	for _, commit := range order {
		for _, r := range records {
			if sameCommit(r.Environment.Commit, commit) {
				all = append(all, r)
			}
		}
	}
	return all
}

// sameCommit compares hashes that may be shortened.
func sameCommit(a, b string) bool {
	return len(a) >= 7 && len(b) >= 7 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a))
}

// runMissing runs the scenario at each of the last n commits that has no record
// yet, and returns the commits, the oldest first.
func runMissing(ctx context.Context, dir, scenario string, n int, progress io.Writer) (order []string, err error) {
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if order, err = w.Commits(ctx, n); err != nil {
		return nil, err
	}
	there, err := read(dir, scenario, progress)
	if err != nil {
		return nil, err
	}
	for _, commit := range order {
		if slices.ContainsFunc(there, func(r results.Record) bool { return sameCommit(r.Environment.Commit, commit) }) {
			continue
		}
		b, err := w.Make(ctx, commit, "commit", nil, progress)
		switch {
		case errors.Is(err, ab.ErrBuild):
			fmt.Fprintf(progress, "%s is left out: %v\n", commit, err)
			continue
		case err != nil:
			return nil, err
		case b.Loadgen == "":
			continue
		}
		if err := record(ctx, b, scenario, filepath.Join(dir, "trend", commit), progress); err != nil {
			return nil, err
		}
		if err := w.Discard(b.Tree); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// record plays the scenario at a commit and writes the record, with the commit in it.
func record(ctx context.Context, b *ab.Build, scenario, dir string, progress io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	fmt.Fprintf(progress, "running %s at %s\n", scenario, b.Tree)
	cmd := exec.CommandContext(ctx, b.Loadgen, "--scenario", scenario, "--quiet", "--out", dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it stops its server
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= results.ExitThreshold {
		err = nil // the record tells
	}
	if err != nil {
		fmt.Fprintf(progress, "%s is left out: %v: %s\n", b.Tree, err, said)
		return nil
	}
	file := filepath.Join(dir, results.RunFile)
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	r, err := results.ReadJSON(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	r.Environment.Commit = b.Tree.Commit // an exported tree does not know its own
	var text bytes.Buffer
	if err := r.WriteJSON(&text); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}

// WriteText writes the change points as a table.
func (t Trend) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s\n\n", t.Scenario, t.Span())
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "metric\tat\tbefore\tafter\tchange\tp")
	some := false
	for _, s := range t.Series {
		for _, p := range s.Points {
			some = true
			fmt.Fprintf(tw, "%s\t%s\t%.4g\t%.4g\t%+.1f %%\t%.3f\n", s.Name, t.Labels[s.At[p.Index]], p.Before, p.After, 100*(p.After/p.Before-1), p.P)
		}
	}
	if !some {
		fmt.Fprintln(tw, "no change points")
	}
	return tw.Flush()
}
