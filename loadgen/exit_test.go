package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"guestload/results"
	"guestload/results/series"
	"guestload/scenarios"
)

// Whatever has to be changed on the command line, or in a file that it names, is
// usage: exit code 2.
func TestUsageErrorsExitWith2(t *testing.T) {
	dir, file := t.TempDir(), scenarioFile(t, pair)
	empty := filepath.Join(dir, "empty.yaml")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	taken := filepath.Join(dir, "taken")
	fakeRun(t, taken, nil)
	alone := filepath.Join(dir, "alone")
	fakeRun(t, alone, nil)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"no such file", []string{"--scenario", "/no/such.yaml"}},
		{"no such file", []string{"--check", "./none.yml"}},
		{"no such file", []string{"--scenario", "./none.yaml", "--dry-run"}},
		{"is a directory", []string{"--scenario", dir + "/"}},
		{"empty.yaml", []string{"--scenario", empty}},
		{"unknown scenario", []string{"--check", "nonesuch"}},
		{"--check is empty", []string{"--check", ""}},
		{"want http://host:port", []string{"--scenario", file, "--target", "localhost:3000"}},
		{"want http://host:port", []string{"--scenario", file, "--target", "ftp://localhost"}},
		{"no host", []string{"--scenario", file, "--target", "http://:3000"}},
		{"from 1 to 65535", []string{"--scenario", file, "--target", "http://localhost:99999"}},
		{"from 1 to 65535", []string{"--scenario", file, "--target", "http://localhost:0"}},
		{"without user, query and fragment", []string{"--scenario", file, "--target", "http://localhost/?a=b"}},
		{"its scheme must be", []string{"--scenario", file, "--redis-url", "http://127.0.0.1:6379"}},
		{"ca=FILE", []string{"--scenario", file, "--redis-url", "redis://127.0.0.1:6379?ca=/none"}},
		{"--instances 99", []string{"--scenario", file, "--instances", "99"}},
		{"--processes 0", []string{"--scenario", file, "--processes", "0"}},
		{"leave out --target", []string{"--scenario", "redis-outage", "--target", "http://127.0.0.1:3000"}},
		{"leave out --redis-url", []string{"--scenario", "redis-outage", "--redis-url", "redis://127.0.0.1:6379"}},
		{"leave them out", []string{"--scenario", file, "--target", "http://127.0.0.1:3000", "--instances", "2"}},
		{"go together", []string{"--scenario", file, "--target", "http://127.0.0.1:3000", "--share", "1/2"}},
		{"K/N", []string{"--scenario", file, "--target", "http://127.0.0.1:3000", "--run", "x", "--share", "3/2"}},
		{"a search for the capacity", []string{"--scenario", "capacity", "--processes", "2"}},
		{"--out is empty", []string{"--scenario", file, "--out", ""}},
		{"already holds a run record", []string{"--scenario", file, "--out", taken}},
		{"--without is empty", []string{"--scenario", file, "--without", ""}},
		{"--watch", []string{"--scenario", file, "--watch", "nowhere:http"}},
		{"leave out --guests", []string{"--list", "--guests", "5"}},
		{"leave out --target", []string{"--check", file, "--target", "http://127.0.0.1:3000"}},
		{"no such folder", []string{"report", filepath.Join(dir, "none")}},
		{"is not a run record", []string{"report", dir}},
		{"is a file", []string{"report", file}},
		{"found 0", []string{"report"}},
		{"no flags", []string{"report", "--json", taken}},
		{"no such folder", []string{"compare", taken, filepath.Join(dir, "none")}},
		{"found 1", []string{"compare", taken}},
		{"no such folder", []string{"merge", filepath.Join(dir, "out"), taken, filepath.Join(dir, "none")}},
		{"not a part of one", []string{"merge", filepath.Join(dir, "out"), taken, alone}},
		{"given twice", []string{"merge", filepath.Join(dir, "out"), taken, taken}},
		{"is empty", []string{"compare", taken, ""}},
	} {
		code, out, errs := invoke(t.Context(), c.args...)
		if code != results.ExitUsage || out != "" || !strings.Contains(errs, c.want) || strings.Contains(errs, "loadgen: usage") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want %q", c.args, code, out, errs, c.want)
		}
	}
}

