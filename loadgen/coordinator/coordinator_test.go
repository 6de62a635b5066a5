package coordinator

import (
	"context"
	"encoding/gob"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"guestload/loadgen/limits"
	"guestload/loadgen/run"
	"guestload/loadgen/target"
	"guestload/loadgen/verify/liar"
	"guestload/loadgen/worker"
	"guestload/results"
	"guestload/scenarios"
	"guestload/scenarios/rule"
)

// TestMain lets the test's binary be a worker with a fault.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == worker.Argument {
		os.Exit(work(os.Args[2]))
	}
	os.Exit(m.Run())
}

// Faults of a worker.
const (
	garbage    = "garbage"     // it writes what is no message, in the second second
	latecomer  = "latecomer"   // it says that it was ten minutes late
	wrongClock = "wrong-clock" // the record of the second share begins an hour later
)

// work is a real worker whose messages are altered as the fault says.
func work(fault string) int {
	in, out := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- worker.Run(context.Background(), os.Stdin, out, os.Stderr)
		out.Close()
	}()
	from, to := gob.NewDecoder(in), gob.NewEncoder(os.Stdout)
	for {
		var m worker.Message
		if from.Decode(&m) != nil {
			return <-code
		}
		switch {
		case fault == garbage && len(m.Seconds) > 0 && m.Seconds[0].Second > 0:
			os.Stdout.WriteString("\x05panic: this is no message\n" + strings.Repeat("\xff", 1<<16))
		case fault == latecomer:
			m.Lag = 10 * time.Minute
		case fault == wrongClock && m.End != nil && m.End.Record.Part.Share == 2:
			m.End.Record.Started = m.End.Record.Started.Add(time.Hour)
		}
		if to.Encode(m) != nil {
			return 1
		}
	}
}

// play plays a scenario against a lying server in two workers with a fault.
func play(t *testing.T, lie liar.Lie, fault string) results.Record {
	t.Helper()
	const text = `scenario: pair
about: two meet, talk and leave.
processes: 2
phases: [{guests: 4, within: 100ms}]
guests:
  - script: leaver
    steps: [create, connect, {search: {within: 5s}}, {idle: {for: 1500ms}}, drop]
  - script: stayer
    steps: [create, connect, {search: {within: 5s}}, {idle: {for: 5s}}, drop]
`
	s, err := scenarios.Parse("pair.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	server, err := liar.Start(lie)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	journal, err := results.Claim(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	machine, err := limits.Measure(4, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := run.Config{Target: target.Config{URL: server.URL()}, Machine: machine, Fewer: func(float64, float64) string { return "" }}
	p, err := Run(t.Context(), c, run.NoDisplay(), []string{os.Args[0], worker.Argument, fault}, s, journal)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range journal.Finish(p.Run) {
		t.Error(err)
	}
	r, err := results.Read(journal.Dir())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, invalid %q, warnings %q", r.Record.Outcome, r.Record.Invalid, r.Record.Warnings)
	return r.Record
}

// The limits of the process that judges are stretched by the lateness of those that play.
func TestALateWorkerStretchesTheLimits(t *testing.T) {
	for fault, want := range map[string]bool{"": true, latecomer: false} {
		t.Run("fault="+fault, func(t *testing.T) {
			t.Parallel()
			r := play(t, liar.ForgetRelease, fault)
			told := strings.Contains(strings.Join(r.Warnings, "\n"), "not judged; those that passed: "+string(rule.Release)) // a busy machine is late by itself
			for _, v := range r.Violations {
				if v.Rule == string(rule.Release) && (v.Count > 0 || told) != want {
					t.Errorf("release violated %d times, not judged %v; want %v", v.Count, told, want)
				}
			}
		})
	}
}

// A worker that writes garbage is killed, and so is the run; what was measured until then stays.
func TestGarbageOfAWorkerEndsTheRun(t *testing.T) {
	r := play(t, liar.None, garbage)
	if text := strings.Join(r.Invalid, "\n"); r.Outcome != results.Invalid || !strings.Contains(text, "it sent what cannot be understood") {
		t.Errorf("%s: %s", r.Outcome, text)
	}
	if n := r.Operations["create"].Count; n != 4 {
		t.Errorf("%d creations, want 4", n)
	}
}

// Records that cannot be merged make the run invalid. It is not lost.
func TestARunWhoseSharesCannotBeMergedIsNotLost(t *testing.T) {
	r := play(t, liar.None, wrongClock)
	if text := strings.Join(r.Invalid, "\n"); r.Outcome != results.Invalid || !strings.Contains(text, "cannot be merged: merge run records: part 2 of 2 of run pair began 3600 s after part 1 of 2") {
		t.Errorf("%s: %s", r.Outcome, text)
	}
	if g := r.Guests; g.Planned != 4 || g.Completed+g.Unmatched != 4 || r.Operations["create"].Count != 4 {
		t.Errorf("%+v, %d creations; want 4", g, r.Operations["create"].Count)
	}
}
