package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// programs builds server, loadgen and bench, and returns their folder.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "commands")
	if err != nil {
		return "", err
	}
	built = dir
	out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "../server", "../loadgen", "../bench").CombinedOutput()
	if err != nil {
		err = errors.New(string(out))
	}
	return dir, err
})

var built string // the folder of programs, once it exists

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// shell runs programs in a folder that looks like a clone in which runs were made.
type shell struct {
	bin, dir string
	scenario string      // a small one, played in place of others
	long     string      // the same over some seconds
	target   string      // in place of others
	shares   *[][]string // commands of one run, which merge plays at the same time
}

func (s shell) run(t *testing.T, program string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	c.Dir, c.Stdout, c.Stderr = s.dir, &out, &errs
	err := c.Run()
	if err != nil && c.ProcessState == nil {
		return -1, "", err.Error()
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

// startServer starts the server and returns its URL.
func (s shell) startServer(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command(filepath.Join(s.bin, "server"), append(args, "--listen", "127.0.0.1:0", "--exit-with-stdin")...)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = c.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	_, url, found := strings.Cut(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		t.Fatalf("server %q: %q, %v", args, line, err)
	}
	return url
}

const small = `scenario: small
about: a few guests meet.
phases: [{guests: 8, within: DURATION}]
guests: [{script: one, steps: [create, connect, search, {chat: {messages: 2, think: 10ms}}, drop]}]
`

// newShell makes the folder: with a small scenario and two records.
func newShell(t *testing.T) shell {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	s := shell{bin: bin, dir: t.TempDir(), shares: new([][]string)}
	s.scenario, s.long = filepath.Join(s.dir, "small.yaml"), filepath.Join(s.dir, "long.yaml")
	top, err := filepath.Abs(root)
	if err == nil {
		err = errors.Join(os.WriteFile(s.scenario, []byte(strings.Replace(small, "DURATION", "200ms", 1)), 0o644),
			os.WriteFile(s.long, []byte(strings.Replace(small, "DURATION", "4s", 1)), 0o644),
			os.Symlink(filepath.Join(top, "scenarios"), filepath.Join(s.dir, "scenarios")))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.target = s.startServer(t, "--limits", "off")
	for _, name := range []string{"A", "B"} {
		s.play(t, "--scenario", s.scenario, "--target", s.target, "--out", "results/runs/"+name)
	}
	return s
}

// play runs loadgen: a busy machine may make the run late, and so invalid.
func (s shell) play(t *testing.T, args ...string) {
	t.Helper()
	code, out, errs := s.run(t, "loadgen", append(args, "--quiet")...)
	if code != 0 && code != 4 {
		t.Errorf("loadgen %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
}
