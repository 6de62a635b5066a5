package ab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// Values are the figures of one run, by unit: "ns/op", "cpu-ns/op", "allocs/op".
type Values map[string]float64

// Pair is one run of each side, made right after each other.
type Pair struct {
	Name  string // of the benchmark, without "Benchmark" and "-2"
	First Side   // who ran first
	Runs  [2]Values
}

// ErrNoBenchmark: a revision does not have the benchmark.
var ErrNoBenchmark = errors.New("no such benchmark")

// ErrLeftOut: the base lacks what is to be compared, as it may be older than
// that. Where the head lacks it, that is another error.
var ErrLeftOut = errors.New("base lacks it, so there is nothing to compare")

// Micro runs benchmarks of two builds in pairs.
type Micro struct {
	Builds [2]*Build
	Effort Effort
	Random *rand.Rand // draws the order
}

// Pair runs the benchmark with this name, and all below it, once a side, each
// in a process of its own. One pair for each benchmark that both sides have.
func (m Micro) Pair(ctx context.Context, name string) ([]Pair, error) {
	first := Side(m.Random.IntN(2))
	var runs [2]map[string]Values
	var order []string
	for _, side := range [2]Side{first, 1 - first} {
		names, values, err := m.Builds[side].Run(ctx, name, m.Effort)
		if side == Base && errors.Is(err, ErrNoBenchmark) {
			return nil, fmt.Errorf("%w: %w", ErrLeftOut, err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", side, err)
		}
		runs[side] = values
		if side == Head {
			order = names
		}
	}
	var pairs []Pair
	for _, name := range order {
		if base, ok := runs[Base][name]; ok {
			pairs = append(pairs, Pair{Name: name, First: first, Runs: [2]Values{base, runs[Head][name]}})
		}
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("%s: %w", name, ErrLeftOut)
	}
	return pairs, nil
}

// Run runs the benchmark with this name, and all below it, once, in a process of
// its own. It returns the names in their order, and the figures by name.
func (b *Build) Run(ctx context.Context, name string, e Effort) (names []string, values map[string]Values, err error) {
	if b.Benchmarks == "" {
		return nil, nil, fmt.Errorf("%s: %w: it has no bench/", b.Tree, ErrNoBenchmark)
	}
	cmd := command(ctx, b.Benchmarks, "-test.run=^$", "-test.bench="+Pattern(name), "-test.benchtime="+e.benchtime(),
		"-test.count="+strconv.Itoa(e.Slices), "-test.timeout=5m")
	cmd.Dir = filepath.Join(b.Tree.Dir, "bench")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, nil, fmt.Errorf("run %s of %s: %w: programs may not be run from %s: set TMPDIR to a folder that is not mounted noexec", name, b.Tree, err, os.TempDir())
		}
		return nil, nil, fmt.Errorf("run %s of %s: %w\n%s", name, b.Tree, err, last(append(out.Bytes(), said.Bytes()...)))
	}
	names, values, err = parse(out.Bytes())
	if err != nil {
		return nil, nil, fmt.Errorf("run %s of %s: %w", name, b.Tree, err)
	}
	if len(names) == 0 {
		return nil, nil, fmt.Errorf("%s of %s: %w", name, b.Tree, ErrNoBenchmark)
	}
	return names, values, nil
}

// Pattern is the value of -test.bench that runs a benchmark and all below it.
func Pattern(name string) string {
	var pattern []string
	for i, part := range strings.Split(name, "/") {
		if i == 0 {
			part = "Benchmark" + part
		}
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	return strings.Join(pattern, "/")
}

// Knows reports whether the build has the benchmark that a name begins with.
func (b *Build) Knows(ctx context.Context, name string) (bool, error) {
	top, _, _ := strings.Cut(name, "/")
	all, err := b.List(ctx)
	return slices.Contains(all, top), err
}

// List are the names of the build's benchmarks, without those below them.
func (b *Build) List(ctx context.Context) ([]string, error) {
	if b.Benchmarks == "" {
		return nil, nil
	}
	cmd := command(ctx, b.Benchmarks, "-test.list=^Benchmark")
	cmd.Dir = filepath.Join(b.Tree.Dir, "bench")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("list the benchmarks of %s: %w\n%s", b.Tree, err, last(exit.Stderr))
	}
	if err != nil {
		return nil, fmt.Errorf("list the benchmarks of %s: %w", b.Tree, err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Benchmark"); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// processors is what go test writes behind a benchmark's name.
var processors = regexp.MustCompile(`-\d+$`)

func parse(out []byte) (names []string, all map[string]Values, err error) {
	runs := map[string][]Values{}
	for r := benchfmt.NewReader(bytes.NewReader(out), "benchmarks"); r.Scan(); {
		switch record := r.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, nil, record
		case *benchfmt.Result:
			name := processors.ReplaceAllString(string(record.Name), "")
			values := Values{}
			for _, v := range record.Values {
				if v.OrigUnit != "" {
					values[v.OrigUnit] = v.OrigValue
				} else {
					values[v.Unit] = v.Value
				}
			}
			values[iterations] = float64(record.Iters)
			if runs[name] == nil {
				names = append(names, name)
			}
			runs[name] = append(runs[name], values)
		}
	}
	all = map[string]Values{}
	for name, slices := range runs {
		all[name] = summary(slices)
	}
	return names, all, nil
}

// iterations is where Values keep how often a run repeated its work.
const iterations = "iterations"
