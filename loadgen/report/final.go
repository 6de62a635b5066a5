package report

import (
	"fmt"
	"strings"

	"guestload/results"
	"guestload/scenarios/rule"
)

// examplesShown of each rule that was violated.
const examplesShown = 3

// Final renders the report of a whole run; dir is where its record lies, ""
// for nowhere. It ends with the verdict and a line break.
func (t Terminal) Final(r results.Record, dir string) string {
	sections := []string{
		t.heading(r), t.capacity(r.Capacity), t.outcomes(r.Guests), t.operations(r.Operations), t.failures(r.Operations), t.retries(r.Operations),
		t.thresholds(r.Thresholds), t.violations(r.Violations), t.faults(r.Faults), t.resources(r.Resources),
		t.doubts("warnings", yellow, r.Warnings), t.doubts("never done", red, r.Undone), t.doubts("invalid, because", red, r.Invalid),
	}
	if dir != "" {
		sections = append(sections, "record  "+dir) // whole, so that it can be copied
	}
	sections = append(sections, t.verdict(r))
	var whole []string
	for _, section := range sections {
		if section != "" {
			whole = append(whole, strings.TrimRight(section, "\n"))
		}
	}
	return t.plain(strings.Join(whole, "\n\n") + "\n")
}

func (t Terminal) heading(r results.Record) string {
	e := r.Environment
	words := fmt.Sprintf("%.1f s, seed %d, target %s", r.DurationSec, r.Seed, clean(e.Target))
	if n := len(e.Addresses); n > 0 {
		words += fmt.Sprintf(" (%d addresses: %s)", n, clean(strings.Join(e.Addresses, ", ")))
	}
	for _, more := range []string{e.Transport, e.Storage} {
		if more != "" {
			words += ", " + clean(more)
		}
	}
	return t.wrap(t.paint(bold, clean(r.Scenario))+"  ", words)
}

func (t Terminal) outcomes(g results.Guests) string {
	return t.wrap("guests  ", fmt.Sprintf("%s planned: %s completed, %s failed, %s unmatched, %s dropped",
		results.FormatCount(g.Planned), results.FormatCount(g.Completed), results.FormatCount(g.Failed), results.FormatCount(g.Unmatched), results.FormatCount(g.Dropped)))
}

func (t Terminal) failures(operations map[string]results.Operation) string {
	var b strings.Builder
	for _, name := range ordered(operations) {
		o := operations[name]
		for _, kind := range byCount(o.Failures) {
			line := fmt.Sprintf("%s %s after %s", results.FormatCount(o.Failures[kind]), clean(kind), results.FormatMillis(o.Waits[kind].Mean))
			if o.Failures[kind] > 1 {
				line += " on average, " + results.FormatMillis(o.Waits[kind].Max) + " at most"
			}
			fmt.Fprintln(&b, t.wrap(fmt.Sprintf("  %-9s  ", name), line))
		}
	}
	return t.section("failures (in no percentile)", b.String())
}

// retries names the operations whose requests were sent again.
func (t Terminal) retries(operations map[string]results.Operation) string {
	var b strings.Builder
	for _, name := range ordered(operations) {
		if n := operations[name].Retries; n > 0 {
			fmt.Fprintf(&b, "  %-9s  %s\n", name, results.FormatCount(n))
		}
	}
	return t.section("retries (the server had closed the connection)", b.String())
}

func (t Terminal) section(title, body string) string {
	if body == "" {
		return ""
	}
	return t.paint(bold, title) + "\n" + body
}

func (t Terminal) thresholds(all []results.ThresholdResult) string {
	if len(all) == 0 {
		return ""
	}
	var cells [][]string
	for _, r := range all {
		observed := r.Observed
		if !r.Passed {
			observed = t.paint(red, observed)
		}
		cells = append(cells, []string{t.mark(r.Passed), clean(r.Expression), observed})
	}
	table := t.table([]column{{}, {}, {right: true}}, cells)
	if !t.fits(table) {
		var b strings.Builder
		for _, c := range cells {
			fmt.Fprintln(&b, t.wrap("  "+c[0]+"  ", c[1]+": "+c[2]))
		}
		table = b.String()
	}
	return t.section("thresholds", table)
}

