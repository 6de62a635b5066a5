//go:build unix

package truth

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"guestload/results"
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

// A generator that does not get the CPU that it needs says so, whatever it
// measured, and however little its thresholds ask for.
func TestAStarvedGeneratorIsInvalid(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plan  plan
		crowd int // processes that want a core, for each core
	}{
		// Stopped for a second of three: a third of the guests come late.
		{"stopped", plan{rate: 200, seconds: 3, during: func(g *os.Process) {
			<-time.After(time.Second)
			g.Signal(syscall.SIGSTOP)
			<-time.After(time.Second)
			g.Signal(syscall.SIGCONT)
		}}, 0},
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
