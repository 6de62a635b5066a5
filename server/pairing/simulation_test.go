package pairing

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	simulateFor = flag.Duration("pairing.time", 0, "CPU time that the simulation takes with fresh seeds, after the known ones")
	simulate    = flag.Uint64("pairing.seed", 0, "simulate this seed alone, and print its history; 0: fresh ones")
)

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// search plays plans from a seed on until a rule is broken or the CPU time is spent.
func search(seed uint64, f flaw, spend time.Duration) (broken *plan, rule string, runs, steps, got int, spent time.Duration) {
	began := cpu()
	for ; ; seed++ {
		p := randomPlan(seed)
		w := p.play(f, nil)
		runs++
		steps += w.steps
		got += w.got
		spent = cpu() - began
		if w.failure != "" && (f == none || p.play(none, nil).failure == "") {
			return p, w.failure, runs, steps, got, spent
		}
		if spent >= spend {
			return nil, "", runs, steps, got, spent
		}
	}
}

func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// report prints how to see a failure again, and its history as short as it gets.
func report(t *testing.T, p *plan, f flaw, rule string) {
	t.Helper()
	deadline := time.Now().Add(12 * time.Second)
	small := p.shrink(f, rule, func() bool { return time.Now().After(deadline) })
	var history bytes.Buffer
	small.play(f, &history)
	text := history.String()
	if len(text) > 60_000 {
		text = text[:2000] + "\n…\n" + text[len(text)-58_000:]
	}
	t.Errorf("%s\nseed %d, commit %s: go test ./server/pairing -run TestSimulation -pairing.seed %d\nshrunk from %d to %d acts:\n%s\n%s",
		rule, p.seed, commit(), p.seed, len(p.acts), len(small.acts), small, text)
}

// known seeds are played by every run of the tests.
const known = 200

func TestSimulation(t *testing.T) {
	if *simulate != 0 {
		p := randomPlan(*simulate)
		if w := p.play(none, nil); w.failure != "" {
			report(t, p, none, w.failure)
		}
		p.play(none, os.Stderr)
		return
	}
	for seed := range uint64(known) {
		p := randomPlan(seed + 1)
		if w := p.play(none, nil); w.failure != "" {
			report(t, p, none, w.failure)
			if t.Failed() {
				return
			}
		}
	}
	if *simulateFor == 0 {
		return
	}
	seed := uint64(time.Now().UnixNano()) >> 10
	p, rule, runs, steps, got, spent := search(seed, none, *simulateFor)
	fmt.Printf("simulation: seeds %d to %d, %d steps, %d messages, %.0f steps/s of CPU\n",
		seed, seed+uint64(runs)-1, steps, got, float64(steps)/spent.Seconds())
	if p != nil {
		report(t, p, none, rule)
	}
}

func TestSameSeedIsSameHistory(t *testing.T) {
	for seed := range uint64(5) {
		var a, b bytes.Buffer
		randomPlan(seed).play(none, &a)
		randomPlan(seed).play(none, &b)
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("seed %d has two histories", seed)
		}
	}
}
