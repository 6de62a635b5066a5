package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"guestload/results"
)

// halfMinute is a scenario that an interrupt or a kill meets in its middle.
var halfMinute = strings.Replace(pair, "guests: 6, within: 300ms", "guests: 60, within: 30s", 1)

// start starts the program as a process of its own, which the test ends.
func start(t *testing.T, stdout, stderr *os.File, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, append([]string{playAsLoadgen}, args...)...)
	if stdout != nil {
		cmd.Stdout = stdout
	}
	if stderr != nil {
		cmd.Stderr = stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd
}

// appended is how many seconds of a run are in its folder.
func appended(dir string) int {
	b, _ := os.ReadFile(filepath.Join(dir, results.UnfinishedFile))
	return max(0, bytes.Count(b, []byte("\n"))-1)
}

func TestAKilledRunIsReported(t *testing.T) {
	t.Parallel()
	for _, processes := range []string{"1", "2"} {
		t.Run(processes+" processes", func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "r")
			cmd := start(t, nil, nil, "--scenario", scenarioFile(t, halfMinute), "--out", dir, "--processes", processes)
			until(t, "three seconds are written", func() bool { return appended(dir) >= 3 })
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			seconds := appended(dir)
			code, out, errs := invoke(t.Context(), "report", dir)
			if code != 0 || errs != "" || !strings.Contains(out, "interrupted") || !strings.Contains(out, "it was killed") || !strings.Contains(out, "INVALID") {
				t.Errorf("exit code %d, %s\n%s", code, errs, out)
			}
			if want := fmt.Sprintf("pair  %d.0 s, seed 3, target embedded, ws, memory", seconds); !strings.HasPrefix(out, want) || !strings.Contains(out, "create") {
				t.Errorf("want %q and creations in\n%s", want, out)
			}
			if html, err := os.ReadFile(filepath.Join(dir, "report.html")); err != nil || !bytes.Contains(html, []byte("Invalid, interrupted")) || !bytes.Contains(html, []byte("about: some guests meet.")) {
				t.Errorf("the page: %v, %d bytes", err, len(html))
			}
			for _, args := range [][]string{{"compare", dir, dir}, {"merge", dir + "2", dir, dir + "3"}} {
				if code, _, errs := invoke(t.Context(), args...); code != results.ExitUsage || !strings.Contains(errs, "only loadgen report "+dir) {
					t.Errorf("%q: exit code %d, %s", args, code, errs)
				}
			}
			if code, out, errs := invoke(t.Context(), "--scenario", "smoke", "--out", dir); code != results.ExitUsage || !strings.Contains(errs, "killed") || out != "" {
				t.Errorf("a second run in its folder: exit code %d, %s%s", code, errs, out)
			}
		})
	}
}

func TestASignalEndsARunWithItsRecord(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string][]syscall.Signal{
		"Ctrl-C": {syscall.SIGINT}, "SIGTERM": {syscall.SIGTERM}, "closed terminal": {syscall.SIGHUP, syscall.SIGHUP},
		"Ctrl-C twice": {syscall.SIGINT, syscall.SIGINT}, "SIGTERM after Ctrl-C": {syscall.SIGINT, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "r")
			stdout, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
			if err != nil {
				t.Fatal(err)
			}
			defer stdout.Close()
			cmd := start(t, stdout, nil, "--scenario", scenarioFile(t, halfMinute), "--out", dir, "--quiet")
			until(t, "a second is written", func() bool { return appended(dir) >= 1 })
			for _, s := range signals {
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			cmd.Wait()
			r := readRecord(t, dir)
			if code := cmd.ProcessState.ExitCode(); code != results.ExitInvalid || !r.Interrupted || r.Guests.Dropped == 0 {
				t.Errorf("%v, %+v", cmd.ProcessState, r)
			}
			if out, err := os.ReadFile(stdout.Name()); err != nil || !bytes.Contains(out, []byte("INVALID  interrupted")) {
				t.Errorf("%v, printed %s", err, out)
			}
		})
	}
}

// A limit on the size of files gives a signal as well as an error.
func TestALimitOnFilesLosesNoResult(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "r")
	cmd := exec.Command("sh", "-c", `ulimit -f 64; exec "$@"`, "sh", exe, playAsLoadgen, "--scenario", scenarioFile(t, pair), "--out", dir, "--quiet")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() == results.ExitPassed || !bytes.Contains(out, []byte("8 completed")) || !bytes.Contains(out, []byte("report.html: file too large")) {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := results.Read(dir); err != nil {
		t.Errorf("the files that are small enough: %v", err)
	}
}

func TestAnOutputThatIsGoneOrStoppedLosesNoResult(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{true, false} {
		t.Run(map[bool]string{true: "gone", false: "stopped"}[gone], func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if gone {
				r.Close()
			} else {
				defer r.Close()
				fill(t, w)
			}
			dir := filepath.Join(t.TempDir(), "r")
			cmd := start(t, w, w, "--scenario", scenarioFile(t, pair), "--out", dir)
			until(t, "the record is whole", func() bool {
				_, page := os.Stat(filepath.Join(dir, "report.html"))
				_, err := results.Read(dir)
				return page == nil && err == nil
			})
			if !gone { // it waits for somebody to read, or not to
				if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
			}
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code < results.ExitCouldNotRun || code == results.ExitUsage {
				t.Errorf("%v, although the report was not read", cmd.ProcessState)
			}
		})
	}
}

// fill writes until a pipe takes no more.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	if err := w.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := w.Write(make([]byte, 4096)); err != nil {
			return
		}
	}
}
