package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"guestload/results"
)

// serveEmbedded is the first argument with which the program becomes the
// embedded server: a process of its own, so that what it spends is told apart.
const serveEmbedded = "serve-embedded"

const (
	startTime = 15 * time.Second
	stopTime  = 12 * time.Second // the server drains for 10 s at most
)

// child is the embedded server's process.
type child struct {
	cmd    *exec.Cmd
	leash  io.Closer // the server ends when this is closed, by us or by our death
	target string
	log    string // file
	exited chan struct{}
}

// startEmbedded starts the server and waits until it listens. Its log goes into
// the folder.
func startEmbedded(ctx context.Context, dir string) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	c := &child{cmd: exec.Command(exe, serveEmbedded, "--listen", "127.0.0.1:0", "--limits", "off", "--exit-with-stdin"), log: filepath.Join(dir, "server.log"), exited: make(chan struct{})}
	log, err := os.Create(c.log)
	if err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	defer log.Close()
	c.cmd.Stderr = log
	c.cmd.Env = serverEnvironment(os.Environ())
	detach(c.cmd)
	if c.leash, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	if c.target, err = c.address(ctx, out); err != nil {
		c.stop()
		return nil, fmt.Errorf("embedded server: %w", err)
	}
	return c, nil
}

// address reads the server's first line, which tells where it listens, and
// leaves the rest to be read and ignored.
func (c *child) address(ctx context.Context, out io.Reader) (string, error) {
	first := make(chan string, 1)
	go func() {
		lines := bufio.NewReader(out)
		line, _ := lines.ReadString('\n') // what came of it is judged below
		first <- line
		io.Copy(io.Discard, lines)
		c.cmd.Wait() // its error is in cmd.ProcessState
		close(c.exited)
	}()
	select {
	case line := <-first:
		if at := strings.Index(line, "http://"); at >= 0 {
			return strings.Fields(line[at:])[0], nil
		}
		c.stop()
		return "", fmt.Errorf("it did not start: %v; its log says:\n%s", c.cmd.ProcessState, lastLines(c.log))
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(startTime):
		return "", fmt.Errorf("it did not listen within %v; its log says:\n%s", startTime, lastLines(c.log))
	}
}

// stop ends the server, gently at first, and returns when it is gone. A second
// call does nothing.
func (c *child) stop() {
	c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.exited:
	case <-time.After(stopTime):
		c.cmd.Process.Kill()
		<-c.exited
	}
	c.leash.Close()
}

// dead reports that the server ended by itself.
func (c *child) dead() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// usage is what the server spent. It must have been stopped.
func (c *child) usage() *results.Usage { return usageOf(c.cmd.ProcessState) }

// serverEnvironment leaves out what would make the embedded server another one
// than it is for everybody: only Go's own settings and the places of files stay.
func serverEnvironment(all []string) []string {
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

// lastLines are the end of a log, for an error.
func lastLines(file string) string {
	const most = 2 << 10
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return strings.TrimSpace(string(b))
}
