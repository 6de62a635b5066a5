//go:build unix

package truth

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"guestload/loadgen/verify/liar"
	"guestload/results"
	"guestload/scenarios/rule"
)

const (
	burn    = "burn-a-core"
	invalid = results.ExitInvalid
)

// burnUntilOrphaned uses a core until standard input ends.
func burnUntilOrphaned() {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	runtime.GOMAXPROCS(2)
	for n := 0; ; n++ {
	}
}

// pause stops the generator for the second of its seconds.
func pause(generator *os.Process) {
	<-time.After(time.Second)
	generator.Signal(syscall.SIGSTOP)
	<-time.After(time.Second)
	generator.Signal(syscall.SIGCONT)
}

// Where the generator was late, nobody can tell whether the server kept its time
// limits. Rules of order and of content are judged all the same.
func TestALateGeneratorJudgesNoTimeLimits(t *testing.T) {
	const text = `scenario: late
about: guests meet, talk, leave and meet again.
phases: [{guests: 24, within: 2s}]
guests:
  - script: talker
    steps: [create, connect, {search: {within: 8s}}, {chat: {messages: 2, think: 10ms}}, {next: {within: 3s}}, drop]
`
	for _, tt := range []struct {
		lie      liar.Lie
		paused   bool
		broken   rule.ID
		unjudged bool
	}{
		{liar.KeepWaiting, true, rule.MatchedInTime, true},
		{liar.ForgetRelease, true, rule.Release, true},
		{liar.KeepWaiting, false, rule.MatchedInTime, false},
		{liar.RepeatMessage, true, rule.MessageOnce, false},
		{liar.DoubleMatch, true, rule.OnePartner, false},
	} {
		t.Run(fmt.Sprintf("lie=%s,paused=%v", tt.lie, tt.paused), func(t *testing.T) {
			t.Parallel()
			server, err := liar.Start(tt.lie)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			p := plan{text: text}
			if tt.paused {
				p.during = pause
			}
			o := p.run(t, server.URL())
			violated := slices.ContainsFunc(o.record.Violations, func(v results.Violation) bool { return v.Rule == string(tt.broken) && v.Count > 0 })
			unjudged := slices.ContainsFunc(o.record.Warnings, func(w string) bool {
				return strings.Contains(w, "time limits of the contract were not judged; those that passed: ") && strings.Contains(w, string(tt.broken))
			})
			want := results.ExitViolated
			if tt.unjudged || !tt.paused && len(o.record.Invalid) > 0 { // a busy machine is late by itself
				want = results.ExitInvalid
			}
			if o.code != want || violated != (want == results.ExitViolated) || unjudged == violated {
				t.Errorf("exit code %d, want %d; %s violated: %v, not judged: %v\n%s", o.code, want, tt.broken, violated, unjudged, o.output)
			}
		})
	}
}

// A generator that does not get the CPU that it needs says so, whatever it
// measured, and however little its thresholds ask for.
func TestAStarvedGeneratorIsInvalid(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plan  plan
		crowd int // processes that want a core, for each core
	}{
		// Stopped for a second of three: a third of the guests come late.
		{"stopped", plan{rate: 200, seconds: 3, during: pause}, 0},
		// The least of priorities, among processes that take all there is.
		{"outcompeted", plan{rate: 200, seconds: 3, bound: "100ms", nice: "nice -n 19"}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.plan.spacing = "uniform"
			s := start(t, tt.plan.guests(), 0, 0)
			for range tt.crowd * runtime.NumCPU() {
				cmd := exec.Command(os.Args[0], burn)
				leash, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					leash.Close()
					cmd.Wait()
				})
			}
			o := tt.plan.run(t, s.url)
			reason := strings.Join(o.record.Invalid, "; ")
			if o.code != invalid || o.record.Outcome != results.Invalid || !strings.Contains(reason, "late at the 99th percentile") {
				t.Errorf("exit code %d, %s because %q; want %d, and that it was late\n%s", o.code, o.record.Outcome, reason, invalid, o.output)
			}
			t.Logf("exit code %d: %s", o.code, reason)
		})
	}
}
