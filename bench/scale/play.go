package scale

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"guestload/loadgen/proc"
	"guestload/results"
)

// Setup is where things are measured.
type Setup struct {
	Dir     string // for scenarios and records
	Server  string // program
	Loadgen string // program
	Self    string // program that knows HoldCommand
	played  int
	idle    time.Duration // CPU that loadgen spends when it has nearly nobody to play; 0: not known yet
}

// serve starts the reference server as it is shipped, its limits off.
func (a *Setup) serve(ctx context.Context) (*Process, error) {
	return Start(ctx, a.Server, "--listen", "127.0.0.1:0", "--limits", "off", "--log-level", "error", "--exit-with-stdin")
}

// cpu is what a process has spent so far.
func (p *Process) cpu() (time.Duration, error) {
	u, err := proc.Of(p.cmd.Process.Pid)
	return u.CPU, err
}

// errViolated is returned beside the record of a run in which a rule was broken.
var errViolated = errors.New("a rule of the contract was broken")

// play lets loadgen play a scenario, shipped or a file, and returns its record. Where
// a threshold did not hold, or latencies are unreliable, as on a busy machine,
// what was spent is true all the same.
func (a *Setup) play(ctx context.Context, scenario string, args ...string) (results.Record, error) {
	a.played++
	return a.playTo(ctx, filepath.Join(a.Dir, fmt.Sprintf("record-%d", a.played)), scenario, args...)
}

// playTo is play with the record in a folder that is there afterwards.
func (a *Setup) playTo(ctx context.Context, out, scenario string, args ...string) (results.Record, error) {
	cmd := exec.CommandContext(ctx, a.Loadgen, append([]string{"--scenario", scenario, "--quiet", "--out", out}, args...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() < results.ExitThreshold {
			return results.Record{}, fmt.Errorf("loadgen %s: %w: %s", scenario, err, said.Bytes())
		}
	}
	run, err := results.Read(out)
	if err == nil && run.Record.Outcome == results.Violated {
		err = fmt.Errorf("loadgen %s: %w: %s", scenario, errViolated, said.Bytes())
	}
	return run.Record, err
}

// script writes a scenario's text to a file.
func (a *Setup) script(name, text string) (file string, err error) {
	file = filepath.Join(a.Dir, name+".yaml")
	return file, os.WriteFile(file, []byte(text), 0o644)
}
