package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

const trendExplanation = `bench trend looks at run records in their order of time and tells where a metric
changed, by E-divisive. Records of other machines or days differ by themselves:
a change point is a hint where to run bench gate, not a verdict.

  bench trend                              the records under results/runs
  bench trend --commits 20                 of the last 20 commits, running those without one
  bench trend --dir records --html trend.html`

func runTrend(ctx context.Context, args []string, to console) (err error) {
	f := flagSet("trend")
	dir := f.String("dir", results.RunsDir, "folder with run records, each a folder, at any depth")
	scenario := f.String("scenario", "burst", "the scenario whose records are looked at")
	commits := f.Int("commits", 0, "of the last so many commits; those without a record are built and run")
	html := f.String("html", "", "write a page with plots")
	if err := parse(f, args, trendExplanation, to); err != nil {
		return err
	}
	if *commits < 0 || f.Changed("commits") && *commits == 0 {
		return usageError{fmt.Errorf("--commits %d: at least 1", *commits)}
	}
	var order []string
	if *commits > 0 {
		if order, err = runMissing(ctx, *dir, *scenario, *commits, to); err != nil {
			return err
		}
	}
	records, err := readRecords(*dir, *scenario, to)
	if err != nil {
		return err
	}
	if order != nil {
		records = byCommit(records, order)
	}
	if len(records) == 0 {
		return fmt.Errorf("no record of %s under %s that counts: loadgen --scenario %s writes one", *scenario, *dir, *scenario)
	}
	t := trendOf(*scenario, records)
	if err := t.write(to); err != nil || *html == "" {
		return err
	}
	var page bytes.Buffer
	if err := t.page(&page); err != nil {
		return err
	}
	return os.WriteFile(*html, page.Bytes(), 0o644)
}

// readRecords reads all records of a scenario under a folder, in their order of time.
func readRecords(dir, scenario string, to console) (all []results.Record, err error) {
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
			fmt.Fprintf(to.stderr, "%s is left out: %v\n", path, err)
		case r.Scenario == scenario && (r.Interrupted || r.Outcome == results.Invalid):
			fmt.Fprintf(to.stderr, "%s is left out: the run was interrupted or invalid\n", path)
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
func runMissing(ctx context.Context, dir, scenario string, n int, to console) (order []string, err error) {
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if order, err = w.Commits(ctx, n); err != nil {
		return nil, err
	}
	there, err := readRecords(dir, scenario, to)
	if err != nil {
		return nil, err
	}
	for _, commit := range order {
		if slices.ContainsFunc(there, func(r results.Record) bool { return sameCommit(r.Environment.Commit, commit) }) {
			continue
		}
		b, err := build(ctx, w, commit, "commit", nil, to)
		switch {
		case errors.Is(err, ab.ErrBuild):
			fmt.Fprintf(to.stderr, "%s is left out: %v\n", commit, err)
			continue
		case err != nil:
			return nil, err
		case b.Loadgen == "":
			continue
		}
		if err := record(ctx, b, scenario, filepath.Join(dir, "trend", commit), to); err != nil {
			return nil, err
		}
		if err := w.Discard(b.Tree); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// record plays the scenario at a commit and writes the record, with the commit in it.
func record(ctx context.Context, b *ab.Build, scenario, dir string, to console) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	fmt.Fprintf(to.stderr, "running %s at %s\n", scenario, b.Tree)
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
		fmt.Fprintf(to.stderr, "%s is left out: %v: %s\n", b.Tree, err, said)
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

// write writes the change points as a table.
func (t trend) write(to console) error {
	fmt.Fprintf(to.stdout, "%s: %s\n\n", t.Scenario, t.Span())
	tw := tabwriter.NewWriter(to.stdout, 0, 0, 2, ' ', 0)
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
