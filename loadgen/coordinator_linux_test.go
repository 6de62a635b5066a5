package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"guestload/loadgen/verify/liar"
	"guestload/loadgen/worker"
	"guestload/results"
)

// players are the processes that play for this one.
func players(t *testing.T) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that has ended
		}
		for _, field := range strings.Fields(string(b)) {
			if command, _ := os.ReadFile("/proc/" + field + "/cmdline"); strings.Contains(string(command), worker.Argument) {
				pid, err := strconv.Atoi(field)
				if err != nil {
					t.Fatal(err)
				}
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func TestARunWhoseProcessDiesIsInvalidAndEnds(t *testing.T) {
	server, err := liar.Start(liar.None)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "r")
	go func() {
		if connected(t.Context(), server.URL(), 12) {
			if pids := players(t); len(pids) == 3 {
				syscall.Kill(pids[1], syscall.SIGKILL)
			}
		}
	}()
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, stay), "--target", server.URL(), "--out", dir, "--quiet")
	r := readRecord(t, dir)
	if told := strings.Join(r.Invalid, "\n"); code < results.ExitInvalid || !strings.Contains(told, "of 3: it ended before its share was over") || !strings.Contains(told, "signal: killed") {
		t.Errorf("exit code %d: %s\n%s%s", code, told, out, errs)
	}
	if r.Guests.Planned != 12 || r.Guests.Dropped != 12 {
		t.Errorf("guests %+v", r.Guests)
	}
	if left := players(t); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}
