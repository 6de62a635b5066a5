package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"guestload/results"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (refresh with -update); got\n%s", path, got)
	}
}

func moment() Snapshot {
	s := Snapshot{
		Scenario: "burst", Phase: "burst", Elapsed: 7400 * time.Millisecond, Left: 9 * time.Second,
		Planned: 5000, Arrived: 2140, Live: 812, Done: 1328, Unmatched: 2,
		Failures:    []Failure{{"refused", 1}, {"timeout", 13}},
		ArrivalRate: 512, MessageRate: 3204.4,
		Operations: []Operation{{"delivery", 3204, 1200 * time.Microsecond, 12340 * time.Microsecond}, {"create", 512, 420 * time.Microsecond, 3100 * time.Microsecond},
			{"match", 498, 15 * time.Millisecond, 215 * time.Millisecond}, {"connect", 510, 700 * time.Microsecond, 4 * time.Millisecond}, {"ack", 3204, time.Millisecond, 2 * time.Millisecond}},
		ArrivalRates: []float64{20, 20, 20, 480, 530, 495, 512},
		MessageRates: []float64{0, 3, 40, 900, 1800, 2900, 3204},
		Slowest:      []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond, 30 * time.Millisecond, 9 * time.Millisecond, 12340 * time.Microsecond},
	}
	return s
}

func record() results.Record {
	times := func(p50 float64) results.Summary {
		return results.Summary{P50: p50, P90: 2 * p50, P95: 2.5 * p50, P99: 7 * p50, P999: 20 * p50, Max: 25 * p50, Mean: 1.2 * p50}
	}
	return results.Record{
		Schema: 1, Scenario: "burst", Seed: 1, DurationSec: 30.1,
		Environment: results.Environment{Commit: "c0ffee", Target: "embedded", Transport: "ws", Storage: "memory"},
		Guests:      results.Guests{Planned: 5000, Started: 5000, Completed: 4981, Failed: 17, Unmatched: 2},
		Operations: map[string]results.Operation{
			"create":   {Count: 5000, Response: times(0.42), Service: times(0.4)},
			"connect":  {Count: 4986, Failures: map[string]int64{"timeout": 13, "refused": 1}, Waits: map[string]results.Wait{"timeout": {Mean: 5000, Max: 5003}, "refused": {Mean: 0.8, Max: 0.8}}, Response: times(0.7), Service: times(0.69)},
			"match":    {Count: 4984, Response: times(15), Service: times(15)},
			"delivery": {Count: 37123, Response: times(1.2), Service: times(0.9)},
			"renew":    {Failures: map[string]int64{"timeout": 3}, Waits: map[string]results.Wait{"timeout": {Mean: 5000, Max: 5003}}},
		},
		Violations: []results.Violation{{Rule: "one-partner"}},
		Thresholds: []results.ThresholdResult{
			{Expression: "response(create) p99 < 200ms", Observed: "2.9ms", Passed: true},
			{Expression: "response(delivery) p99 < 100ms in any 5s", Observed: "8.4ms at 3s", Passed: true},
			{Expression: "violations == 0", Observed: "0", Passed: true},
		},
		Resources: results.Resources{Server: &results.Usage{CPUSec: 1.9, RSSPeakMB: 80.2, CPUMsPerSession: 0.38}, Loadgen: &results.Usage{CPUSec: 1.5, RSSPeakMB: 60, CPUMsPerSession: 0.3}},
		Outcome:   results.Passed,
	}
}

func failed() results.Record {
	r := record()
	r.Thresholds[0] = results.ThresholdResult{Expression: "response(create) p99 < 2ms", Observed: "2.9ms"}
	r.Outcome = results.ThresholdsFail
	return r
}

func violated() results.Record {
	r := failed()
	r.Violations = []results.Violation{
		{Rule: "one-partner"},
		{Rule: "symmetric-partner", Count: 4, Examples: []string{
			"guest_4f6c and guest_91ab: guest_4f6c says its partner is guest_91ab, whose partner is guest_77d0\n4f6c  1.204s user:matched guest_91ab\n91ab  1.198s user:matched guest_77d0",
			"an evil\x1b[2J name"}, Consequences: []results.Consequence{{Rule: "event-order", Count: 12}, {Rule: "message-to-partner", Count: 530}}},
	}
	r.Warnings = []string{"guests were 6ms late at the 99th percentile (worst 14ms): much of response(create) p99 2.9ms may be generator lag"}
	r.Invalid = []string{"3 of 5,000 arrivals were dropped: the generator did not offer the load that was planned"}
	r.Resources.Redis = &results.Usage{CPUSec: 0.8, RSSPeakMB: 22, CPUMsPerSession: 0.16, CommandsPerSession: 11.4, SentPerSession: 5.2}
	r.Outcome = results.Violated
	return r
}

