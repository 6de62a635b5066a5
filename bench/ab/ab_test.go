package ab

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"guestload/bench/ab/abtest"
)

func open(t *testing.T, dir string) *Workshop {
	t.Helper()
	worktrees := func() string { return abtest.Shell(t, dir, "git", "worktree", "list", "--porcelain") }
	before := strings.Count(worktrees(), "worktree ")
	w, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(w.Dir()); err == nil {
			t.Error("the workshop's folder is still there")
		}
		if after := strings.Count(worktrees(), "worktree "); after != before {
			t.Errorf("git knows of %d worktrees, %d before", after, before)
		}
	})
	return w
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestExportsAreWhatWasAskedFor(t *testing.T) {
	dir := abtest.Repository(t, map[string]string{"kept.txt": "old", "gone.txt": "old", "folder/script.sh": "echo"})
	if err := os.Chmod(filepath.Join(dir, "folder/script.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	abtest.Commit(t, dir, nil)
	abtest.Write(t, dir, map[string]string{"kept.txt": "new", "ignored.txt": "secret", "folder/fresh.txt": "new"})
	if err := os.Remove(filepath.Join(dir, "gone.txt")); err != nil {
		t.Fatal(err)
	}
	w := open(t, filepath.Join(dir, "folder"))
	for _, c := range []struct {
		ref, name string
		files     map[string]string
	}{
		{"HEAD", "HEAD", map[string]string{"kept.txt": "old", "gone.txt": "old", "folder/fresh.txt": "none", "ignored.txt": "none"}},
		{"", WorkingTree, map[string]string{"kept.txt": "new", "gone.txt": "none", "folder/fresh.txt": "new", "ignored.txt": "none"}},
	} {
		tree, err := w.Export(t.Context(), c.ref)
		if err != nil {
			t.Fatal(err)
		}
		if tree.Name != c.name || strings.HasSuffix(tree.Commit, "+changes") != (c.ref == "") {
			t.Errorf("%q is called %s", c.ref, tree)
		}
		for name, want := range c.files {
			if got := read(t, filepath.Join(tree.Dir, name)); got != want {
				t.Errorf("%s of %s is %q, want %q", name, tree, got, want)
			}
		}
		if info, err := os.Stat(filepath.Join(tree.Dir, "folder/script.sh")); err != nil || info.Mode()&0o100 == 0 {
			t.Errorf("the script of %s cannot be run: %v, %v", tree, info, err)
		}
	}
}

func TestUnknownRevisionsAreNamed(t *testing.T) {
	w := open(t, abtest.Repository(t, nil))
	for _, ref := range []string{"nowhere", "--help", "HEAD^{tree}"} {
		if _, err := w.Export(t.Context(), ref); err == nil || !strings.Contains(err.Error(), ref) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

const benchmarks = `package main

import "testing"

var sink int

func BenchmarkLoop(b *testing.B) {
	for b.Loop() {
		for range 100 {
			sink++
		}
	}
}

func BenchmarkSub(b *testing.B) {
	for _, name := range []string{"one", "two"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				sink++
			}
		})
	}
}
`

func TestPairsRunBothSidesInRandomOrder(t *testing.T) {
	dir := abtest.Repository(t, map[string]string{"bench/x_test.go": benchmarks})
	abtest.Write(t, dir, map[string]string{"bench/x_test.go": strings.ReplaceAll(benchmarks, `"two"`, `"two", "three"`)})
	w := open(t, dir)
	m := Micro{Effort: Effort{Time: time.Millisecond, Slices: 3}, Random: rand.New(rand.NewPCG(1, 2))}
	for i, ref := range []string{"HEAD", ""} {
		tree, err := w.Export(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if m.Builds[i], err = w.Build(t.Context(), tree); err != nil {
			t.Fatal(err)
		}
		if got := m.Builds[i].Missing; len(got) != 2 {
			t.Errorf("%s lacks %q, want server and loadgen", tree, got)
		}
	}
	names, err := m.Builds[Head].List(t.Context())
	if err != nil || len(names) != 2 || names[0] != "Loop" || names[1] != "Sub" {
		t.Fatalf("benchmarks %q, %v", names, err)
	}
	var all []Pair
	first := map[Side]int{}
	for range 8 {
		got, err := m.Pair(t.Context(), "Loop")
		if err != nil {
			t.Fatal(err)
		}
		first[got[0].First]++
		all = append(all, got...)
	}
	if first[Base] == 0 || first[Head] == 0 {
		t.Errorf("first was %v, want either at some time", first)
	}
	for _, p := range all {
		if p.Name != "Loop" || p.Runs[Base]["ns/op"] <= 0 || p.Runs[Head]["ns/op"] <= 0 {
			t.Errorf("pair %+v", p)
		}
	}
	if got, err := m.Pair(t.Context(), "Sub"); err != nil || len(got) != 2 || got[1].Name != "Sub/two" {
		t.Errorf("those that both have: %+v, %v", got, err)
	}
	if _, err := m.Pair(t.Context(), "Sub/three"); !errors.Is(err, ErrLeftOut) {
		t.Errorf("one that base lacks: %v", err)
	}
	if _, err := m.Pair(t.Context(), "Nothing"); !errors.Is(err, ErrNoBenchmark) {
		t.Errorf("one that nobody has: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Pair(ctx, "Loop"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	readable(t, all)
}

// readable checks that the Go benchmark format comes out.
func readable(t *testing.T, all []Pair) {
	t.Helper()
	var text bytes.Buffer
	if err := Write(&text, Head, "abc", all); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r := benchfmt.NewReader(&text, "head.txt"); r.Scan(); {
		switch record := r.Result().(type) {
		case *benchfmt.Result:
			if n++; string(record.Name) != "Loop" || len(record.Values) == 0 {
				t.Errorf("record %+v", record)
			}
		case *benchfmt.SyntaxError:
			t.Error(record)
		}
	}
	if n != len(all) {
		t.Errorf("%d records of %d pairs", n, len(all))
	}
}

func TestWhatDoesNotBuildIsToldWithTheCompilersWords(t *testing.T) {
	w := open(t, abtest.Repository(t, map[string]string{"server/main.go": "package main\n\nfunc main() { nonsense() }\n"}))
	tree, err := w.Export(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Build(t.Context(), tree); !errors.Is(err, ErrBuild) || !strings.Contains(err.Error(), "undefined: nonsense") {
		t.Errorf("got %v", err)
	}
}

func TestAnOldBaseBuildsWithoutBenchmarks(t *testing.T) {
	w := open(t, abtest.Repository(t, map[string]string{"bench/gate/gate.go": "package gate\n"}))
	tree, err := w.Export(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := w.Build(t.Context(), tree); err != nil || b.Benchmarks != "" || len(b.Missing) != 3 {
		t.Errorf("built %+v, %v", b, err)
	}
}

func TestOldBasesAreLeftOut(t *testing.T) {
	nothing := &Build{Tree: Tree{Name: "old"}}
	whole := &Build{Tree: Tree{Name: "new"}, Server: "server", Loadgen: "loadgen"}
	for _, compare := range []Of{Servers, Loadgens} {
		c := Comparison{Builds: [2]*Build{nothing, whole}, Compare: compare, Dir: t.TempDir()}
		if _, err := c.Start(t.Context()); !errors.Is(err, ErrLeftOut) {
			t.Errorf("%s: %v", compare, err)
		}
	}
	c := Comparison{Builds: [2]*Build{whole, nothing}, Compare: Servers, Dir: t.TempDir()}
	if _, err := c.Start(t.Context()); err == nil || errors.Is(err, ErrLeftOut) {
		t.Errorf("a head without a server: %v", err)
	}
	if _, err := (Micro{Builds: [2]*Build{nothing, nothing}, Random: rand.New(rand.NewPCG(1, 2))}).Pair(t.Context(), "Loop"); !errors.Is(err, ErrNoBenchmark) {
		t.Errorf("no bench: %v", err)
	}
}

func TestAMissingRedisIsTold(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	some := &Build{Tree: Tree{Name: "some"}, Server: "server", Loadgen: "loadgen"}
	c := Comparison{Builds: [2]*Build{some, some}, Compare: Servers, Redis: true, Dir: t.TempDir()}
	if _, err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "redis-server not found in PATH") {
		t.Errorf("got %v", err)
	}
}
