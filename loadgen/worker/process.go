package worker

import (
	"encoding/gob"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"guestload/loadgen/proc"
)

// Process is a worker as its coordinator sees it.
type Process struct {
	cmd        *exec.Cmd
	parentPipe io.WriteCloser // the worker ends its share when this is closed, by us or by our death
	out        *gob.Encoder
	in         *gob.Decoder
	stderr     tail
	ended      sync.Once
	state      string // how it ended
}

// Start starts a worker with its job. Its first message is Ready, or it ends.
func Start(command []string, j Job) (*Process, error) {
	p := &Process{cmd: exec.Command(command[0], command[1:]...)}
	p.cmd.Stderr = &p.stderr
	p.cmd.Env = append(p.cmd.Environ(), proc.Share(j.Part.Of)...)
	proc.Detach(p.cmd)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a process for %v: %w", j.Part, err)
	}
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("start a process for %v: %w", j.Part, err)
	}
	p.parentPipe, p.out, p.in = in, gob.NewEncoder(in), gob.NewDecoder(out)
	if err := p.out.Encode(j); err != nil {
		p.Kill()
		return nil, fmt.Errorf("start a process for %v: it ended at once: %s", j.Part, p.State())
	}
	return p, nil
}

// Begin says when the run begins.
func (p *Process) Begin(epoch time.Time) error { return p.out.Encode(order{Epoch: epoch.UnixNano()}) }

// Wronged says for whom a rule was broken, whichever worker plays them. It waits for a worker
// that does not read, until that has ended.
func (p *Process) Wronged(ids []string) error { return p.out.Encode(order{Wronged: ids}) }

// Next waits for the next message. The error is the end of the process, or that the message
// cannot be decoded.
func (p *Process) Next() (m Message, err error) { return m, p.in.Decode(&m) }

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Leave has the worker end its share early; it still sends its End.
func (p *Process) Leave() { p.parentPipe.Close() }

// Kill ends the process at once.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	p.Wait()
}

// exitTime is how long a process may take to end that has closed its output.
const exitTime = 5 * time.Second

// Wait returns when the process has ended, after Next has returned an error; one that has not
// ended after exitTime is killed. A second call does nothing.
func (p *Process) Wait() {
	p.ended.Do(func() {
		p.parentPipe.Close()
		late := time.AfterFunc(exitTime, func() { p.cmd.Process.Kill() })
		defer late.Stop()
		p.cmd.Wait() // its error is in the state
		p.state = p.cmd.ProcessState.String()
	})
}

// State is how the process ended, with the end of its standard error, after Wait.
func (p *Process) State() string {
	if words := p.stderr.String(); words != "" {
		return p.state + "; it said: " + words
	}
	return p.state
}

// tail keeps the end of what is written to it. Safe for concurrent use.
type tail struct {
	mu struct {
		sync.Mutex
		end []byte
	}
}

const tailSize = 2 << 10

// Write never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.end = append(t.mu.end, b...)
	if n := len(t.mu.end) - tailSize; n > 0 {
		t.mu.end = append([]byte(nil), t.mu.end[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.mu.end))
}
