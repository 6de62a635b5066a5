package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"guestload/results"
)

// children are the processes that another has started and whose command line has this.
func children(pid int, command string) (pids []int) {
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that has ended
		}
		for _, field := range strings.Fields(string(b)) {
			line, _ := os.ReadFile("/proc/" + field + "/cmdline")
			if child, err := strconv.Atoi(field); err == nil && bytes.Contains(line, []byte(command)) {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// staying is a scenario whose guests stay.
const staying = `scenario: staying
about: guests stay.
phases: [{guests: 40, within: 20s}]
guests:
  - script: stayer
    steps: [create, connect, {idle: {for: 20s}}, drop]
`

// A server or Redis of the run that hangs is killed: nothing of it is left, and the
// program ends in time.
func TestAnInterruptEndsServersThatHang(t *testing.T) {
	for name, tt := range map[string]struct {
		command string // of the process that hangs
		args    []string
	}{
		"server":             {serveEmbedded, nil},
		"one of two servers": {serveEmbedded, []string{"--instances", "2"}},
		"redis":              {"redis-server", []string{"--instances", "2"}},
	} {
		for _, signals := range [][]os.Signal{{syscall.SIGINT}, {syscall.SIGINT, syscall.SIGINT}} {
			t.Run(name+", "+results.FormatCounted(len(signals), "interrupt"), func(t *testing.T) {
				var started []int
				end := interrupted(t, append([]string{"--scenario", scenarioFile(t, staying), "--quiet"}, tt.args...), func(pid int, dir string) {
					until(t, "guests arrive", func() bool { return appended(dir) > 0 })
					started = append(children(pid, serveEmbedded), children(pid, "redis-server")...)
					if err := syscall.Kill(children(pid, tt.command)[0], syscall.SIGSTOP); err != nil {
						t.Fatal(err)
					}
				}, signals...)
				if !end.hasRecord || !end.record.Interrupted {
					t.Errorf("%+v", end)
				}
				for _, pid := range started {
					if alive(pid) {
						t.Errorf("process %d of %v is left", pid, started)
					}
				}
			})
		}
	}
}

// An interrupt while servers start, or before, ends the program too, and leaves no process
// and no record.
func TestAnInterruptEndsTheStart(t *testing.T) {
	for name, started := range map[string]struct{ servers, redis int }{
		"before the first server": {0, 0}, "while Redis starts": {0, 1}, "at the first server": {1, 1}, "between two servers": {2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var pids []int
			end := interrupted(t, []string{"--scenario", scenarioFile(t, staying), "--quiet", "--instances", "6"}, func(pid int, dir string) {
				until(t, "the program has claimed its folder", func() bool {
					_, err := os.Stat(dir)
					return err == nil
				})
				for len(children(pid, "redis-server")) < started.redis || len(children(pid, serveEmbedded)) < started.servers {
					if !alive(pid) {
						t.Fatal("the program has ended")
					}
				}
				pids = append(children(pid, serveEmbedded), children(pid, "redis-server")...)
			}, syscall.SIGINT)
			if !strings.Contains(end.stderr, "interrupted before the first guest") || end.stdout != "" || end.hasRecord {
				t.Errorf("%+v", end)
			}
			for _, pid := range pids {
				if alive(pid) {
					t.Errorf("process %d of %v is left", pid, pids)
				}
			}
		})
	}
}
