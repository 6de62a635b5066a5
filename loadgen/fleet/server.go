package fleet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"guestload/loadgen/proc"
	"guestload/results"
)

const (
	startTime = 15 * time.Second
	stopTime  = 12 * time.Second // the server drains for 10 s at most
)

// Server is one embedded server: a process of its own, so that what it spends
// is told apart.
type Server struct {
	Target string // its address, http://…

	cmd        *exec.Cmd
	parentPipe io.Closer // the server ends when this is closed, by us or by our death
	log        string    // file
	exited     chan struct{}
	killed     atomic.Bool // by us
	sent       sentCount
}

// startServer starts one server and waits until it listens. Its log goes into
// the file; env is added to what it inherits.
func startServer(ctx context.Context, command []string, log string, env []string) (*Server, error) {
	args := append(command[1:len(command):len(command)], "--listen", "127.0.0.1:0", "--exit-with-stdin")
	s := &Server{cmd: exec.Command(command[0], args...), log: log, exited: make(chan struct{})}
	out, err := s.start(env)
	if err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	if s.Target, err = s.address(ctx, out); err != nil {
		s.end()
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	return s, nil
}

func (s *Server) start(env []string) (stdout io.Reader, err error) {
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd.Stderr = log
	s.cmd.Env = append(environment(os.Environ()), env...)
	proc.Detach(s.cmd)
	if s.parentPipe, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if stdout, err = s.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return stdout, s.cmd.Start()
}

// address reads the server's first line, which tells where it listens, and
// leaves the rest to be read and ignored.
func (s *Server) address(ctx context.Context, out io.Reader) (string, error) {
	first := make(chan string, 1)
	go func() {
		lines := bufio.NewReader(out)
		line, _ := lines.ReadSlice('\n') // what came of it is judged below
		first <- string(line)
		io.Copy(io.Discard, lines)
		s.cmd.Wait() // its error is in cmd.ProcessState
		close(s.exited)
	}()
	select {
	case line := <-first:
		if at := strings.Index(line, "http://"); at >= 0 {
			address := strings.Fields(line[at:])[0]
			if u, err := url.Parse(address); err == nil && u.Port() != "" {
				return address, nil
			}
		}
		if line != "" {
			return "", fmt.Errorf("its first line names no address such as http://127.0.0.1:8080: %q; its log says:\n%s", line[:min(len(line), 80)], s.LogTail())
		}
		s.end()
		return "", fmt.Errorf("it did not start: %v; its log says:\n%s", s.cmd.ProcessState, s.LogTail())
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(startTime):
		return "", fmt.Errorf("it did not listen within %v; its log says:\n%s", startTime, s.LogTail())
	}
}

// Stop ends the server and returns when it is gone: gently at first, and when ctx
// ends or the server takes too long, as Kill does. A second call does nothing.
func (s *Server) Stop(ctx context.Context) {
	select {
	case <-s.exited:
		return
	default:
	}
	s.sent.ask(ctx, s.Target)
	s.cmd.Process.Signal(syscall.SIGTERM)
	late := time.NewTimer(stopTime)
	defer late.Stop()
	select {
	case <-s.exited:
	case <-late.C:
	case <-ctx.Done():
	}
	s.end()
}

// end ends the server at once, if it has not ended.
func (s *Server) end() {
	s.cmd.Process.Kill()
	<-s.exited
	s.parentPipe.Close()
}

// Kill ends the server at once, as kill -9 does.
func (s *Server) Kill(ctx context.Context) error {
	s.sent.ask(ctx, s.Target) // what it counted goes with it
	s.killed.Store(true)
	if err := s.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill the server at %s: %w", s.Target, err)
	}
	<-s.exited
	return nil
}

// Dead reports that the server ended by itself.
func (s *Server) Dead() bool {
	select {
	case <-s.exited:
		return !s.killed.Load()
	default:
		return false
	}
}

// Killed reports that Kill has ended the server.
func (s *Server) Killed() bool { return s.killed.Load() }

// usage is what the server spent. It must have ended.
func (s *Server) usage() *results.Usage { return usageOf(s.cmd.ProcessState) }

// environment leaves out what would make the embedded server another one than it
// is for everybody: only Go's own settings and the places of files stay.
func environment(all []string) []string {
	var env []string
	for _, v := range all {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "GO"), name == "PATH", name == "HOME", name == "TMPDIR", name == "TZ":
			env = append(env, v)
		}
	}
	return env
}

// LogTail are the end of the server's log, for an error.
func (s *Server) LogTail() string {
	const most = 2 << 10
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return strings.TrimSpace(string(b))
}

// logFile is the name of the log of the i-th of n servers, i from 0.
func logFile(dir string, i, n int) string {
	if n == 1 {
		return filepath.Join(dir, "server.log")
	}
	return filepath.Join(dir, fmt.Sprintf("server-%d.log", i+1))
}
