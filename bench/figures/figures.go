// Package figures reports measurements: each figure is a median with its spread over a
// stated number of runs, beside its target if it has one.
package figures

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"guestload/bench/stats"
)

// Figure is one measured quantity.
type Figure struct {
	What   string
	Format string    // of a value and its unit, such as "%.1f kB"
	Values []float64 // one a run, at least one
	Target *float64  // the median may be this much at most; nil: not judged
}

// Shown is a figure that is not judged.
func Shown(what string, value float64, format string) Figure {
	return Figure{What: what, Format: format, Values: []float64{value}}
}

// AtMost is a figure whose median may not exceed its target.
func AtMost(what string, value, target float64, format string) Figure {
	return Figure{What: what, Format: format, Values: []float64{value}, Target: &target}
}

// Median of the runs; the higher of the two middle values for an even number.
func (f Figure) Median() float64 { return stats.UpperMedian(f.Values) }

// Met reports whether the median is within the target, as it is without one.
func (f Figure) Met() bool { return f.Target == nil || f.Median() <= *f.Target }

// Join makes one list of the lists that several runs of the same measurement returned.
func Join(runs [][]Figure) []Figure {
	joined := slices.Clone(runs[0])
	for i := range joined {
		joined[i].Values = nil
		for _, run := range runs {
			joined[i].Values = append(joined[i].Values, run[i].Values...)
		}
	}
	return joined
}

// WriteMarkdown writes a table, one figure a row.
func WriteMarkdown(w io.Writer, all []Figure) error {
	if _, err := io.WriteString(w, "| figure | target | median | spread | runs | |\n|---|---|---|---|---|---|\n"); err != nil {
		return err
	}
	for _, f := range all {
		target, verdict, spread := "", "", "–"
		if f.Target != nil {
			target = "≤ " + fmt.Sprintf(f.Format, *f.Target)
			verdict = map[bool]string{true: "met", false: "**not met**"}[f.Met()]
		}
		if len(f.Values) > 1 {
			spread = fmt.Sprintf(f.Format, slices.Min(f.Values)) + " to " + fmt.Sprintf(f.Format, slices.Max(f.Values))
		}
		if _, err := fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", f.What, target, fmt.Sprintf(f.Format, f.Median()), spread, strconv.Itoa(len(f.Values)), verdict); err != nil {
			return err
		}
	}
	return nil
}
