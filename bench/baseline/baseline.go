// Package baseline measures the hard metrics, which have no noise, and compares them with
// stored values.
package baseline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"guestload/bench/ab"
	"guestload/bench/gate"
	"guestload/bench/policy"
)

// Path of the file with the values that hard metrics should have, from the repository's root.
const Path = "results/baselines/hard.json"

// File is the content of that file.
type File struct {
	Go      string             `json:"go"` // the toolchain it was measured with, and for what
	Values  map[string]float64 `json:"values"`
	Updates []Update           `json:"updates"` // the newest first
}

// Update says when and why the values were changed, and which.
type Update struct {
	Date    string   `json:"date"`
	Commit  string   `json:"commit"`
	Why     string   `json:"why"`
	Changes []string `json:"changes"`
}

// Read reads the file in the repository's folder; an empty baseline
// where there is none.
func Read(repo string) (File, error) {
	b := File{Values: map[string]float64{}}
	text, err := os.ReadFile(filepath.Join(repo, Path))
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return b, fmt.Errorf("%s: %w", Path, err)
	}
	return b, nil
}

// Write replaces the file in the repository's folder.
func (b File) Write(repo string) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(repo, Path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temp := file + ".new"
	if err := os.WriteFile(temp, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, file)
}

// operations are so many that what comes by the clock, or once, rounds away, however slow
// the machine is.
const operations = 5000

// Measure measures the hard metrics of a build, by name.
func Measure(ctx context.Context, b *ab.Build, metrics []gate.Metric) (map[string]float64, error) {
	runs := map[string]ab.Values{}
	got := map[string]float64{}
	for _, m := range metrics {
		run := policy.RunOf(m)
		if program, ok := strings.CutPrefix(run, "Size/"); ok {
			size, err := quarters(map[string]string{"server": b.Server, "loadgen": b.Loadgen}[program])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.Name, err)
			}
			got[m.Name] = size
			continue
		}
		if runs[run] == nil {
			_, all, err := b.Run(ctx, run, ab.Effort{Operations: operations, Slices: 1})
			if err != nil {
				return nil, err
			}
			runs[run] = all[run]
		}
		value, ok := runs[run][m.Unit]
		if !ok {
			return nil, fmt.Errorf("%s: the benchmark reports no %s", m.Name, m.Unit)
		}
		got[m.Name] = value
	}
	return got, nil
}

// quarters is a program's size in whole quarters of a MiB, rounded up.
func quarters(program string) (float64, error) {
	info, err := os.Stat(program)
	if err != nil {
		return 0, err
	}
	const quarter = 256 << 10
	return float64((info.Size() + quarter - 1) / quarter), nil
}

// Comparable leaves the metrics of a build that can be compared with the baseline: without
// allocations and sizes, where another toolchain than the build's measured those. note says
// what was left out, and is empty for nothing.
func (b File) Comparable(metrics []gate.Metric, toolchain string) (left []gate.Metric, note string) {
	if b.Go == "" || b.Go == toolchain {
		return metrics, ""
	}
	for _, m := range metrics {
		if m.Unit != "allocs/op" && m.Unit != "quarter-MiB" {
			left = append(left, m)
		}
	}
	return left, fmt.Sprintf("%d hard metrics (allocations and sizes) are left out: their baselines are of %s, this is %s, and they may differ by that alone", len(metrics)-len(left), b.Go, toolchain)
}