// undone is a run against a target that does nothing.
func undone() results.Record {
	r := record()
	r.Guests = results.Guests{Planned: 20, Started: 20, Failed: 20}
	r.Operations = map[string]results.Operation{"create": {Failures: map[string]int64{"refused": 20}, Waits: map[string]results.Wait{"refused": {Mean: 1, Max: 3}}}}
	r.Thresholds = []results.ThresholdResult{{Expression: "violations == 0", Observed: "no data"}}
	r.Undone = []string{"no guest completed: 20 failed, 0 unmatched, 0 dropped of 20 guests"}
	r.Outcome = results.ThresholdsFail
	return r
}

func unjudged() results.Record {
	r := record()
	r.Thresholds, r.Outcome = nil, results.Unjudged
	return r
}

// searched is the answer of a search.
func searched() results.Record {
	r := record()
	high := 474.0
	c := results.Capacity{Rate: 437, Above: 450, LimitedBy: "server", Low: 402, High: &high, Confidence: 0.95, DurationSec: 123,
		Resource: "server CPU", Why: "the server 1.85, the generator 0.11 cores; 98 % of this machine's 2 were busy"}
	for _, run := range []struct {
		rate, p99 float64
		verdict   string
	}{{50, 2.1, "held"}, {800, 4100, "broke"}, {566, 1900, "invalid"}, {437, 7.3, "held"}, {450, 420, "broke"}, {437, 6.9, "held"}} {
		c.Runs = append(c.Runs, results.Trial{Rate: run.rate, Verdict: run.verdict, Cores: map[string]float64{"server": run.rate / 250, "loadgen": 0.1},
			Response: map[string]results.Summary{"create": {P99: run.p99, Max: run.p99}, "delivery": {P99: 1.2, Max: 9}}})
	}
	r.Searched(c, []results.Record{r})
	return r
}

func TestFinalReports(t *testing.T) {
	for _, c := range []struct {
		name     string
		terminal Terminal
		record   results.Record
	}{
		{"passed-100", Terminal{Width: 100}, record()},
		{"passed-60", Terminal{Width: 60}, record()},
		{"passed-colour", Terminal{Width: 80, Colour: true}, record()},
		{"searched-100", Terminal{Width: 100}, searched()},
		{"searched-40", Terminal{Width: 40, Colour: true}, searched()},
		{"failed-80", Terminal{Width: 80}, failed()},
		{"violated-80", Terminal{Width: 80}, violated()},
		{"violated-40", Terminal{Width: 40}, violated()},
		{"violated-ascii", Terminal{Width: 100, ASCII: true}, violated()},
		{"undone-80", Terminal{Width: 80}, undone()},
		{"unjudged-80", Terminal{Width: 80}, unjudged()},
		{"nothing", Terminal{Width: 80}, results.Record{Scenario: "smoke", Invalid: []string{"no guests were planned"}, Outcome: results.Invalid}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.terminal.Final(c.record, "results/runs/burst-20260102T150405Z")
			golden(t, "final-"+c.name, got)
			if got := c.terminal.Final(c.record, ""); strings.Contains(got, "results/runs") {
				t.Error("says where a record lies that was not written")
			}
		})
	}
}

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	for width := 40; width <= 140; width++ {
		for _, ascii := range []bool{false, true} {
			terminal := Terminal{Width: width, ASCII: ascii, Colour: true}
			lines := strings.Split(terminal.Final(violated(), "results/runs"), "\n")
			lines = append(lines, strings.Split(terminal.Final(searched(), ""), "\n")...)
			lines = append(lines, terminal.Screen(moment())...)
			for _, line := range lines {
				if ascii && strings.ContainsFunc(line, func(r rune) bool { return r > 0x7e }) {
					t.Errorf("not ASCII: %q", line)
				}
				if got := text.StringWidthWithoutEscSequences(line); got > width {
					t.Errorf("%d columns, in %d: %q", got, width, line)
				}
			}
		}
	}
}

