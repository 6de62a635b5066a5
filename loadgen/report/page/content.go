package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"guestload/results"
	"guestload/scenarios/rule"
)

// content is the text of a page, written for people.
type content struct {
	Title, Name, Verdict, Because, When string
	Tone                                string // good, bad, doubt or none
	Invalid, Warnings                   []string
	Guests                              []figure
	Thresholds                          []threshold
	Violations                          []violation
	Operations                          []operation
	Failures                            []failure
	Retries                             []figure
	Faults                              []fault
	Resources                           []process
	NoResources                         string
	Environment                         []figure
	Scenario                            string
	Capacity                            *searched // nil where nothing was searched
}

// figure is a name and a value, and how it is to be taken.
type figure struct{ Name, Value, Tone string }

type threshold struct{ Mark, Expression, Observed, Tone string }

type violation struct {
	Rule, Times, More string
	About, Contract   string // what must hold, and where the contract says so; "" of a rule that is not known
	Followed          string // the consequences with their counts
	First             string // the first story
	Stories           []string
	Further           string // how many others there are, to be opened
}

type operation struct {
	Name  string
	Cells []figure
}

type failure struct{ Operation, Kind, Count, Mean, Longest string }

type fault struct{ At, Name, Seen string }

type process struct{ Process, CPU, PerGuest, Memory, Commands string }

// view puts a record that is concluded into words.
func view(r results.Record, scenario []byte) content {
	v := content{
		Name: r.Scenario, When: when(r), Invalid: r.Invalid, Warnings: r.Warnings,
		Guests: guests(r.Guests), Thresholds: thresholds(r.Thresholds), Violations: violations(r.Violations),
		Operations: operations(r.Operations), Failures: failures(r.Operations), Retries: retries(r.Operations),
		Resources: processes(r.Resources), NoResources: "No process could be measured.",
		Faults: faults(r.Faults), Environment: environment(r), Scenario: string(scenario),
	}
	v.Capacity = newSearched(r.Capacity)
	v.Verdict, v.Tone = verdict(r.Outcome)
	if r.Interrupted {
		v.Verdict += ", interrupted"
	}
	v.Because = because(r)
	v.Title = fmt.Sprintf("%s: %s", r.Scenario, v.Verdict)
	return v
}

func when(r results.Record) string {
	text := fmt.Sprintf("%s, for %s, seed %d", r.Started.UTC().Format("2 January 2006, 15:04:05 MST"), length(r.DurationSec), r.Seed)
	for _, more := range []string{r.Environment.Target, r.Environment.Transport, r.Environment.Storage} {
		if more != "" {
			text += ", " + more
		}
	}
	return text
}

func guests(g results.Guests) []figure {
	tone := func(n int, tone string) string {
		if n == 0 {
			return ""
		}
		return tone
	}
	return []figure{
		{"planned", results.FormatCount(g.Planned), ""}, {"completed", results.FormatCount(g.Completed), ""},
		{"failed", results.FormatCount(g.Failed), tone(g.Failed, "bad")}, {"unmatched", results.FormatCount(g.Unmatched), tone(g.Unmatched, "doubt")},
		{"dropped", results.FormatCount(g.Dropped), tone(g.Dropped, "bad")},
	}
}

func thresholds(all []results.ThresholdResult) (rows []threshold) {
	for _, t := range all {
		row := threshold{"held", t.Expression, t.Observed, "good"}
		if !t.Passed {
			row.Mark, row.Tone = "broken", "bad"
		}
		rows = append(rows, row)
	}
	return rows
}

func violations(all []results.Violation) (rows []violation) {
	for _, v := range all {
		if v.Count == 0 {
			continue
		}
		row := violation{Rule: v.Rule, Times: results.FormatCounted(v.Count, "time"), Followed: v.Followed()}
		if known, ok := rule.Find(v.Rule); ok {
			row.About, row.Contract = known.Text, "server/CONTRACT.md#"+known.Section
		}
		if len(v.Examples) > 0 {
			row.First, row.Stories = v.Examples[0], v.Examples[1:]
			row.Further = results.FormatCounted(len(row.Stories), "further example")
		}
		if more := v.Count - int64(len(v.Examples)); more > 0 && len(v.Examples) > 0 {
			row.More = "and " + results.FormatCount(more) + " more"
		}
		rows = append(rows, row)
	}
	return rows
}

