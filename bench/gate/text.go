package gate

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteText writes the report for a terminal: verdict and reasons, then a line a
// metric.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.headline())
	for _, line := range r.remarks() {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	b.WriteString("\n")
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(columns, "\t"))
	for _, m := range slices.Concat(r.Counts, r.Metrics, r.Hard, r.Shown) {
		fmt.Fprintln(tw, strings.Join(m.cells(), "\t"))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, trimLines(b.String()))
	return err
}

// WriteMarkdown writes the report as a comment for a pull request: the verdict,
// the gated metrics, and the others folded.
func (r Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", r.headline())
	remarks := r.remarks()
	for _, line := range remarks {
		fmt.Fprintf(&b, "- %s\n", escape(line))
	}
	if len(remarks) > 0 {
		b.WriteString("\n")
	}
	markdownTable(&b, slices.Concat(r.Counts, r.Metrics, r.Hard))
	r.functions(&b)
	if len(r.Shown) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>%d more, which decide nothing</summary>\n\n", len(r.Shown))
		markdownTable(&b, r.Shown)
		b.WriteString("\n</details>\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// remarks are the evidence, the reasons and the machine's steal, a line each.
func (r Report) remarks() (lines []string) {
	if r.Evidence != "" {
		lines = append(lines, r.Evidence)
	}
	lines = append(lines, r.Reasons...)
	if s := r.Stolen; s != nil && s.Pairs > 0 {
		lines = append(lines, fmt.Sprintf("steal: median %s; %d of %d pairs had more than %s and do not count", percent(s.Median), s.Excluded, s.Pairs, percent(s.Limit)))
	}
	return lines
}

// functions writes the functions whose instruction counts changed most.
func (r Report) functions(b *strings.Builder) {
	if len(r.Functions) == 0 {
		return
	}
	b.WriteString("\nFunctions whose instructions an operation changed most:\n\n| benchmark | function | base | head | change |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range r.Functions {
		fmt.Fprintf(b, "| %s | `%s` | %.1f | %.1f | %+.1f |\n", escape(f.Run), f.Name, f.Base, f.Head, f.Head-f.Base)
	}
}

var columns = []string{"metric", "base", "head", "change", "95 % interval", "pairs", "verdict", "why"}

func markdownTable(b *strings.Builder, rs []Result) {
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
	for _, m := range rs {
		cells := m.cells()
		for i := range cells {
			cells[i] = escape(cells[i])
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// headline says the verdict in words.
func (r Report) headline() string {
	text := map[Verdict]string{
		Pass:         "Pass: every gated metric is within its tolerance",
		Improved:     "Improved: better in some metric, worse in none",
		Stale:        "Stale: a metric is better than its stored baseline, which must be brought up to date",
		Inconclusive: "Inconclusive: there is evidence neither of a change nor of none",
		Invalid:      "Invalid: this cannot be judged",
		Regressed:    "Regressed: something became worse",
	}[r.Verdict]
	if r.Verdict == Pass && len(r.Undecided) > 0 {
		text = "Pass by counts: instructions and system calls are within their tolerances, CPU time is undecided"
	}
	if !r.Settled {
		text = "So far " + strings.ToLower(text[:1]) + text[1:]
	}
	return text
}

// cells are the columns of one line.
func (m Result) cells() []string {
	change, interval := "–", "–"
	if m.Change != nil {
		change = signed(m.Change.Estimate)
		interval = signed(m.Change.Low) + " … " + signed(m.Change.High)
	}
	pairs := "–"
	if m.Pairs > 0 {
		pairs = strconv.Itoa(m.Pairs)
	}
	verdict := string(m.Verdict)
	if !m.Decided {
		verdict = "…"
	}
	return []string{m.Name, m.quantity(m.Base), m.quantity(m.Head), change, interval, pairs, verdict, m.Why}
}

// quantity renders a value with its unit.
func (m Result) quantity(v *float64) string {
	if v == nil {
		return "–"
	}
	return strings.TrimSpace(number(*v) + " " + m.Unit)
}

// number renders with four digits, and from 1,000 on whole.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	if math.Abs(v) >= 1000 && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// signed renders a share as a change in per cent; the small ones too are signed.
func signed(share float64) string { return fmt.Sprintf("%+.2f %%", 100*share) }

func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'g', 4, 64) + " %"
}

// trimLines removes the spaces that end a line of a table.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