func TestScreens(t *testing.T) {
	warm := Snapshot{Scenario: "a-scenario-with-quite-a-long-name", Phase: "warm-up", Warmup: true, Left: -1}
	ending, step := moment(), moment()
	ending.Left, ending.Waiting = -1, "waiting for 812 guests to finish"
	step.Step = true
	bad := moment()
	bad.Violations = 2
	for _, c := range []struct {
		name     string
		terminal Terminal
		moment   Snapshot
	}{
		{"80", Terminal{Width: 80}, moment()},
		{"120", Terminal{Width: 120}, moment()},
		{"40", Terminal{Width: 40}, moment()},
		{"colour", Terminal{Width: 80, Colour: true}, bad},
		{"ascii", Terminal{Width: 80, ASCII: true}, bad},
		{"first", Terminal{Width: 80}, warm},
		{"ending", Terminal{Width: 80}, ending},
		{"step", Terminal{Width: 80}, step},
	} {
		lines := c.terminal.Screen(c.moment)
		if len(lines) > 12 {
			t.Errorf("%s: %d lines", c.name, len(lines))
		}
		golden(t, "screen-"+c.name, strings.Join(lines, "\n")+"\n")
	}
}

func TestPlainLinesComeEveryFiveSeconds(t *testing.T) {
	var out bytes.Buffer
	live := NewLive(&out, Detect(&out, func(string) string { return "" }))
	for s := range 13 {
		m := moment()
		m.Elapsed = time.Duration(s)*time.Second + 3*time.Millisecond
		if s < 6 {
			m.Warmup, m.Phase, m.Failures, m.Unmatched = true, "warm-up", nil, 0
		}
		if err := live.Show(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := live.Clear(); err != nil {
		t.Fatal(err)
	}
	golden(t, "lines", out.String())
}

// seen is what a terminal shows that was given this: it knows what the screen uses
// and nothing more.
func seen(t *testing.T, written string) []string {
	t.Helper()
	var rows []string
	at := 0
	for rest := written; rest != ""; {
		for len(rows) <= at {
			rows = append(rows, "")
		}
		up, n := 0, 0
		if _, err := fmt.Sscanf(rest, "\x1b[%dA", &up); err == nil {
			at, n = at-up, len(fmt.Sprintf("\x1b[%dA", up))
		} else if strings.HasPrefix(rest, "\x1b[2K") {
			rows[at], n = "", 4
		} else if rest[0] == '\n' {
			at, n = at+1, 1
		} else if rest[0] == '\r' {
			n = 1
		} else if n = strings.IndexAny(rest, "\r\n\x1b"); n > 0 {
			if rows[at] != "" {
				t.Fatalf("%q is written over %q", rest[:n], rows[at])
			}
			rows[at] = rest[:n]
		}
		if n <= 0 || at < 0 {
			t.Fatalf("at row %d: %.20q", at, rest)
		}
		rest = rest[n:]
	}
	for len(rows) > 0 && rows[len(rows)-1] == "" {
		rows = rows[:len(rows)-1]
	}
	return rows
}

func TestTheScreenIsDrawnOverTheOneBefore(t *testing.T) {
	var out bytes.Buffer
	terminal := Terminal{Width: 80, Live: true}
	live := NewLive(&out, terminal)
	first := Snapshot{Scenario: "burst", Left: -1}
	for _, m := range []Snapshot{first, moment(), moment(), first} {
		if err := live.Show(m); err != nil {
			t.Fatal(err)
		}
		if got, want := seen(t, out.String()), terminal.Screen(m); !slices.Equal(got, want) {
			t.Errorf("on the screen is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if err := live.Clear(); err != nil {
		t.Fatal(err)
	}
	out.WriteString("the report\n")
	if got := seen(t, out.String()); !slices.Equal(got, []string{"the report"}) {
		t.Errorf("in the end there is\n%s", strings.Join(got, "\n"))
	}
}

func TestDetectTakesWhatIsNoTerminalAsPlain(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	env := func(name string) string { return map[string]string{"TERM": "dumb"}[name] }
	if got := Detect(file, env); got != (Terminal{Width: 100, ASCII: true}) {
		t.Errorf("got %+v", got)
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := results.FormatCount(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for d, want := range map[time.Duration]string{0: "0:00", 59600 * time.Millisecond: "1:00", 3723 * time.Second: "1:02:03"} {
		if got := clock(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
}
