package count

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"guestload/bench/ab"
)

//go:embed session.yaml
var sessionScenario string

// spread is within what time all guests arrive, in the short run and in the long one: so
// what a program does by the clock is the same in both, and cancels out.
const spread = 4 * time.Second

// session counts the server, or the load generator, of a build while so many guests play a
// session, against a fifth of them. The other program is the helper's, and not counted.
func (e *Emulator) session(ctx context.Context, what ab.Of, b, helper *ab.Build, guests int) (Rates, error) {
	server, loadgen := b.Server, helper.Loadgen
	if what == ab.Loadgens {
		server, loadgen = helper.Server, b.Loadgen
	}
	if server == "" || loadgen == "" {
		return nil, fmt.Errorf("%s has no %s: %w", b.Tree, what, ab.ErrNoBenchmark)
	}
	var runs [2]Counts
	var played [2]int
	for i, n := range lengths(guests) {
		limited, stop := context.WithTimeoutCause(ctx, e.Timeout, fmt.Errorf("more than %s", e.Timeout))
		var err error
		runs[i], played[i], err = e.play(limited, what, server, loadgen, n)
		stop()
		if err != nil {
			return nil, errors.Join(ctx.Err(), fmt.Errorf("a session of %s of %s %w: %w", what, b.Tree, ErrFailed, err))
		}
	}
	if played[1] <= played[0] {
		return nil, fmt.Errorf("a session of %s of %s %w: %d guests completed in the long run, %d in the short one", what, b.Tree, ErrFailed, played[1], played[0])
	}
	return perOp(runs[0], runs[1], float64(played[1]-played[0])), nil
}

// play runs server and load generator, one of them counted, and returns how many guests
// completed.
func (e *Emulator) play(ctx context.Context, what ab.Of, server, loadgen string, guests int) (c Counts, played int, err error) {
	dir, err := os.MkdirTemp(e.dir, "session")
	if err != nil {
		return c, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	scenario := filepath.Join(dir, "session.yaml")
	text := fmt.Sprintf(sessionScenario, guests, spread)
	if err := os.WriteFile(scenario, []byte(text), 0o644); err != nil {
		return c, 0, err
	}
	serving, load := Command{Program: server, Args: []string{"--listen", "127.0.0.1:0", "--limits", "off", "--log-level", "warn", "--exit-with-stdin"}},
		Command{Program: loadgen, Args: []string{"--scenario", scenario, "--seed", "1", "--json", "--quiet", "--out", filepath.Join(dir, "record")}}
	s := e.prepare(ctx, serving, what == ab.Servers)
	target, end, err := s.start()
	if err != nil {
		return c, 0, err
	}
	load.Args = append(load.Args, "--target", target)
	l := e.prepare(ctx, load, what == ab.Loadgens)
	played, err = l.load()
	if err := errors.Join(err, end()); err != nil {
		return c, 0, err
	}
	counted := s
	if what == ab.Loadgens {
		counted = l
	}
	c, err = read(counted.file)
	return c, played, err
}

// prepared is a program of a session that is about to run; file has its counts in the end.
type prepared struct {
	cmd  *exec.Cmd
	file string
	said bytes.Buffer
}

func (e *Emulator) prepare(ctx context.Context, c Command, counted bool) *prepared {
	p := &prepared{}
	if counted {
		p.cmd, p.file = e.command(ctx, c)
	} else {
		p.cmd = exec.CommandContext(ctx, c.Program, c.Args...)
		p.cmd.WaitDelay = 5 * time.Second
	}
	p.cmd.Stderr = &p.said
	return p
}

// start starts a server and returns its URL; end lets it end by itself, since a program
// that is killed writes no counts.
func (p *prepared) start() (url string, end func() error, err error) {
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return "", nil, err
	}
	lines := bufio.NewReader(out)
	line, _ := lines.ReadString('\n') // judged below
	end = func() error {
		closed := in.Close()
		_, _ = io.Copy(io.Discard, lines)
		return errors.Join(closed, p.cmd.Wait())
	}
	at := strings.Index(line, "http://")
	if at < 0 {
		err := end()
		return "", nil, fmt.Errorf("the server did not say where it listens (%w): %q %s", err, line, p.said.Bytes())
	}
	return strings.Fields(line[at:])[0], end, nil
}

// load runs a load generator to its end and returns how many guests completed.
func (p *prepared) load() (played int, err error) {
	var printed bytes.Buffer
	p.cmd.Stdout = &printed
	failed := p.cmd.Run()
	var record struct {
		Guests struct{ Planned, Completed, Unmatched int }
	}
	if err := json.Unmarshal(printed.Bytes(), &record); err != nil {
		return 0, fmt.Errorf("loadgen printed no record (%v): %s", failed, end(p.said.Bytes()))
	}
	g := record.Guests
	if g.Completed+g.Unmatched < g.Planned || g.Completed == 0 {
		return 0, fmt.Errorf("%d of %d guests completed", g.Completed, g.Planned)
	}
	return g.Completed, nil
}
