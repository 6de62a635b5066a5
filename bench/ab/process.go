package ab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const startTimeout = 15 * time.Second

// errUnknownFlag: the program is of a time before the flag.
var errUnknownFlag = errors.New("unknown flag")

// process is a program that runs until stopped.
type process struct {
	cmd        *exec.Cmd
	parentPipe io.Closer // closed by us, or by our death: the server ends by that
	exited     chan struct{}
	said       tail
}

// startServer starts a server with a store in memory, or in the Redis at an
// address, on a free port, and returns its URL.
func startServer(ctx context.Context, program, redis string) (*process, string, error) {
	args := []string{"--listen", "127.0.0.1:0", "--limits", "off", "--log-level", "warn", "--exit-with-stdin"}
	if redis != "" {
		args = append(args, "--redis-url", "redis://"+redis)
	}
	p := &process{cmd: command(ctx, program, args...), exited: make(chan struct{})}
	p.cmd.Env = environment()
	p.cmd.Stderr = &p.said
	var err error
	if p.parentPipe, err = p.cmd.StdinPipe(); err != nil {
		return nil, "", fmt.Errorf("start server: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, "", fmt.Errorf("start server: %w", err)
	}
	first := make(chan string, 1)
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		lines := bufio.NewReader(out)
		line, _ := lines.ReadString('\n') // judged below
		first <- line
		_, _ = io.Copy(io.Discard, lines)
	}()
	if err := p.launch(reading); err != nil {
		return nil, "", fmt.Errorf("start server: %w", err)
	}
	select {
	case line := <-first:
		if at := strings.Index(line, "http://"); at >= 0 {
			return p, strings.Fields(line[at:])[0], nil
		}
		p.stop()
		if said := p.said.String(); strings.Contains(said, errUnknownFlag.Error()) {
			return nil, "", fmt.Errorf("start server: %w: it said: %s", errUnknownFlag, said)
		}
		return nil, "", fmt.Errorf("start server: it did not listen, and said: %s", p.said.String())
	case <-time.After(startTimeout):
		p.stop()
		return nil, "", fmt.Errorf("start server: it did not listen within %s", startTimeout)
	}
}

// startRedis starts an empty redis-server on a free port, and returns its address.
func startRedis(ctx context.Context, dir string) (*process, string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, "", errors.New("redis-server not found in PATH: install Debian's package redis-server, or leave the metrics on Redis out")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("start redis-server: %w", err)
	}
	address := ln.Addr().String()
	port := ln.Addr().(*net.TCPAddr).Port
	if err := ln.Close(); err != nil {
		return nil, "", fmt.Errorf("start redis-server: %w", err)
	}
	p := &process{exited: make(chan struct{})}
	p.cmd = command(ctx, path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no")
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.launch(nil); err != nil {
		return nil, "", fmt.Errorf("start redis-server: %w", err)
	}
	until := time.Now().Add(startTimeout)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if _, err := redisInfo(address, "server"); err == nil {
			tick.Stop()
			return p, address, nil
		}
		select {
		case <-tick.C:
			if time.Now().Before(until) {
				continue
			}
		case <-p.exited:
		}
		tick.Stop()
		p.stop()
		return nil, "", fmt.Errorf("start redis-server: it does not answer, and said: %s", p.said.String())
	}
}

// launch starts the process, which ends when this one does, and sees it end,
// once reading is over (nil: nothing is read).
func (p *process) launch(reading <-chan struct{}) error {
	dieWithParent(p.cmd.SysProcAttr)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the kernel ties the child to the thread that made it
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		if reading != nil {
			<-reading
		}
		_ = p.cmd.Wait() // ends by a signal, as it should
		close(p.exited)
	}()
	return <-started
}

// stop ends the process and returns when it is gone. Twice does nothing.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // nobody's guests are in there
	<-p.exited
	if p.parentPipe != nil {
		_ = p.parentPipe.Close()
	}
}

// cpu is what the process has spent.
func (p *process) cpu() (time.Duration, error) {
	d, err := cpuOf(p.cmd.Process.Pid)
	if err != nil {
		select {
		case <-p.exited:
			return 0, fmt.Errorf("%s ended by itself and said: %s", p.cmd.Path, p.said.String())
		default:
		}
	}
	return d, err
}

// peakMemory is the largest resident size so far, in bytes; 0 where nobody tells.
func (p *process) peakMemory() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb * 1024
		}
	}
	return 0
}

// environment leaves out what would make a program another one than it is for
// everybody: only Go's own settings and the places of files stay.
func environment() (env []string) {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "GO"), name == "PATH", name == "HOME", name == "TMPDIR", name == "TZ":
			env = append(env, v)
		}
	}
	return env
}

// tail keeps the end of what a program says.
type tail struct {
	mu struct {
		sync.Mutex
		bytes.Buffer
	}
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.Len() > 64<<10 {
		t.mu.Reset()
	}
	return t.mu.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return last(t.mu.Bytes())
}
