package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"guestload/results"
)

// operationsShown keeps the screen within twelve lines.
const operationsShown = 4

// Screen renders the live screen: at most twelve lines, none wider than the
// terminal, none with a line break.
func (t Terminal) Screen(s Snapshot) []string {
	lines := []string{t.headline(s), t.guests(s)}
	lines = append(lines,
		t.spark("arrivals", s.ArrivalRates, perSecond(s.ArrivalRate)),
		t.spark("messages", s.MessageRates, perSecond(s.MessageRate)))
	if len(s.Operations) > 0 {
		p99s := make([]float64, len(s.Slowest))
		for i, d := range s.Slowest {
			p99s[i] = float64(d)
		}
		first := s.Operations[0]
		lines = append(lines,
			t.spark("p99", p99s, latency(first.P99)+" "+first.Name),
			t.paint(faint, fmt.Sprintf("%-12s%9s%9s%9s", "last second", "count", "p50", "p99")+"  (response time)"))
		for _, o := range s.Operations[:min(len(s.Operations), operationsShown)] {
			lines = append(lines, fmt.Sprintf("  %-10s%9s%9s%9s", o.Name, results.FormatCount(o.Count), latency(o.P50), latency(o.P99)))
		}
	}
	lines = append(lines, t.trouble(s))
	for i, line := range lines {
		lines[i] = t.cut(t.plain(strings.ReplaceAll(line, "\n", " ")))
	}
	return lines
}

func (t Terminal) headline(s Snapshot) string {
	phase := clean(s.Phase)
	if s.Warmup {
		phase += " (not recorded)"
	}
	left := clean(s.Scenario)
	if phase != "" {
		left += ", " + phase
	}
	right := clock(s.Elapsed) + remaining(s)
	gap := t.width() - text.StringWidthWithoutEscSequences(left) - len(right)
	return t.paint(bold, left) + strings.Repeat(" ", max(gap, 2)) + right
}

// remaining is what is known of how long the run still takes.
func remaining(s Snapshot) string {
	switch {
	case s.Waiting != "":
		return ", " + s.Waiting
	case s.Left >= 0 && s.Step:
		return ", " + clock(s.Left) + " left of this run"
	case s.Left >= 0:
		return ", " + clock(s.Left) + " left"
	}
	return ""
}

// guests is a bar of those done, those live, and those yet to come.
func (t Terminal) guests(s Snapshot) string {
	words := fmt.Sprintf("  %s of %s arrived, %s live, %s done", results.FormatCount(s.Arrived), results.FormatCount(s.Planned), results.FormatCount(s.Live), results.FormatCount(s.Done))
	if t.width() < 60 {
		words = fmt.Sprintf("%s/%s, %s live, %s done", results.FormatCount(s.Arrived), results.FormatCount(s.Planned), results.FormatCount(s.Live), results.FormatCount(s.Done))
	}
	if s.Planned <= 0 {
		words = fmt.Sprintf("%s arrived, %s live, %s done", results.FormatCount(s.Arrived), results.FormatCount(s.Live), results.FormatCount(s.Done))
	}
	room := min(t.width()-text.StringWidthWithoutEscSequences(words)-10, 40)
	if s.Planned <= 0 || room < 5 {
		return fmt.Sprintf("%-10s", "guests") + strings.TrimLeft(words, " ")
	}
	cells := func(n int) int { return min(max(room*n/s.Planned, 0), room) }
	done := cells(s.Done)
	arrived := max(cells(s.Arrived), done)
	signs := [...]string{"█", "▒", "░"}
	if t.ASCII {
		signs = [...]string{"#", "+", "."}
	}
	bar := strings.Repeat(signs[0], done) + strings.Repeat(signs[1], arrived-done) + strings.Repeat(signs[2], room-arrived)
	return fmt.Sprintf("%-10s", "guests") + t.paint(green, bar) + words
}

// spark is a name, a curve of the last values and the latest of them in words.
func (t Terminal) spark(name string, values []float64, latest string) string {
	room := max(min(t.width()-10-24, 40), 5)
	return fmt.Sprintf("%-10s", name) + t.curve(values, room) + "  " + latest
}

// curve draws the latest values as bars, from 0 to the highest among them,
// and takes as many columns as there is room.
func (t Terminal) curve(values []float64, room int) string {
	values = values[max(len(values)-room, 0):]
	pad := strings.Repeat(" ", room-len(values))
	if len(values) == 0 {
		return pad
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	if t.ASCII {
		bars = []rune("_.-=+*#@")
	}
	highest := slices.Max(values)
	var b strings.Builder
	for _, v := range values {
		level := 0
		if highest > 0 && v > 0 {
			level = int(v / highest * float64(len(bars)-1))
		}
		b.WriteRune(bars[min(max(level, 0), len(bars)-1)])
	}
	return pad + b.String()
}

func perSecond(rate float64) string {
	if rate > 0 && rate < 9.95 {
		return fmt.Sprintf("%.1f/s", rate)
	}
	return results.FormatCount(int64(rate+0.5)) + "/s"
}

// trouble says what went wrong so far, or that nothing did.
func (t Terminal) trouble(s Snapshot) string {
	words := failures(s)
	if words == "" {
		return fmt.Sprintf("%-10s", "errors") + "none, and no violations so far"
	}
	colour := yellow
	if s.Violations > 0 {
		colour = red
	}
	return fmt.Sprintf("%-10s", "errors") + t.paint(colour, words)
}

// failures names the worst first: violations, then failures by number.
func failures(s Snapshot) string {
	var words []string
	if s.Violations > 0 {
		words = append(words, results.FormatCounted(s.Violations, "violation"))
	}
	kinds := slices.Clone(s.Failures)
	slices.SortStableFunc(kinds, func(a, b Failure) int { return int(b.Count - a.Count) })
	for _, f := range kinds {
		if f.Count > 0 {
			words = append(words, results.FormatCount(f.Count)+" "+clean(f.Kind))
		}
	}
	if s.Unmatched > 0 {
		words = append(words, results.FormatCount(s.Unmatched)+" unmatched")
	}
	return strings.Join(words, ", ")
}

// Line renders a moment as one plain line, for logs; it is as long as it needs to be.
func Line(s Snapshot) string {
	words := []string{
		fmt.Sprintf("%s/%s arrived", results.FormatCount(s.Arrived), results.FormatCount(s.Planned)),
		results.FormatCount(s.Live) + " live", results.FormatCount(s.Done) + " done", perSecond(s.MessageRate) + " messages",
	}
	for _, o := range s.Operations[:min(len(s.Operations), 2)] {
		words = append(words, fmt.Sprintf("%s p50 %s p99 %s", o.Name, latency(o.P50), latency(o.P99)))
	}
	if s.Waiting != "" {
		words = append(words, s.Waiting)
	}
	trouble := failures(s)
	if trouble == "" {
		trouble = "no errors"
	}
	phase := clean(s.Phase)
	if s.Warmup {
		phase += " (not recorded)"
	}
	return fmt.Sprintf("%6s  %s: %s", clock(s.Elapsed.Truncate(time.Second)), phase, strings.Join(append(words, trouble), ", "))
}
