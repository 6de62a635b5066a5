package main

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guestload/loadgen/verify/liar"
	"guestload/loadgen/worker"
	"guestload/results"
)

// stay is a scenario that does not end by itself.
const stay = `scenario: stay
about: guests meet and stay.
seed: 4
processes: 3
phases:
  - {name: meet, guests: 12, within: 300ms}
guests:
  - script: stayer
    steps: [create, connect, {search: {within: 5s}}, {idle: {for: 10m}}, drop]
thresholds:
  - violations == 0
`

func TestProcessesPlayOneRun(t *testing.T) {
	t.Parallel()
	file := scenarioFile(t, strings.Replace(pair, "guests: 6, within: 300ms", "guests: 61, within: 900ms", 1))
	for _, args := range [][]string{{"--processes", "2"}, {"--processes", "3", "--instances", "2", "--transport", "socketio"}, {"--processes", "1"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "r")
			code, out, errs := invoke(t.Context(), append(args, "--scenario", file, "--out", dir)...)
			whole, err := results.Read(dir)
			if err != nil {
				t.Fatalf("%q: %v\n%s%s", args, err, out, errs)
			}
			r := whole.Record
			g := r.Guests
			if g.Planned != 63 || g.Completed+g.Unmatched != 63 || g.Unmatched > 1 || code != r.Outcome.ExitCode() {
				t.Errorf("%q: exit code %d, %+v\n%s%s", args, code, g, out, errs)
			}
			for _, v := range r.Violations {
				if v.Count > 0 {
					t.Errorf("%q: %s: %q", args, v.Rule, v.Examples)
				}
			}
			if n := r.Operations["create"].Count; n != 61 {
				t.Errorf("%q: %d creations recorded, want 61: the warm-up is in no figure", args, n)
			}
			var arrived, done int64
			for _, s := range whole.Seconds {
				arrived, done = arrived+s.Arrived, done+s.Done
			}
			if arrived != 63 || done != 63 {
				t.Errorf("%q: in its seconds %d guests arrived and %d were done", args, arrived, done)
			}
			if strings.Contains(strings.Join(r.Warnings, "\n"), "only one side was seen") || r.Part != nil {
				t.Errorf("%q: part %v, warnings %q", args, r.Part, r.Warnings)
			}
		})
	}
}

// connected waits until so many sockets are there, and says whether they came.
func connected(ctx context.Context, url string, sockets int) bool {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		var answer struct {
			Data struct{ ConnectedSockets int }
		}
		if resp, err := http.Get(url + "/api/socket/stats"); err == nil {
			err = json.NewDecoder(resp.Body).Decode(&answer)
			resp.Body.Close()
			if err == nil && answer.Data.ConnectedSockets >= sockets {
				return true
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return false
		}
	}
}

func TestAnInterruptEndsAllProcesses(t *testing.T) {
	t.Parallel()
	server, err := liar.Start(liar.None)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		connected(t.Context(), server.URL(), 12)
		interrupt()
	}()
	dir := filepath.Join(t.TempDir(), "r")
	code, out, errs := invoke(ctx, "--scenario", scenarioFile(t, stay), "--target", server.URL(), "--out", dir, "--quiet")
	r := readRecord(t, dir)
	if !r.Interrupted || code != results.ExitInvalid || r.Guests.Planned != 12 || r.Guests.Dropped != 12 {
		t.Errorf("exit code %d, %+v\n%s%s", code, r.Guests, out, errs)
	}
}

func TestSeveralProcessesAreRehearsedAndChecked(t *testing.T) {
	file := scenarioFile(t, stay)
	for _, args := range [][]string{{"--check", file}, {"--scenario", file, "--dry-run"}} {
		if code, out, errs := invoke(t.Context(), args...); code != results.ExitPassed || !strings.Contains(out, "3 processes that play") {
			t.Errorf("%q: exit code %d: %s%s", args, code, out, errs)
		}
	}
}

func TestProcessesThatCannotPlayTogether(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--scenario", "smoke", "--processes", "0"}, "from 1 to 64"},
		{[]string{"--scenario", "smoke", "--processes", "2000"}, "from 1 to 64"},
		{[]string{"--scenario", "capacity", "--processes", "2"}, "played by one process"},
		{[]string{"--scenario", "redis-outage", "--processes", "2"}, "played by one process"},
		{[]string{"--scenario", "smoke", "--processes", "2", "--run", "a", "--share", "1/2", "--target", "http://127.0.0.1:1"}, "--processes and --share"},
	} {
		code, out, errs := invoke(t.Context(), tt.args...)
		if code != results.ExitUsage || !strings.Contains(errs, tt.want) || out != "" {
			t.Errorf("%q: exit code %d, %s", tt.args, code, errs)
		}
	}
	code, _, errs := invoke(t.Context(), worker.Argument)
	if code != results.ExitCouldNotRun || !strings.Contains(errs, "read what to play") {
		t.Errorf("a share of nothing: exit code %d, %s", code, errs)
	}
}
