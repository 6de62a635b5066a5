package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"guestload/bench/ab"
	"guestload/bench/count"
	"guestload/bench/gate"
	"guestload/bench/policy"
	"guestload/bench/stats"
)

// FindCounter prepares counting instructions and system calls in a folder of the workshop.
// Where that is not possible here, the counts are left out, which the report says.
func (t *Trial) FindCounter(ctx context.Context, w *ab.Workshop, progress io.Writer) error {
	if len(t.policy.Counts) == 0 {
		return nil
	}
	dir := filepath.Join(w.Dir(), "counts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	counter, err := count.Find(ctx, dir)
	if errors.Is(err, count.ErrUnavailable) && ctx.Err() == nil {
		t.policy.Counts = nil
		t.note(progress, fmt.Sprintf("%v: CPU time alone decides", err))
		return nil
	}
	t.counter = counter
	return err
}

// UseCounter takes a counter that is there already, or none.
func (t *Trial) UseCounter(c *count.Emulator) {
	if t.counter = c; c == nil {
		t.policy.Counts = nil
	}
}

// note tells what was left out, on one line, and keeps it for the report.
func (t *Trial) note(progress io.Writer, text string) {
	text = strings.Join(strings.Fields(text), " ")
	fmt.Fprintln(progress, text)
	t.notes = append(t.notes, text)
}

// count takes pairs of counts until all of them are decided or one regressed.
func (t *Trial) count(ctx context.Context, began time.Time, progress io.Writer) error {
	if t.counter == nil {
		t.policy.Counts = nil
	}
	for range gate.CountPairs {
		r, err := gate.Judge(t.policy, t.evidence)
		if err != nil {
			return err
		}
		open := undecidedCounts(r)
		if len(open) == 0 || r.Verdict == gate.Regressed {
			return nil
		}
		for _, run := range open {
			if time.Since(began) >= t.policy.Budget {
				return nil
			}
			fmt.Fprintf(progress, "counting %s\n", run)
			if err := t.countPair(ctx, run, progress); err != nil {
				return err
			}
		}
	}
	return nil
}

// undecidedCounts are what is run for counts that are not decided yet, each once.
func undecidedCounts(r gate.Report) (runs []string) {
	for _, m := range r.Counts {
		if run := policy.RunOf(m.Metric); !m.Decided && !slices.Contains(runs, run) {
			runs = append(runs, run)
		}
	}
	return runs
}

// countPair takes one pair of counts of what is run.
func (t *Trial) countPair(ctx context.Context, run string, progress io.Writer) error {
	operations := 0
	for _, m := range t.policy.Counts {
		if policy.RunOf(m) == run {
			operations = max(operations, m.Operations)
		}
	}
	p, err := t.counter.Pair(ctx, t.builds, run, operations)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ab.ErrLeftOut):
		t.note(progress, fmt.Sprintf("counts of %s are left out: %v", run, err))
		t.policy.Counts = slices.DeleteFunc(slices.Clone(t.policy.Counts), func(m gate.Metric) bool { return policy.RunOf(m) == run })
		return nil
	case errors.Is(err, count.ErrFailed), errors.Is(err, ab.ErrNoBenchmark):
		for _, m := range t.policy.Counts {
			if policy.RunOf(m) == run {
				t.evidence.Failed[m.Name] = err.Error()
			}
		}
		return nil
	case err != nil:
		return err
	}
	t.takeCounts(p)
	return nil
}

// takeCounts keeps a pair of counts: the gated ones, and system calls by name to be shown.
func (t *Trial) takeCounts(p ab.Pair) {
	base, head := p.Runs[ab.Base], p.Runs[ab.Head]
	gated := map[string]bool{}
	for _, m := range t.policy.Counts {
		if policy.RunOf(m) == p.Name {
			gated[m.Unit] = true
			t.evidence.Pairs[m.Name] = append(t.evidence.Pairs[m.Name], gate.Pair{Base: base[m.Unit], Head: head[m.Unit]})
		}
	}
	const fewest = 0.05 // calls an operation that are worth showing
	for unit := range head {
		if !gated[unit] && base[unit] >= fewest && head[unit] >= fewest {
			name := p.Name + " " + unit
			t.evidence.Pairs[name] = append(t.evidence.Pairs[name], gate.Pair{Base: base[unit], Head: head[unit]})
		}
	}
}

// isStolen records what the machine's host took during a pair, NaN where that is not known,
// and reports whether it was too much for the pair to count.
func (t *Trial) isStolen(share float64) bool {
	if math.IsNaN(share) {
		return false
	}
	t.steal = append(t.steal, share)
	if t.evidence.Stolen == nil {
		t.evidence.Stolen = &gate.Stolen{Limit: t.policy.StealLimit}
	}
	s := t.evidence.Stolen
	s.Pairs, s.Median = len(t.steal), stats.Median(t.steal)
	if t.policy.StealLimit == 0 || share <= t.policy.StealLimit {
		return false
	}
	s.Excluded++
	return true
}

const (
	attributed = 3  // counts that are attributed to functions, at most
	functions  = 10 // listed of each
)

// Explain adds to a report which functions' instructions changed most, of counts that
// regressed.
func (t *Trial) Explain(ctx context.Context, r *gate.Report) error {
	n := 0
	for _, m := range r.Counts {
		run := policy.RunOf(m.Metric)
		_, isEnd := ab.EndToEnd()[run]
		if m.Verdict != gate.Regressed || m.Unit != "instructions/op" || isEnd || n == attributed {
			continue
		}
		n++
		changed, err := t.counter.Functions(ctx, t.builds, run, max(10, m.Operations/4), functions)
		if err != nil {
			return err
		}
		for _, f := range changed {
			r.Functions = append(r.Functions, gate.Function{Run: run, Name: f.Name, Base: f.Base, Head: f.Head})
		}
	}
	return nil
}