func operations(all map[string]results.Operation) (rows []operation) {
	for _, name := range ordered(all) {
		o := all[name]
		var failed int64
		for _, n := range o.Failures {
			failed += n
		}
		row := operation{name, []figure{{"done", results.FormatCount(o.Count), ""}, {"failed", results.FormatCount(failed), ""}}}
		if failed > 0 {
			row.Cells[1].Tone = "bad"
		}
		for _, t := range []struct {
			name string
			ms   float64
			tone string
		}{
			{"p50", o.Response.P50, ""}, {"p90", o.Response.P90, ""}, {"p95", o.Response.P95, ""},
			{"p99", o.Response.P99, "strong"}, {"p99.9", o.Response.P999, ""}, {"max", o.Response.Max, ""},
			{"service p50", o.Service.P50, "muted"}, {"service p99", o.Service.P99, "muted"}, {"service p99.9", o.Service.P999, "muted"},
			{"lag p99", o.Lag.P99, "muted"},
		} {
			cell := figure{t.name, latency(t.ms), t.tone}
			if o.Count == 0 {
				cell.Value, cell.Tone = "–", "muted"
			}
			row.Cells = append(row.Cells, cell)
		}
		rows = append(rows, row)
	}
	return rows
}

func failures(all map[string]results.Operation) (rows []failure) {
	for _, name := range ordered(all) {
		o := all[name]
		kinds := make([]string, 0, len(o.Failures))
		for kind, n := range o.Failures {
			if n > 0 {
				kinds = append(kinds, kind)
			}
		}
		slices.SortFunc(kinds, func(a, b string) int {
			return cmp.Or(cmp.Compare(o.Failures[b], o.Failures[a]), cmp.Compare(a, b))
		})
		for _, kind := range kinds {
			rows = append(rows, failure{name, kind, results.FormatCount(o.Failures[kind]), latency(o.Waits[kind].Mean), latency(o.Waits[kind].Max)})
		}
	}
	return rows
}

// retries are the operations whose requests were sent again.
func retries(all map[string]results.Operation) (rows []figure) {
	for _, name := range ordered(all) {
		if n := all[name].Retries; n > 0 {
			rows = append(rows, figure{Name: name, Value: results.FormatCount(n)})
		}
	}
	return rows
}

func faults(all []results.Fault) (rows []fault) {
	for _, f := range all {
		row := fault{length(f.At), f.Name(), strings.Join(f.Seen(), ", ")}
		if row.Seen == "" {
			row.Seen = "–"
		}
		rows = append(rows, row)
	}
	return rows
}

func processes(r results.Resources) (rows []process) {
	add := func(name string, u *results.Usage) {
		if u == nil {
			return
		}
		row := process{name, fmt.Sprintf("%.2f s", u.CPUSec), fmt.Sprintf("%.2f ms", u.CPUMsPerSession), fmt.Sprintf("%.0f MB", u.RSSPeakMB), "–"}
		if u.CommandsPerSession > 0 {
			row.Commands = fmt.Sprintf("%.1f", u.CommandsPerSession)
		}
		if u.SentPerSession > 0 {
			row.Commands += fmt.Sprintf(", %.1f sent", u.SentPerSession)
		}
		rows = append(rows, row)
	}
	if n := len(r.Servers); n > 1 {
		add(fmt.Sprintf("%d servers", n), r.Server)
		for i := range r.Servers {
			add(fmt.Sprintf("server %d", i+1), &r.Servers[i])
		}
	} else {
		add("server", r.Server)
	}
	add("redis", r.Redis)
	add("loadgen", r.Loadgen)
	return rows
}

func environment(r results.Record) []figure {
	e := r.Environment
	all := []figure{
		{Name: "Target", Value: e.Target}, {Name: "Addresses", Value: strings.Join(e.Addresses, ", ")}, {Name: "Transport", Value: e.Transport}, {Name: "Storage", Value: e.Storage},
		{Name: "Commit", Value: e.Commit}, {Name: "Go", Value: e.Go}, {Name: "System", Value: e.OS},
		{Name: "Processor", Value: e.CPU}, {Name: "Processors", Value: results.FormatCount(e.CPUs)},
		{Name: "Began", Value: r.Started.UTC().Format(time.RFC3339)}, {Name: "Seed", Value: fmt.Sprint(r.Seed)},
		{Name: "Scenario, SHA-256", Value: r.ScenarioHash},
	}
	return slices.DeleteFunc(all, func(f figure) bool { return f.Value == "" })
}

// ordered puts operations in the order of a guest's life, others after them.
func ordered(all map[string]results.Operation) []string {
	life := []string{"create", "fetch", "connect", "match", "ack", "delivery", "leave", "reconnect", "online", "stats", "renew", "refusal"}
	place := func(name string) int {
		if i := slices.Index(life, name); i >= 0 {
			return i
		}
		return len(life)
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	})
	return names
}
