package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guestload/loadgen/records"
	"guestload/loadgen/report/page"
	"guestload/results"
	"guestload/results/series"
)

const oneScenario = "# the file, as it was read\nscenario: one\n"

// keep writes a record of eight seconds in which creations took so long, give
// or take.
func keep(t *testing.T, dir, scenario string, median int64) {
	t.Helper()
	run := results.Run{Record: results.Record{
		Scenario: scenario, ScenarioHash: scenario + "-hash", Seed: 1, Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), DurationSec: 8,
		Environment: results.Environment{Commit: "c0ffee", Go: "go1.26", OS: "linux/amd64", CPU: "a processor", CPUs: 2, Target: "embedded", Transport: "ws", Storage: "memory"},
		Guests:      results.Guests{Planned: 800, Started: 800, Completed: 800},
		Violations:  []results.Violation{{Rule: "one-partner"}},
		Resources:   results.Resources{Loadgen: &results.Usage{CPUSec: 0.8, RSSPeakMB: 20, CPUMsPerSession: 1}},
	}}
	for s := range 8 {
		times := series.NewTimes()
		for i := range int64(100) {
			us := median*(75+i/2)/100 + int64(s)
			for _, h := range []*series.Histogram{times.Response, times.Service} {
				if err := h.RecordValue(us); err != nil {
					t.Fatal(err)
				}
			}
		}
		run.Seconds = append(run.Seconds, series.Second{Second: s, Phase: "hold", Arrived: 100, Done: 100, Operations: map[string]*series.Times{"create": times}})
	}
	run.Conclude(nil)
	p := page.Page{Run: run, Scenario: []byte(oneScenario), Usage: []page.Spent{{Second: 1, Of: map[string]page.Use{"loadgen": {Cores: 0.1, MemoryMB: 20}}}}}
	write(t, dir, p)
}

func write(t *testing.T, dir string, p page.Page) {
	t.Helper()
	j, err := results.Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if failed := records.Write(j, p); failed != nil {
		t.Fatal(failed)
	}
}

// keepPart writes the same as that of one of two generators.
func keepPart(t *testing.T, dir string, share int, median int64) {
	t.Helper()
	whole := filepath.Join(t.TempDir(), "whole")
	keep(t, whole, "one", median)
	p, err := page.Read(whole)
	if err != nil {
		t.Fatal(err)
	}
	p.Run.Record.Part = &results.Part{Run: "evening", Share: share, Of: 2}
	write(t, dir, p)
}

func TestCommandsReadAndWriteRecords(t *testing.T) {
	goldens, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	keep(t, "before", "one", 1000)
	keep(t, "after", "one", 1300)
	keepPart(t, "left", 1, 1000)
	keepPart(t, "right", 2, 1300)
	if err := os.Remove("before/report.html"); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"report": {"report", "after"},
		"merge":  {"merge", "both", "right", "left"},
	} {
		code, out, errs := invoke(t.Context(), args...)
		if code != results.ExitPassed || errs != "" {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
		golden(t, filepath.Join(goldens, name+".golden"), out)
	}
	code, out, errs := invoke(t.Context(), "compare", "before", "after")
	for _, want := range []string{"A  before: one", "B  after: one", "+30%", "6 slower, 0 faster"} {
		if code != results.ExitPassed || errs != "" || !strings.Contains(out, want) {
			t.Errorf("compare: exit code %d, %s, want %q in\n%s", code, errs, want, out)
		}
	}
	for dir, guests := range map[string]int{"after": 800, "both": 1600} {
		p, err := page.Read(dir)
		if err != nil || p.Run.Record.Guests.Completed != guests || string(p.Scenario) != oneScenario {
			t.Errorf("%s: %v, %+v, scenario %q", dir, err, p.Run.Record.Guests, p.Scenario)
		}
	}
	if p, err := page.Read("after"); err != nil || len(p.Usage) != 1 {
		t.Errorf("made again, the page has lost what was measured by second: %v, %+v", err, p.Usage)
	}
	if code, _, errs := invoke(t.Context(), "report", "before"); code != 0 || errs != "" {
		t.Errorf("a record without its page: exit code %d, %s", code, errs)
	}
	if html, err := os.ReadFile("before/report.html"); err != nil || !bytes.HasPrefix(html, []byte("<!doctype html>")) {
		t.Errorf("the page that was made: %v, %.40q", err, html)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || got != string(want) {
		t.Errorf("%s: %v, got\n%s(run with -update when this is meant)", filepath.Base(file), err, got)
	}
}

func TestCommandsSayWhatIsWrongWithTheirArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	keep(t, "a", "one", 1000)
	keep(t, "b", "two", 1000)
	keep(t, "torn", "one", 1000)
	keepPart(t, "left", 1, 1000)
	for path, text := range map[string]string{"torn/run.json": `{"schema":1,`, "file": "", "empty/x": ""} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"report", 2, "loadgen report DIR, found 0"},
		{"report a b", 2, "loadgen report DIR, found 2"},
		{"report --open a", 2, "unknown flag: --open"},
		{"compare a", 2, "loadgen compare /tmp/before /tmp/after"},
		{"merge out a", 2, "loadgen merge OUT A B …, found 2"},
		{"merge out a a", 2, "a is given twice"},
		{"comapre a b", 2, "did you mean compare?"},
		{"--quiet compare a b", 2, "a command comes first"},
		{"report nowhere", 2, "nowhere: no such folder: want the folder of a run record"},
		{"report file", 2, "file is a file: want the folder"},
		{"report empty", 2, "empty is not a run record, for it has no run.json"},
		{"report torn", 1, "torn/run.json: the file ends too early, it was cut off: unexpected EOF"},
		{"compare a nowhere", 2, "nowhere: no such folder"},
		{"merge out a b", 2, "one of 2026-01-02 15:04:05 was a run of its own, not a part of one"},
		{"merge out left b", 2, "two of 2026-01-02 15:04:05 was a run of its own"},
		{"merge b a torn", 1, "torn/run.json"},
	} {
		code, out, errs := invoke(t.Context(), strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(errs, tt.want) || out != "" {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want %d and %q", tt.args, code, out, errs, tt.code, tt.want)
		}
	}
	if _, err := os.Stat("out"); err == nil {
		t.Error("a merge that failed left a folder behind")
	}
	if code, out, _ := invoke(t.Context(), "merge", "-h"); code != 0 || !strings.Contains(out, "loadgen merge OUT A B …") {
		t.Errorf("merge -h: exit code %d\n%s", code, out)
	}
}
