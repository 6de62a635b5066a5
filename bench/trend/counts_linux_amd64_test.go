package trend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guestload/bench/ab/abtest"
	"guestload/bench/gate"
)

// benchmarks has a benchmark with so much work, and maybe more.
func benchmarks(work int, more string) map[string]string {
	return map[string]string{"bench/x_test.go": fmt.Sprintf(`package main

import "testing"

var sink uint64

func BenchmarkWork(b *testing.B) {
	for b.Loop() {
		for range %d {
			sink += sink >> 3
		}
	}
}
`, work) + more}
}

// Each commit is counted once, as long as the toolchain and the emulator stay the same.
func TestCommitsAreCountedOnceAKey(t *testing.T) {
	repo := abtest.Repository(t, benchmarks(500, ""))
	abtest.Commit(t, repo, map[string]string{"server/main.go": "package main\n\nfunc main() { nonsense() }\n"})
	abtest.Shell(t, repo, "git", "rm", "-q", "server/main.go")
	abtest.Commit(t, repo, benchmarks(1000, "\nfunc BenchmarkNew(b *testing.B) {\n\tfor b.Loop() {\n\t}\n}\n"))
	t.Chdir(repo)
	dir := t.TempDir()
	metrics := []gate.Metric{{Name: "Work instructions", Unit: "instructions/op", Operations: 1000}, {Name: "New instructions", Unit: "instructions/op", Operations: 1000}}
	count := func() (values []float64, progress string) {
		t.Helper()
		var said bytes.Buffer
		trend, err := Counts(t.Context(), dir, metrics, 10, &said)
		if err != nil {
			t.Fatal(err, said.String())
		}
		if len(trend.Labels) != 2 || !strings.HasPrefix(trend.Scenario, "counts by go") {
			t.Errorf("%s of %q", trend.Scenario, trend.Labels)
		}
		i := slices.IndexFunc(trend.Series, func(s Series) bool { return s.Name == "Work instructions" })
		return trend.Series[i].Values, said.String()
	}
	values, said := count()
	if ratio := values[1] / values[0]; ratio < 1.9 || ratio > 2.1 {
		t.Errorf("twice the work is %v", values)
	}
	for _, want := range []string{"is left out: " /* the commit that does not build */, "undefined: nonsense", "New is left out"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	oldest := strings.Fields(abtest.Shell(t, repo, "git", "log", "--format=%h"))[2]
	file := filepath.Join(dir, "counts", oldest+".json")
	stored := change(t, file, func(c *commitCounts) { c.Counts["Work instructions"] = new(7.0) })
	if again, _ := count(); again[0] != 7 || again[1] != values[1] {
		t.Errorf("%v: want the stored 7 and %v", again, values[1])
	}
	change(t, file, func(c *commitCounts) { c.Key = "go1.0 " + stored.Key })
	if again, _ := count(); again[0] < 0.9*values[0] {
		t.Errorf("of another key: %v, want about %v", again, values)
	}
	if err := os.WriteFile(file, []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Counts(t.Context(), dir, metrics, 10, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "remove it to count") {
		t.Errorf("nonsense in the file: %v", err)
	}
}

// change edits a file of counts.
func change(t *testing.T, file string, edit func(*commitCounts)) (c commitCounts) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	edit(&c)
	if text, err = json.Marshal(c); err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}
