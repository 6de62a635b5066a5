package main

import (
	"fmt"
	"strings"

	"guestload/loadgen/records"
)

// flagsExplained are in the order in which people need them.
var flagsExplained = []struct{ name, value, about, example string }{
	{"scenario", "NAME|FILE", "play a shipped scenario, or one of your own", "--scenario burst, --scenario ./mine.yaml"},
	{"list", "", "list the shipped scenarios", "--list"},
	{"target", "URL", "drive a backend that is running already; without it, a server of our own is started and stopped", "--target http://127.0.0.1:3000"},
	{"redis-url", "URL|own", "keep the guests of our own server in this Redis; own starts one for the run, which keeps nothing", "--redis-url redis://127.0.0.1:6379"},
	{"instances", "N", "so many servers of our own, with the guests spread over them; more than one share a Redis, own unless --redis-url says which", "--instances 3"},
	{"transport", "ws|socketio", "how real-time events are framed (ws)", "--transport socketio"},
	{"timeout", "TIME", "how long a request, or opening a connection, may take before it counts as failed (10s)", "--timeout 30s"},
	{"header", "'NAME: VALUE'", "send a header with every request and WebSocket handshake; may be repeated. Host replaces the target's name; values are in no record", "--header 'X-Api-Key: abc'"},
	{"ca", "FILE", "trust the certificates in FILE (PEM) in place of the system's, which SSL_CERT_FILE can name as well", "--target https://chat.internal --ca ca.pem"},
	{"insecure", "", "do not check the certificate of an https target", "--target https://127.0.0.1:8443 --insecure"},
	{"connections", "N", "so many connections for HTTP requests at most, which all guests share; a request that finds them busy is sent later, and the wait is in its response time, but not in its service time (a tenth of the open files that the system allows, 1,024 at most)", "--connections 50"},
	{"guests", "N", "so many guests in all, in the same time", "--guests 500"},
	{"scale", "F", "F times as many guests in the same time", "--scale 4"},
	{"seed", "N", "another seed than the scenario's: other arrivals, choices and texts", "--seed 7"},
	{"share", "K/N", "play the K-th of N parts of a run, of which each generator plays one; loadgen merge joins their records", "--run evening --share 1/3 --target http://127.0.0.1:3000"},
	{"run", "NAME", "what the parts of one run have in common: the same name at each generator, another for each run", "--run evening --share 2/3 --target http://127.0.0.1:3000"},
	{"processes", "N", "play the guests in so many processes of this machine, each its share; one report and one record. For more guests than one process may have open files", "--processes 4"},
	{"out", "DIR", "where to write the record (a new folder under results/runs)", "--out /tmp/first"},
	{"json", "", "print the record as JSON on standard output, and nothing else", "--json > run.json"},
	{"quiet", "", "nothing while it runs, only the report at the end", "--quiet"},
	{"watch", "[HOST]:PORT", "serve the record's page while the run goes on, and its figures for Prometheus under /metrics; without a host to this machine only", "--watch :8090"},
	{"check", "NAME|FILE", "read a scenario and say what is wrong with it, without playing it", "--check ./mine.yaml"},
	{"dry-run", "", "print every arrival, and of each script one guest with all that is drawn, without playing", "--scenario smoke --dry-run"},
	{"without", "LIST", "leave out what the backend does not have: " + strings.Join(optional, ", "), "--without renew,stats"},
}

// usage explains everything.
func usage() string {
	var b strings.Builder
	b.WriteString(`loadgen plays scripted guests against a chat backend and reports what they felt.

  loadgen --scenario burst                                  against a server of our own
  loadgen --scenario smoke --target http://127.0.0.1:3000   against yours

Every long flag may be written with one dash or two.

`)
	for _, f := range flagsExplained {
		fmt.Fprintf(&b, "  %s\n        %s\n", strings.TrimSpace("--"+f.name+" "+f.value), f.about)
		if f.example != "--"+f.name {
			fmt.Fprintf(&b, "        for example: %s\n", f.example)
		}
	}
	b.WriteString("  --help, -h\n        this text\n\nWith records that are there already:\n\n")
	for _, c := range records.Commands() {
		fmt.Fprintf(&b, "  loadgen %s %s\n        %s\n        for example: %s\n", c.Name, c.Takes, c.About, c.Example)
	}
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
