package scale

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"

	"guestload/loadgen/proc"
	"guestload/server/app"
)

// HoldCommand is the argument with which a program becomes a server, or loadgen's
// guests, and tells what memory it has: HoldCommand followed by one of the servers
// or by Guests.
const HoldCommand = "hold"

// The servers.
const (
	Ours = "server" // the reference server as it is shipped, its limits off
	Bare = "bare"   // fasthttp/websocket as it comes: each socket reads and answers
)

// Memory is what a server holds.
type Memory struct {
	Grown      int64 // bytes resident, garbage and what was given out in advance included
	Settled    int64 // bytes resident after some collections, with what is free given back
	Goroutines int
}

// Hold is such a server. It prints where it listens, and Memory as JSON for each
// line on stdin, until stdin ends.
func Hold(ctx context.Context, kind string, stdin io.Reader, stdout io.Writer) error {
	if target, ok := strings.CutPrefix(kind, Guests+"="); ok {
		return holdGuests(ctx, target, stdin, stdout)
	}
	ctx, stop := context.WithCancel(ctx)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer stop()
	switch kind {
	case Ours:
		serving.Go(func() {
			app.Run(ctx, []string{"--listen", "127.0.0.1:0", "--limits", "off", "--log-level", "error"}, func(string) string { return "" }, strings.NewReader(""), stdout, os.Stderr)
		})
	case Bare:
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "listening on http://%s\n", ln.Addr())
		serving.Go(func() { _ = fasthttp.Serve(ln, bare) })
		defer ln.Close()
	default:
		return fmt.Errorf("no server %q: %s, %s or %s=URL", kind, Ours, Bare, Guests)
	}
	return tell(stdin, stdout, func(string) error { return nil })
}

// tell prints Memory as JSON for each line on stdin, once what the line asks for
// has been done, until stdin ends.
func tell(stdin io.Reader, stdout io.Writer, do func(line string) error) error {
	for asked := bufio.NewScanner(stdin); asked.Scan(); {
		if err := do(asked.Text()); err != nil {
			return err
		}
		m, err := memory()
		if err != nil {
			return err
		}
		if err := json.NewEncoder(stdout).Encode(m); err != nil {
			return err
		}
	}
	return nil
}

func memory() (m Memory, err error) {
	u, err := proc.Of(os.Getpid())
	if err != nil {
		return m, err
	}
	m.Grown, m.Goroutines = u.Resident, runtime.NumGoroutine()
	for range 3 { // stacks shrink by half a collection, and pools empty in two
		debug.FreeOSMemory()
	}
	u, err = proc.Of(os.Getpid())
	m.Settled = u.Resident
	return m, err
}

// bare answers each message with itself.
func bare(ctx *fasthttp.RequestCtx) {
	var u websocket.FastHTTPUpgrader
	_ = u.Upgrade(ctx, func(c *websocket.Conn) { // where it fails, the client is told
		for {
			kind, message, err := c.ReadMessage()
			if err != nil || c.WriteMessage(kind, message) != nil {
				return
			}
		}
	})
}

// Process is a server of its own that was started for measuring.
type Process struct {
	Address    string // host:port
	cmd        *exec.Cmd
	parentPipe io.WriteCloser // it ends when this is closed, by us or by our death
	said       *bufio.Reader
}

// Start starts a program that prints "listening on http://…" and ends with its stdin.
func Start(ctx context.Context, program string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.parentPipe, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.said = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := p.said.ReadString('\n')
	_, address, ok := strings.Cut(strings.TrimSpace(line), "http://")
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("%s said %q, and not where it listens", program, line), err, p.Stop())
	}
	p.Address = address
	return p, nil
}

// Memory asks a server that Hold runs.
func (p *Process) Memory() (Memory, error) { return p.ask("") }

// ask says a line to what Hold runs.
func (p *Process) ask(line string) (m Memory, err error) {
	if _, err := io.WriteString(p.parentPipe, line+"\n"); err != nil {
		return m, err
	}
	answer, err := p.said.ReadBytes('\n')
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(answer, &m)
}

// Stop ends it, and returns when it is gone.
func (p *Process) Stop() error { return errors.Join(p.parentPipe.Close(), p.cmd.Wait()) }
