package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"guestload/bench/ab/abtest"
	"guestload/bench/trial"
	"guestload/server/cli"
)

// someRepository is one of a module with these benchmarks, and a policy that gates one.
func someRepository(t *testing.T, benchmarks string) string {
	t.Helper()
	return abtest.Repository(t, map[string]string{
		"bench/x_test.go": benchmarks,
		"policy.yaml":     "metrics: [{name: Some, unit: ns/op, tolerance: 0.02, reason: tested}]\n",
	})
}

// nothingIn fails where a folder has anything.
func nothingIn(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// hangs tells its process and then takes for ever.
const hangs = `package bench

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func BenchmarkSome(b *testing.B) {
	f, err := os.OpenFile(os.Getenv("TELL"), os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprint(f, os.Getpid())
	f.Close()
	for b.Loop() {
		time.Sleep(time.Hour)
	}
}
`

func TestSignalsLeaveNothingBehind(t *testing.T) {
	program := filepath.Join(t.TempDir(), "bench")
	abtest.Shell(t, ".", "go", "build", "-o", program, ".")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			dir, temp, pipe := someRepository(t, hangs), t.TempDir(), filepath.Join(t.TempDir(), "tell")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			cmd := exec.CommandContext(t.Context(), program, "gate", "--base", "HEAD", "--policy", "policy.yaml")
			cmd.Dir, cmd.Stderr = dir, &said
			cmd.Env = append(os.Environ(), "TMPDIR="+temp, "TELL="+pipe)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			told, err := os.ReadFile(pipe) // waits for the benchmark
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(string(told))
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // the code tells
			if code := cmd.ProcessState.ExitCode(); code != cli.ExitCouldNotRun || !strings.Contains(said.String(), "interrupted") {
				t.Errorf("exit %d: %s", code, said.String())
			}
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("the benchmark goes on: %v", err)
			}
			nothingIn(t, temp)
		})
	}
}

const runs = `package bench

import "testing"

func BenchmarkSome(b *testing.B) {
	for b.Loop() {
	}
}
`

// What cannot be measured ends with a clear word, the right code, and no file
// left. Files that git does not know yet belong to the working tree.
func TestWhatCannotBeMeasuredIsTold(t *testing.T) {
	for _, c := range []struct {
		name       string
		base, head string // benchmarks
		args       string
		code       int
		says       string
	}{
		{"base does not build", "package bench\n\nvar x = nonsense\n", runs, "", cli.ExitCouldNotRun, "undefined: nonsense"},
		{"base has no such benchmark", strings.ReplaceAll(runs, "Some", "Other"), runs, "", cli.ExitCouldNotRun, "nothing to judge"},
		{"head does not build", runs, strings.ReplaceAll(runs, "for b.Loop", "for fresh(b.Loop"), "", cli.ExitCouldNotRun, "does not build"},
		{"too short", runs, runs, "--budget 1ns", trial.ExitInconclusive, "was not measured"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, temp := someRepository(t, c.base), t.TempDir()
			abtest.Write(t, dir, map[string]string{"bench/x_test.go": c.head, "bench/untracked_test.go": "package bench\n\nconst untracked = true\n"})
			t.Chdir(dir)
			t.Setenv("TMPDIR", temp)
			var stdout, stderr bytes.Buffer
			args := append(strings.Fields("gate --base HEAD --policy policy.yaml"), strings.Fields(c.args)...)
			if code := run(t.Context(), args, &stdout, &stderr); code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			if all := stdout.String() + stderr.String(); !strings.Contains(all, c.says) {
				t.Errorf("says %q, want %q in it", all, c.says)
			}
			nothingIn(t, temp)
		})
	}
	t.Run("no room for temporary files", func(t *testing.T) {
		dir := someRepository(t, runs)
		t.Chdir(dir)
		t.Setenv("TMPDIR", filepath.Join(dir, "go.mod"))
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), strings.Fields("gate --base HEAD --policy policy.yaml"), &stdout, &stderr)
		if code != cli.ExitCouldNotRun || !strings.Contains(stderr.String(), "make a temporary folder") {
			t.Errorf("exit %d: %s", code, stderr.String())
		}
	})
}

const works = `package bench

import "testing"

var sink uint64

func churn(n int) {
	x := sink
	for i := range n {
		x = x*6364136223846793005 + uint64(i)
	}
	sink = x
}

func BenchmarkSome(b *testing.B) {
	for b.Loop() {
		churn(20_000)
	}
}
`

// Counts decide whatever else the machine does, and name the function that became dearer.
func TestCountsDecideTheGate(t *testing.T) {
	for _, c := range []struct {
		name, base, head string
		code             int
		says             []string
	}{
		{"same", works, works, cli.ExitOK, []string{"Pass: every gated metric is within its tolerance", "decided by counts", "| Some instructions |"}},
		{"1.5 % more", works, strings.ReplaceAll(works, "20_000", "20_300"), trial.ExitRegressed, []string{"Regressed", "decided by counts", "Some instructions: worse by more than 0.5 %", "| Some | `guestload/bench."}},
		{"base panics", strings.ReplaceAll(works, "churn(20_000)", "panic(0)"), works, cli.ExitCouldNotRun, []string{"counts of Some are left out", "nothing to judge"}},
		{"head panics", works, strings.ReplaceAll(works, "churn(20_000)", `panic("broken")`), trial.ExitInconclusive, []string{"Invalid", "broken"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := someRepository(t, c.base)
			abtest.Write(t, dir, map[string]string{
				"bench/x_test.go": c.head,
				"policy.yaml":     "counts: [{name: Some instructions, unit: instructions/op, operations: 2000, spread: 0.001, tolerance: 0.005, reason: tested}]\n",
			})
			t.Chdir(dir)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields("gate --base HEAD --policy policy.yaml --markdown"), &stdout, &stderr)
			all := stdout.String() + stderr.String()
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			for _, want := range c.says {
				if !strings.Contains(all, want) {
					t.Errorf("no %q in\n%s", want, all)
				}
			}
		})
	}
}

// Without an emulator the gate says so, and CPU time decides.
func TestWithoutAnEmulatorCPUTimeDecides(t *testing.T) {
	dir := someRepository(t, works)
	abtest.Write(t, dir, map[string]string{"policy.yaml": "counts: [{name: Some instructions, unit: instructions/op, operations: 2000, spread: 0.001, tolerance: 0.005, reason: tested}]\n" +
		"metrics: [{name: Some, unit: ns/op, tolerance: 0.5, reason: tested}]\n"})
	t.Chdir(dir)
	bin := t.TempDir()
	for _, program := range []string{"git", "go"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, program)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), strings.Fields("gate --base HEAD --policy policy.yaml --inconclusive pass --budget 5m"), &stdout, &stderr)
	if want := "instructions are not counted: qemu-x86_64 is not on PATH: install Debian's package qemu-user: CPU time alone decides"; code != cli.ExitOK || !strings.Contains(stdout.String(), want) || strings.Contains(stdout.String(), "Some instructions") {
		t.Errorf("exit %d: %s%s", code, stdout.String(), stderr.String())
	}
}
