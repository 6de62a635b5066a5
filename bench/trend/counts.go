package trend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"guestload/bench/ab"
	"guestload/bench/count"
	"guestload/bench/gate"
	"guestload/bench/policy"
)

// commitCounts are the counts of one commit, by the metric's name; nil for what cannot be
// counted there. Only counts of the same key compare.
type commitCounts struct {
	Commit string              `json:"commit"`
	Key    string              `json:"key"`
	Counts map[string]*float64 `json:"counts"`
}

// Counts is the trend of instructions and system calls over the last commits. Each commit is
// counted once and kept under a folder; it is counted again where the toolchain or the
// emulator is another than it was. Where nothing can be counted, the error wraps
// count.ErrUnavailable.
func Counts(ctx context.Context, dir string, metrics []gate.Metric, commits int, progress io.Writer) (t Trend, err error) {
	w, err := ab.Open(ctx, ".")
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	c := counting{dir: filepath.Join(dir, "counts"), metrics: metrics, shop: w, progress: progress}
	if c.emulator, err = count.Find(ctx, w.Dir()); err != nil {
		return t, err
	}
	order, err := w.Commits(ctx, commits)
	if err != nil {
		return t, err
	}
	var all []commitCounts
	for i := len(order) - 1; i >= 0; i-- { // the newest first, whose key is that of all
		of, err := c.of(ctx, order[i])
		switch {
		case errors.Is(err, ab.ErrBuild):
			fmt.Fprintf(progress, "%s is left out: %v\n", order[i], err)
			continue
		case err != nil:
			return t, err
		case of.Key != c.key:
			fmt.Fprintf(progress, "%s is left out: it is counted by %s\n", order[i], of.Key)
			continue
		}
		all = append([]commitCounts{of}, all...)
	}
	return ofCounts(all)
}

// ofCounts finds the change points of commits' counts of one key, the oldest first.
func ofCounts(commits []commitCounts) (Trend, error) {
	if len(commits) == 0 {
		return Trend{}, errors.New("no commit could be counted")
	}
	b := builder{Trend: Trend{Scenario: "counts by " + commits[0].Key}}
	for _, c := range commits {
		values := map[string]float64{}
		for name, v := range c.Counts {
			if v != nil {
				values[name] = *v
			}
		}
		b.add(c.Commit, values)
	}
	return b.trend(), nil
}

type counting struct {
	dir      string
	metrics  []gate.Metric
	shop     *ab.Workshop
	emulator *count.Emulator
	progress io.Writer
	key      string // of the newest commit
}

// of reads the counts of a commit, or takes those that are missing.
func (c *counting) of(ctx context.Context, commit string) (of commitCounts, err error) {
	file := filepath.Join(c.dir, commit+".json")
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return of, err
	}
	if err == nil {
		if err := json.Unmarshal(text, &of); err != nil {
			return of, fmt.Errorf("%s: %w (remove it to count %s again)", file, err, commit)
		}
	}
	if c.isWhole(of) {
		return of, nil
	}
	b, err := c.shop.Make(ctx, commit, "commit", nil, c.progress)
	if err != nil {
		return of, err
	}
	defer func() { err = errors.Join(err, c.shop.Discard(b.Tree)) }()
	key, err := c.emulator.Key(b)
	if err != nil {
		return of, err
	}
	if c.key == "" {
		c.key = key
	}
	if c.isWhole(of) { // the newest, as it was
		return of, nil
	}
	of = commitCounts{Commit: commit, Key: key}
	if of.Counts, err = c.take(ctx, b); err != nil {
		return of, err
	}
	if text, err = json.MarshalIndent(of, "", "  "); err != nil {
		return of, err
	}
	return of, errors.Join(os.MkdirAll(c.dir, 0o755), os.WriteFile(file, append(text, '\n'), 0o644))
}

// isWhole reports whether stored counts have all metrics, and the key of the newest commit.
func (c *counting) isWhole(of commitCounts) bool {
	for _, m := range c.metrics {
		if _, ok := of.Counts[m.Name]; !ok {
			return false
		}
	}
	return of.Key == c.key && c.key != ""
}

// take counts a build, by the metrics' names; nil for what cannot be counted.
func (c *counting) take(ctx context.Context, b *ab.Build) (counts map[string]*float64, err error) {
	counts = map[string]*float64{}
	rates, failed := map[string]count.Rates{}, map[string]bool{}
	for _, m := range c.metrics {
		run := policy.RunOf(m)
		if rates[run] == nil && !failed[run] {
			fmt.Fprintf(c.progress, "counting %s\n", run)
			rates[run], err = c.emulator.Count(ctx, b, b, run, m.Operations)
			switch {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case errors.Is(err, ab.ErrNoBenchmark), errors.Is(err, count.ErrFailed):
				fmt.Fprintf(c.progress, "%s is left out: %s\n", run, strings.TrimSpace(err.Error()))
				failed[run] = true
			case err != nil:
				return nil, err
			}
		}
		counts[m.Name] = nil
		if v, ok := rates[run][m.Unit]; ok {
			counts[m.Name] = &v
		}
	}
	return counts, nil
}
