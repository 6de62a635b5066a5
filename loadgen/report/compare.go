package report

import (
	"fmt"
	"math"
	"strings"

	"guestload/results"
	"guestload/results/compare"
)

// Comparison renders runs side by side: A is what the others are held against.
// Names say where they come from, one for each record.
func (t Terminal) Comparison(c compare.Comparison, names []string) string {
	sections := []string{t.sides(c.Records, names), t.changes(c), t.sideFailures(c.Records), t.sideCosts(c.Records),
		t.doubts("not all is alike", yellow, c.Warnings), t.sum(c)}
	var whole []string
	for _, section := range sections {
		if section != "" {
			whole = append(whole, strings.TrimRight(section, "\n"))
		}
	}
	return t.plain(strings.Join(whole, "\n\n") + "\n")
}

func (t Terminal) sides(records []results.Record, names []string) string {
	var lines []string
	for i, r := range records {
		words := fmt.Sprintf("%s, %.1f s, %s, commit %s, %s", clean(r.Scenario), r.DurationSec, results.FormatCounted(r.Guests.Planned, "guest"), clean(short(r.Environment.Commit)), r.Outcome)
		if i < len(names) {
			words = clean(names[i]) + ": " + words
		}
		lines = append(lines, t.wrap(t.paint(bold, compare.Side(i))+"  ", words))
	}
	return strings.Join(lines, "\n")
}

// short is a revision as people write it.
func short(commit string) string {
	hash, dirty, _ := strings.Cut(commit, "-")
	if len(hash) == 40 {
		hash = hash[:12]
	}
	if dirty != "" {
		return hash + "-" + dirty
	}
	return hash
}

// changes is the table of percentiles. Of more than two runs it leaves out the
// intervals, and where a terminal is narrow first those and then the changes.
func (t Terminal) changes(c compare.Comparison) string {
	columns := []column{{name: "operation"}, {name: "time"}, {}, {name: "A", right: true}}
	two := len(c.Records) == 2
	for i := 1; i < len(c.Records); i++ {
		columns = append(columns, column{name: compare.Side(i), right: true}, column{name: "change", right: true, drop: 1})
		if two {
			columns = append(columns, column{name: "between", right: true, drop: 2})
		}
		columns = append(columns, column{})
	}
	var cells [][]string
	var before compare.Row
	for _, r := range c.Rows {
		row := []string{r.Operation, r.Kind, r.Percentile, millis(r.Millis[0])}
		if r.Operation == before.Operation {
			row[0] = ""
			if r.Kind == before.Kind {
				row[1] = ""
			}
		}
		before = r
		for i, change := range r.Changes {
			row = append(row, millis(r.Millis[i+1]), percent(change.Ratio))
			if two {
				row = append(row, interval(change))
			}
			row = append(row, t.finding(change.Finding))
		}
		cells = append(cells, row)
	}
	if len(cells) == 0 {
		return "no operation was recorded"
	}
	return t.narrow(columns, cells)
}

func millis(ms float64) string {
	if math.IsNaN(ms) {
		return "-"
	}
	return results.FormatMillis(ms)
}

// percent writes a ratio as a change: +20 %, -3.1 %, and ×12 where it is large.
func percent(ratio float64) string {
	switch change := 100 * (ratio - 1); {
	case math.IsNaN(ratio):
		return "-"
	case ratio >= 9.995:
		return fmt.Sprintf("x%.0f", ratio)
	case math.Abs(change) < 9.95:
		return fmt.Sprintf("%+.1f%%", change)
	default:
		return fmt.Sprintf("%+.0f%%", change)
	}
}

func interval(c compare.Change) string {
	if math.IsNaN(c.Low) || math.IsNaN(c.High) {
		return ""
	}
	return percent(c.Low) + " .. " + percent(c.High)
}

func (t Terminal) finding(f compare.Finding) string {
	return t.paint(map[compare.Finding]style{compare.Slower: red, compare.Faster: green, compare.Noise: faint, compare.Unclear: faint}[f], string(f))
}

// sideFailures shows the operations of which some failed anywhere.
func (t Terminal) sideFailures(records []results.Record) string {
	all := map[string]results.Operation{}
	for _, r := range records {
		for name, o := range r.Operations {
			if failedOf(o) > 0 {
				all[name] = o
			}
		}
	}
	var cells [][]string
	for _, name := range ordered(all) {
		row := []string{name}
		for _, r := range records {
			o := r.Operations[name]
			n := failedOf(o)
			if total := n + o.Count; total > 0 {
				row = append(row, fmt.Sprintf("%s of %s", results.FormatCount(n), results.FormatCount(total)))
			} else {
				row = append(row, "-")
			}
		}
		cells = append(cells, row)
	}
	return t.sideBySide("failed", len(records), cells)
}

func failedOf(o results.Operation) (n int64) {
	for _, count := range o.Failures {
		n += count
	}
	return n
}

// sideCosts shows what a guest cost each process. They are single figures: how
// much of a change is noise they cannot tell.
func (t Terminal) sideCosts(records []results.Record) string {
	var cells [][]string
	for _, p := range []struct {
		name string
		of   func(results.Resources) *results.Usage
	}{
		{"server", func(r results.Resources) *results.Usage { return r.Server }},
		{"redis", func(r results.Resources) *results.Usage { return r.Redis }},
		{"loadgen", func(r results.Resources) *results.Usage { return r.Loadgen }},
	} {
		cpu, memory, measured := []string{p.name + " CPU a guest"}, []string{p.name + " peak memory"}, false
		for _, r := range records {
			u := p.of(r.Resources)
			if u == nil {
				cpu, memory = append(cpu, "-"), append(memory, "-")
				continue
			}
			measured = true
			cpu, memory = append(cpu, fmt.Sprintf("%.2fms", u.CPUMsPerSession)), append(memory, fmt.Sprintf("%.0fMB", u.RSSPeakMB))
		}
		if measured {
			cells = append(cells, cpu, memory)
		}
	}
	return t.sideBySide("spent", len(records), cells)
}

func (t Terminal) sideBySide(title string, records int, cells [][]string) string {
	if len(cells) == 0 {
		return ""
	}
	columns := []column{{name: title}}
	for i := range records {
		columns = append(columns, column{name: compare.Side(i), right: true})
	}
	return t.narrow(columns, cells)
}

// sum says in words how many percentiles changed.
func (t Terminal) sum(c compare.Comparison) string {
	var lines []string
	for i := 1; i < len(c.Records); i++ {
		counts := map[compare.Finding]int{}
		for _, r := range c.Rows {
			counts[r.Changes[i-1].Finding]++
		}
		words := fmt.Sprintf("%d slower, %d faster, %d within noise", counts[compare.Slower], counts[compare.Faster], counts[compare.Noise])
		if n := counts[compare.Unclear]; n > 0 {
			words += fmt.Sprintf(", %d unclear for lack of samples", n)
		}
		lines = append(lines, t.wrap(t.paint(bold, compare.Side(i))+"  ", "of "+results.FormatCounted(len(c.Rows), "percentile")+": "+words+"."))
	}
	about := "Noise is how the seconds of each run differ among themselves, at 99 %: one or two of 100 percentiles that did not change are still called changed. What makes one run of the same differ from the next is not in it: repeat a run to see that."
	return strings.Join(lines, "\n") + "\n" + t.wrap("", about)
}
