package report

import (
	"fmt"
	"slices"

	"guestload/results"
)

// judged are the operations whose p99 is told of each run of a search, where
// they happened.
var judged = [...]string{"create", "match", "delivery"}

// capacity tells what a search found, and its runs by rate.
func (t Terminal) capacity(c *results.Capacity) string {
	if c == nil {
		return ""
	}
	words := t.wrap(t.paint(bold, "capacity")+"  ", c.Headline()) + "\n"
	for name, line := range c.Evidence() {
		words += t.wrap(fmt.Sprintf("  %-8s  ", name), line) + "\n"
	}
	runs := slices.Clone(c.Runs)
	slices.SortStableFunc(runs, func(a, b results.Trial) int {
		switch {
		case a.Rate < b.Rate:
			return -1
		case a.Rate > b.Rate:
			return 1
		}
		return 0
	})
	columns := []column{{name: "rate", right: true}, {name: "run"}}
	var operations []string
	for _, name := range judged {
		if slices.ContainsFunc(runs, func(r results.Trial) bool { return r.Response[name].Max > 0 }) {
			operations = append(operations, name)
			columns = append(columns, column{name: name + " p99", right: true, drop: len(operations)})
		}
	}
	columns = append(columns, column{name: "server cores", right: true, drop: 4}, column{name: "loadgen cores", right: true, drop: 5}, column{name: "machine cores", right: true, drop: 6})
	var cells [][]string
	for _, r := range runs {
		row := []string{results.FormatRate(r.Rate), t.paint(map[string]style{"held": green, "broke": red, "invalid": yellow}[r.Verdict], r.Verdict)}
		for _, name := range operations {
			row = append(row, whereSo(r.Response[name].Max > 0, results.FormatMillis(r.Response[name].P99)))
		}
		for _, process := range []string{"server", "loadgen", "machine"} {
			cores, known := r.Cores[process]
			row = append(row, whereSo(known, fmt.Sprintf("%.2f", cores)))
		}
		cells = append(cells, row)
	}
	return words + "\n" + t.narrow(columns, cells) + t.wrap("", "what follows is of "+c.Stands())
}

func whereSo(known bool, text string) string {
	if !known {
		return "-"
	}
	return text
}
