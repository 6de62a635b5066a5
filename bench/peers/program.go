package peers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Spent is what one run of a peer cost.
type Spent struct {
	Units  int           // sessions or requests
	CPU    time.Duration // user and kernel, start and end of the program included
	Memory int64         // bytes resident at the peak
}

// PerUnit is the CPU time of a session or a request.
func (s Spent) PerUnit() time.Duration { return s.CPU / time.Duration(max(s.Units, 1)) }

// tolerated is loadgen's exit code for a run whose latencies are unreliable,
// as on a machine that all peers saturate. What it spent can.
const tolerated = 4

// program runs a peer to its end, and returns what it printed and spent.
func program(ctx context.Context, name string, args ...string) (said []byte, s Spent, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != tolerated {
		return nil, Spent{}, fmt.Errorf("%s: %w: %s", name, err, last(problem.Bytes(), out.Bytes()))
	}
	s.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.Memory = r.Maxrss * 1024
	}
	return out.Bytes(), s, nil
}

// last is the end of what was said, on whichever stream something was.
func last(streams ...[]byte) []byte {
	for _, b := range streams {
		if b = bytes.TrimSpace(b); len(b) > 0 {
			return b[max(0, len(b)-500):]
		}
	}
	return []byte("it said nothing")
}

// server is the one that all peers load.
type server struct {
	cmd        *exec.Cmd
	parentPipe io.Closer // it ends when this is closed, by us or by our death
	target     string
}

func startServer(ctx context.Context, path string) (*server, error) {
	s := &server{cmd: exec.CommandContext(ctx, path, "--listen", "127.0.0.1:0", "--limits", "off", "--log-level", "warn", "--exit-with-stdin")}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	s.parentPipe = in
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	at := strings.Index(line, "http://")
	if err != nil || at < 0 {
		return nil, errors.Join(fmt.Errorf("start server: it said %q", line), s.stop())
	}
	s.target = strings.Fields(line[at:])[0]
	return s, nil
}

// stop ends the server gently and returns when it is gone.
func (s *server) stop() error {
	return errors.Join(s.parentPipe.Close(), s.cmd.Wait())
}
