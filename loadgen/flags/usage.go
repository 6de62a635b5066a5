package flags

import (
	"fmt"
	"strings"

	"guestload/loadgen/records"
)

// Help explains everything.
func Help() string {
	var b strings.Builder
	b.WriteString(`loadgen plays scripted guests against a chat backend and reports latencies, failures and broken rules.

  loadgen --scenario burst                                  against an embedded server
  loadgen --scenario smoke --target http://127.0.0.1:3000   against your backend

Every long flag may be written with one dash or two.

`)
	group := ""
	for i, f := range declared(new(Options), new(raw)) {
		if i > 0 && f.group != group {
			b.WriteString("\n")
		}
		if f.group != group {
			group = f.group
			fmt.Fprintf(&b, "%s:\n\n", group)
		}
		fmt.Fprintf(&b, "  %s\n        %s\n", strings.TrimSpace("--"+f.name+" "+f.value), f.about)
		if f.example != "--"+f.name {
			fmt.Fprintf(&b, "        for example: %s\n", f.example)
		}
	}
	b.WriteString("  --help, -h\n        print this text\n\nCommands:\n\n")
	for _, c := range records.Commands() {
		fmt.Fprintf(&b, "  loadgen %s %s\n        %s\n        for example: %s\n", c.Name, c.Takes, c.About, c.Example)
	}
	fmt.Fprintf(&b, "  loadgen %s %s\n        print the completion of a shell\n        for example: source <(loadgen completion bash)\n", CompletionCommand, strings.Join(shells, "|"))
	b.WriteString(`
The record of a run is a folder: run.json, latency.hlog, timeline.csv and report.html,
a page that needs no network.

loadgen connects to the target itself. Where HTTP_PROXY or HTTPS_PROXY names a proxy for
it, loadgen refuses to start: unset the variable, or name the target in NO_PROXY.

The log and the timeline are written while the run goes on: loadgen report DIR shows
what there is of a run that was killed. Ctrl-C ends a run early, within a second, and
still reports and writes what there is; so do SIGTERM and a terminal that is closed.

Exit codes: 0 passed (or there was no threshold to judge by), 1 could not run, or could
not print the report or write all of the record (each missing file is named), 2 wrong
usage or scenario, 3 a threshold was broken, or work that the scenario requires was never
done, 4 the run is invalid (the generator was late, lost arrivals or was interrupted),
5 a rule of the contract was violated; of several, the highest. go run hides them: it
always exits with 1. Build the program first: go build -o bin/ ./loadgen
`)
	return b.String()
}