// fakeRun writes a record of a part of a run, or of a whole one where part is nil.
func fakeRun(t *testing.T, dir string, part *results.Part, change ...func(*results.Record)) {
	t.Helper()
	create := series.NewTimes()
	for range 10 {
		if err := create.Response.RecordValue(1000); err != nil {
			t.Fatal(err)
		}
	}
	run := results.Run{
		Seconds: []series.Second{{Arrived: 10, Done: 10, Operations: map[string]*series.Times{"create": create}}},
		Record: results.Record{Scenario: "fake", ScenarioHash: "abc", Part: part, DurationSec: 1,
			Guests: results.Guests{Planned: 10, Started: 10, Completed: 10}},
	}
	for _, c := range change {
		c(&run.Record)
	}
	threshold, err := scenarios.ParseThreshold("failures < 1%")
	if err != nil {
		t.Fatal(err)
	}
	run.Conclude([]scenarios.Threshold{threshold})
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := results.Write(dir, run); err != nil {
		t.Fatal(err)
	}
}

// What merge joins, it judges.
func TestMergeExitsWithTheMergedVerdict(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*results.Record)
		want   int
	}{
		{"passed", func(*results.Record) {}, results.ExitPassed},
		{"invalid", func(r *results.Record) { r.Invalid = []string{"late"} }, results.ExitInvalid},
		{"interrupted", func(r *results.Record) { r.Interrupted = true }, results.ExitInvalid},
		{"dropped", func(r *results.Record) { r.Guests = results.Guests{Planned: 10, Started: 9, Completed: 9, Dropped: 1} }, results.ExitInvalid},
		{"violated", func(r *results.Record) { r.Violations = []results.Violation{{Rule: "one-partner", Count: 1}} }, results.ExitViolated},
		{"never done", func(r *results.Record) { r.Required = map[string]bool{"match": false} }, results.ExitThreshold},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			a, b, out := filepath.Join(root, "a"), filepath.Join(root, "b"), filepath.Join(root, "out")
			fakeRun(t, a, &results.Part{Run: "x", Share: 1, Of: 2})
			fakeRun(t, b, &results.Part{Run: "x", Share: 2, Of: 2}, c.change)
			code, text, errs := invoke(t.Context(), "merge", out, a, b)
			if r := readRecord(t, out); code != c.want || r.Outcome.ExitCode() != code || errs != "" {
				t.Errorf("exit code %d, outcome %s, want %d\n%s%s", code, r.Outcome, c.want, text, errs)
			}
		})
	}
	root := t.TempDir()
	fakeRun(t, filepath.Join(root, "a"), &results.Part{Run: "x", Share: 1, Of: 2})
	fakeRun(t, filepath.Join(root, "b"), &results.Part{Run: "x", Share: 2, Of: 2})
	args := []string{"merge", filepath.Join(root, "out"), filepath.Join(root, "a"), filepath.Join(root, "b")}
	invoke(t.Context(), args...)
	if code, _, errs := invoke(t.Context(), args...); code != results.ExitUsage || !strings.Contains(errs, "already holds a run record") {
		t.Errorf("merged twice into one folder: exit code %d, %s", code, errs)
	}
}

// A threshold that one part alone breaks, and the whole too.
func TestMergeHoldsThresholdsAnew(t *testing.T) {
	root := t.TempDir()
	a, b := filepath.Join(root, "a"), filepath.Join(root, "b")
	fakeRun(t, a, &results.Part{Run: "x", Share: 1, Of: 2})
	fakeRun(t, b, &results.Part{Run: "x", Share: 2, Of: 2}, func(r *results.Record) { r.Guests = results.Guests{Planned: 10, Started: 10, Unmatched: 10} })
	if code, out, errs := invoke(t.Context(), "merge", filepath.Join(root, "out"), a, b); code != results.ExitPassed {
		t.Errorf("one part completed: exit code %d\n%s%s", code, out, errs)
	}
}
