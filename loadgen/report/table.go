package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"guestload/results"
)

// column of a table. Where a terminal is narrow those with a high drop go first.
type column struct {
	name  string
	right bool
	drop  int // 0: never
}

// table lays out cells under their columns, indented by two.
func (t Terminal) table(columns []column, cells [][]string) string {
	w := table.NewWriter()
	w.SuppressTrailingSpaces()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "  ", ""
	style.Format.Header = text.FormatDefault
	w.SetStyle(style)
	configs := make([]table.ColumnConfig, len(columns))
	head := make(table.Row, len(columns))
	named := false
	for i, c := range columns {
		configs[i] = table.ColumnConfig{Number: i + 1}
		if c.right {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
		head[i] = t.paint(faint, c.name)
		named = named || c.name != ""
	}
	w.SetColumnConfigs(configs)
	if named {
		w.AppendHeader(head)
	}
	for _, row := range cells {
		r := make(table.Row, len(columns))
		for i := range columns {
			r[i] = row[i]
		}
		w.AppendRow(r)
	}
	return w.Render() + "\n"
}

// fits reports whether no line is wider than the terminal.
func (t Terminal) fits(rendered string) bool { return text.LongestLineLen(rendered) <= t.width() }

// narrow renders a table without as many of its droppable columns as it takes.
func (t Terminal) narrow(columns []column, cells [][]string) string {
	columns, cells = slices.Clone(columns), slices.Clone(cells)
	for {
		rendered := t.table(columns, cells)
		worst := 0
		for i, c := range columns {
			if c.drop > columns[worst].drop {
				worst = i
			}
		}
		if t.fits(rendered) || columns[worst].drop == 0 {
			return rendered
		}
		columns = slices.Delete(columns, worst, worst+1)
		for i, row := range cells {
			cells[i] = slices.Delete(slices.Clone(row), worst, worst+1)
		}
	}
}

// operations is the table of times: percentiles of response time, and beside
// them one of service time.
func (t Terminal) operations(operations map[string]results.Operation) string {
	if len(operations) == 0 {
		return "no operation was recorded"
	}
	columns := []column{{name: "operation"}, {name: "count", right: true, drop: 1}, {name: "failed", right: true},
		{name: "p50", right: true, drop: 2}, {name: "p90", right: true, drop: 5}, {name: "p99", right: true},
		{name: "p99.9", right: true, drop: 4}, {name: "max", right: true, drop: 3}, {name: "service p99", right: true}}
	var cells [][]string
	for _, name := range ordered(operations) {
		o := operations[name]
		var failed int64
		for _, n := range o.Failures {
			failed += n
		}
		row := []string{name, results.FormatCount(o.Count), results.FormatCount(failed)}
		for _, ms := range []float64{o.Response.P50, o.Response.P90, o.Response.P99, o.Response.P999, o.Response.Max, o.Service.P99} {
			if o.Count == 0 {
				row = append(row, "-")
			} else {
				row = append(row, results.FormatMillis(ms))
			}
		}
		if failed > 0 {
			row[2] = t.paint(yellow, row[2])
		}
		cells = append(cells, row)
	}
	about := t.wrap("", "p50 to max are of response time, counted from when an operation was due; service p99 is counted from when it was sent.")
	if !strings.Contains(about, "\n") {
		about = t.paint(faint, about)
	}
	return t.narrow(columns, cells) + about
}

// ordered puts operations in the order of a guest's life, others after them.
func ordered(operations map[string]results.Operation) []string {
	life := []string{"create", "fetch", "connect", "match", "ack", "delivery", "leave", "reconnect", "online", "stats", "renew", "refusal"}
	place := func(name string) int {
		if i := slices.Index(life, name); i >= 0 {
			return i
		}
		return len(life)
	}
	names := make([]string, 0, len(operations))
	for name := range operations {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
	return names
}

// byCount puts the most frequent kind first.
func byCount(failures map[string]int64) []string {
	kinds := make([]string, 0, len(failures))
	for kind := range failures {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b string) int {
		return cmp.Or(cmp.Compare(failures[b], failures[a]), cmp.Compare(a, b))
	})
	return kinds
}
