package count

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"guestload/bench/ab"
	"guestload/bench/ab/abtest"
)

const benchmarks = `package main

import (
	"os"
	"testing"
)

var sink uint64

func work(n int) {
	x := sink
	for i := range n {
		x = x*6364136223846793005 + uint64(i)
	}
	sink = x
}

func BenchmarkWork(b *testing.B) {
	for b.Loop() {
		work(WORK)
	}
}

func BenchmarkWrite(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for range WRITES {
			null.Write([]byte("x"))
		}
	}
}

func BenchmarkPanic(b *testing.B) { panic("at the disco") }

// BenchmarkForever spins: the runtime ends a program in which nothing can ever run again.
func BenchmarkForever(b *testing.B) {
	for {
		work(1)
	}
}
`

// build builds a module with the benchmarks above, with so much work and so many writes.
func build(t *testing.T, work, writes int, more string) *ab.Build {
	t.Helper()
	source := strings.NewReplacer("WORK", fmt.Sprint(work), "WRITES", fmt.Sprint(writes)).Replace(benchmarks) + more
	dir := abtest.Repository(t, map[string]string{"bench/x_test.go": source})
	w, err := ab.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	tree, err := w.Export(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.Build(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func emulator(t *testing.T) *Emulator {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a, b=c") // as a temporary folder may be called
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	e, err := Find(t.Context(), dir)
	if err != nil {
		t.Fatalf("%v (make tools installs what the tests run)", err)
	}
	return e
}

func TestCountsSeeSmallDifferencesAndNothingElse(t *testing.T) {
	e := emulator(t)
	const more = "\nfunc BenchmarkNew(b *testing.B) {\n\tfor b.Loop() {\n\t}\n}\n"
	base, head := build(t, 10_000, 4, ""), build(t, 10_100, 5, more)
	again := build(t, 10_000, 4, "")
	identical(t, base, again)
	if key, err := e.Key(base); err != nil || key != runtime.Version()+" linux/amd64 qemu "+e.Version+" cpu max" || e.Version == "" {
		t.Errorf("key %q, %v", key, err)
	}
	change := func(builds [2]*ab.Build, name, unit string) float64 {
		t.Helper()
		p, err := e.Pair(t.Context(), builds, name, 3000)
		if err != nil {
			t.Fatal(err)
		}
		b, h := p.Runs[ab.Base][unit], p.Runs[ab.Head][unit]
		t.Logf("%s: %v and %v %s", name, b, h, unit)
		return h/b - 1
	}
	same, other := [2]*ab.Build{base, again}, [2]*ab.Build{base, head}
	if c := change(same, "Work", "instructions/op"); math.Abs(c) > 0.003 {
		t.Errorf("the same source built twice differs by %.3f %%", 100*c)
	}
	if c := change(other, "Work", "instructions/op"); math.Abs(c-0.01) > 0.003 {
		t.Errorf("1 %% more work is %.3f %%", 100*c)
	}
	if c := change(other, "Write", "write/op"); math.Abs(c-0.25) > 0.001 {
		t.Errorf("a fifth write is %.2f %% more", 100*c)
	}
	if c := change(other, "Write", "syscalls/op"); math.Abs(c-0.25) > 0.05 { // some are made by the clock
		t.Errorf("a fifth write is %.2f %% more system calls", 100*c)
	}
	changed, err := e.Functions(t.Context(), other, "Work", 2000, 3)
	if err != nil || len(changed) == 0 || !strings.HasSuffix(changed[0].Name, "BenchmarkWork") && !strings.HasSuffix(changed[0].Name, ".work") {
		t.Errorf("what changed most is %+v, %v", changed, err)
	}
	if _, err := e.Pair(t.Context(), other, "New", 100); !errors.Is(err, ab.ErrLeftOut) {
		t.Errorf("a benchmark that the base lacks: %v", err)
	}
	for _, name := range []string{"Nothing", "Work/below"} {
		if _, err := e.Pair(t.Context(), other, name, 100); !errors.Is(err, ab.ErrNoBenchmark) {
			t.Errorf("%s, which nobody has: %v", name, err)
		}
	}
	if _, err := e.Pair(t.Context(), other, "Panic", 100); !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "at the disco") {
		t.Errorf("a benchmark that panics: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	if _, err := e.Pair(ctx, other, "Forever", 100); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt: %v", err)
	}
	if _, err := e.Pair(ctx, other, "Work", 100); !errors.Is(err, context.Canceled) || errors.Is(err, ab.ErrNoBenchmark) {
		t.Errorf("an interrupt before the benchmarks are listed: %v", err)
	}
	e.Timeout = time.Second
	if _, err := e.Pair(t.Context(), other, "Forever", 100); !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "1s") {
		t.Errorf("a benchmark that never ends: %v", err)
	}
}

// identical checks that two builds of the same source, in different folders, are the same.
func identical(t *testing.T, a, b *ab.Build) {
	t.Helper()
	var programs [2][]byte
	for i, build := range []*ab.Build{a, b} {
		var err error
		if programs[i], err = os.ReadFile(build.Benchmarks); err != nil {
			t.Fatal(err)
		}
	}
	if a.Benchmarks == b.Benchmarks || !bytes.Equal(programs[0], programs[1]) {
		t.Errorf("%s and %s differ", a.Benchmarks, b.Benchmarks)
	}
}

func TestWhatIsMissingForCountingIsNamed(t *testing.T) {
	real, err := exec.LookPath("gcc")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		programs map[string]string
		says     string
	}{
		"no emulator":           {nil, "install Debian's package qemu-user"},
		"no compiler":           {map[string]string{"qemu-x86_64": "echo qemu-x86_64 version 7.2.22"}, "gcc is not on PATH"},
		"a compiler that fails": {map[string]string{"qemu-x86_64": "echo qemu-x86_64 version 7.2.22", "gcc": "echo no space left >&2; exit 1"}, "gcc cannot compile the counter: exit status 1: no space left"},
		"something else":        {map[string]string{"qemu-x86_64": "echo hello", "gcc": "exec " + real + ` "$@"`}, `--version says "hello"`},
		"an unknown version":    {map[string]string{"qemu-x86_64": `case $1 in --version) echo qemu-x86_64 version 99.1;; *) echo plugin: API version 9 needed >&2; exit 1;; esac`, "gcc": ":"}, "qemu 99.1 does not run the counter"},
		"a plugin ignored":      {map[string]string{"qemu-x86_64": `case $1 in --version) echo qemu-x86_64 version 99.1;; esac`, "gcc": ":"}, "the counter wrote nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			for program, script := range c.programs {
				if err := os.WriteFile(filepath.Join(bin, program), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("/bin/true", filepath.Join(bin, "true")); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", bin)
			if _, err := Find(t.Context(), t.TempDir()); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q in it", err, c.says)
			}
		})
	}
}