func (t Terminal) violations(all []results.Violation) string {
	var b strings.Builder
	for _, v := range all {
		if v.Count == 0 {
			continue
		}
		title := v.Rule + ": " + results.FormatCount(v.Count)
		if known, ok := rule.Find(v.Rule); ok {
			title += " (" + known.Text + ")"
		}
		fmt.Fprintln(&b, t.wrap("  "+t.mark(false)+"  ", title))
		shown := v.Examples[:min(len(v.Examples), examplesShown)]
		for _, example := range shown {
			for line := range strings.Lines(clean(example)) {
				fmt.Fprintln(&b, t.wrap("       ", line))
			}
		}
		if more := v.Count - int64(len(shown)); more > 0 && len(shown) > 0 {
			fmt.Fprintf(&b, "       and %s more\n", results.FormatCount(more))
		}
		if len(v.Consequences) > 0 {
			fmt.Fprintln(&b, t.wrap("       consequences: ", v.Followed()))
		}
	}
	return t.section("violations of the contract", b.String())
}

// faults tells what was done to the servers, and what was seen of it.
func (t Terminal) faults(all []results.Fault) string {
	var b strings.Builder
	for _, f := range all {
		words := fmt.Sprintf("%s at %.1f s", clean(f.Name()), f.At)
		if seen := f.Seen(); len(seen) > 0 {
			words += ": " + strings.Join(seen, ", ")
		}
		fmt.Fprintln(&b, t.wrap("  ", words))
	}
	return t.section("faults", b.String())
}

func (t Terminal) resources(r results.Resources) string {
	var cells [][]string
	for _, p := range []struct {
		name  string
		usage *results.Usage
	}{{"server", r.Server}, {"loadgen", r.Loadgen}, {"redis", r.Redis}} {
		if u := p.usage; u != nil {
			commands := ""
			if u.CommandsPerSession > 0 {
				commands = fmt.Sprintf("%.1f/session", u.CommandsPerSession)
			}
			if u.SentPerSession > 0 {
				commands += fmt.Sprintf(", %.1f sent", u.SentPerSession)
			}
			name := p.name
			if n := len(r.Servers); n > 1 && u == r.Server {
				name = fmt.Sprintf("%d servers", n)
			}
			cells = append(cells, []string{name, fmt.Sprintf("%.2fs", u.CPUSec), fmt.Sprintf("%.2fms", u.CPUMsPerSession),
				fmt.Sprintf("%.0fMB", u.RSSPeakMB), commands})
		}
	}
	if len(cells) == 0 {
		return ""
	}
	columns := []column{{name: "spent"}, {name: "CPU", right: true, drop: 2}, {name: "a session", right: true},
		{name: "peak memory", right: true}, {name: "commands", right: true, drop: 1}}
	if r.Redis == nil {
		columns = columns[:4]
	}
	return t.narrow(columns, cells)
}

func (t Terminal) doubts(title string, s style, all []string) string {
	var b strings.Builder
	for _, doubt := range all {
		fmt.Fprintln(&b, t.wrap("  "+t.paint(s, "!")+" ", clean(doubt)))
	}
	return t.section(title, b.String())
}

// verdict says in words what the run came to.
func (t Terminal) verdict(r results.Record) string {
	broken, violated := 0, r.Broken()
	for _, threshold := range r.Thresholds {
		if !threshold.Passed {
			broken++
		}
	}
	var words []string
	if r.Interrupted {
		words = append(words, "interrupted")
	}
	if r.Capacity != nil {
		words = append(words, r.Capacity.Headline())
	}
	if violated.Times > 0 {
		words = append(words, violated.String())
	}
	if len(r.Invalid) > 0 {
		words = append(words, "the numbers are unreliable, see above")
	}
	if len(r.Undone) > 0 {
		words = append(words, "the run is broken: work that the scenario requires was never done, see above")
	}
	switch held := len(r.Thresholds); {
	case broken > 0:
		words = append(words, fmt.Sprintf("%d of %s broken", broken, results.FormatCounted(held, "threshold")))
	case held == 1:
		words = append(words, "the threshold held")
	case held > 1:
		words = append(words, fmt.Sprintf("all %d thresholds held", held))
	default:
		words = append(words, "nothing was judged: the scenario has no thresholds")
	}
	if violated.Times == 0 && len(r.Undone) == 0 {
		words = append(words, "no violations were seen")
	}
	title := map[results.Outcome]string{results.Passed: t.paint(green, "PASSED"), results.Unjudged: t.paint(yellow, "NOT JUDGED"), results.ThresholdsFail: t.paint(red, "FAILED"),
		results.Invalid: t.paint(red, "INVALID"), results.Violated: t.paint(red, "VIOLATED")}[r.Outcome]
	if title == "" {
		title = t.paint(red, "NO VERDICT")
	}
	return t.wrap(title+"  ", strings.Join(words, "; ")+".")
}
