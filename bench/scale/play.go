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

// Arena is where things are measured.
type Arena struct {
	Dir     string // for scenarios and records
	Server  string // program
	Loadgen string // program
	Self    string // program that knows HoldCommand
	played  int
	idle    time.Duration // CPU that loadgen spends when it has nearly nobody to play; 0: not known yet
}

// serve starts the reference server as it is shipped, its limits off.
func (a *Arena) serve(ctx context.Context) (*Process, error) {
	return Start(ctx, a.Server, "--listen", "127.0.0.1:0", "--limits", "off", "--log-level", "error", "--exit-with-stdin")
}

// cpu is what a process has spent so far.
func (p *Process) cpu() (time.Duration, error) {
	u, err := proc.Of(p.cmd.Process.Pid)
	return u.CPU, err
}

// tolerated is loadgen's exit code for a run whose latencies cannot be believed,
// as on a busy machine; broken is that for a threshold that did not hold. What was
// spent is true all the same.
const (
	tolerated = 4
	broken    = 3
)

// play lets loadgen play a scenario, shipped or a file, and returns its record.
func (a *Arena) play(ctx context.Context, scenario string, args ...string) (results.Record, error) {
	a.played++
	out := filepath.Join(a.Dir, fmt.Sprintf("record-%d", a.played))
	cmd := exec.CommandContext(ctx, a.Loadgen, append([]string{"--scenario", scenario, "--quiet", "--out", out}, args...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != tolerated && exit.ExitCode() != broken {
			return results.Record{}, fmt.Errorf("loadgen %s: %w: %s", scenario, err, said.Bytes())
		}
	}
	run, err := results.Read(out)
	return run.Record, err
}

// script writes a scenario's text to a file.
func (a *Arena) script(name, text string) (file string, err error) {
	file = filepath.Join(a.Dir, name+".yaml")
	return file, os.WriteFile(file, []byte(text), 0o644)
}
