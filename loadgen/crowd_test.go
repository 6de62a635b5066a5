package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"guestload/results"
)

// A tenth of the shipped crowd, as anybody would run it: 10,000 guests in programs
// without the race detector, which takes more of two cores than there is. Latencies
// are not looked at here. `make crowd` runs it alone: where several other tests want
// the cores, servers wait for Redis longer than they may.
func TestACrowdMeetsAcrossProcessesAndServers(t *testing.T) {
	program := filepath.Join(t.TempDir(), "loadgen")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "guestload/loadgen").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	const guests = 10_000
	dir := filepath.Join(t.TempDir(), "r")
	out, err := exec.CommandContext(t.Context(), program, "--scenario", "crowd", "--scale", "0.1", "--quiet", "--out", dir).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	whole, err := results.Read(dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := whole.Record
	if g := r.Guests; g.Planned != guests || g.Completed+g.Unmatched != guests || g.Unmatched > 1 {
		t.Errorf("guests %+v\n%s", g, out)
	}
	for _, v := range r.Violations {
		if v.Count > 0 {
			t.Errorf("%s: %q", v.Rule, v.Examples)
		}
	}
	if strings.Contains(strings.Join(r.Warnings, "\n"), "only one side was seen") {
		t.Errorf("guests of other processes were strangers: %q", r.Warnings)
	}
	var live int64
	for _, s := range whole.Seconds {
		live = max(live, s.Live)
	}
	said := r.Operations["delivery"].Count
	if live != guests || said < 3*(guests-1) {
		t.Errorf("at most %d guests were there at a time, %d messages arrived", live, said)
	}
	use := r.Resources
	if len(use.Servers) != 6 || use.Redis == nil {
		t.Fatalf("%d servers, Redis %+v", len(use.Servers), use.Redis)
	}
	// The goal is 16 GiB for ten times as many.
	if all := use.Server.RSSPeakMB + use.Loadgen.RSSPeakMB + use.Redis.RSSPeakMB; all > 1.6*1.074e3 {
		t.Errorf("%.0f MB of memory", all)
	}
}
