package count

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"guestload/bench/ab"
)

//go:embed plugin/plugin.c
var pluginSource []byte

// ErrUnavailable: nothing can be counted here. Wrapped with what is missing.
var ErrUnavailable = errors.New("instructions are not counted")

// Emulator runs programs and counts.
type Emulator struct {
	Version string        // of qemu, such as "7.2.22"
	Timeout time.Duration // for one run
	qemu    string        // program
	plugin  string        // compiled
	dir     string
	runs    atomic.Int64
}

// Find looks for qemu-user and a C compiler, compiles the plugin into dir, and tries it.
// Where anything is missing, the error wraps ErrUnavailable.
func Find(ctx context.Context, dir string) (*Emulator, error) {
	if platform := runtime.GOOS + "/" + runtime.GOARCH; platform != "linux/amd64" {
		return nil, fmt.Errorf("%w on %s: the counter knows linux/amd64", ErrUnavailable, platform)
	}
	qemu, err := exec.LookPath("qemu-x86_64")
	if err != nil {
		return nil, fmt.Errorf("%w: qemu-x86_64 is not on PATH: install Debian's package qemu-user", ErrUnavailable)
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return nil, fmt.Errorf("%w: gcc is not on PATH: install it, to compile the counter", ErrUnavailable)
	}
	e := &Emulator{Timeout: timeout, qemu: qemu, plugin: filepath.Join(dir, "plugin.so"), dir: dir}
	if e.Version, err = version(ctx, qemu); err != nil {
		return nil, err
	}
	source := filepath.Join(dir, "plugin.c")
	if err := os.WriteFile(source, pluginSource, 0o644); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, gcc, "-O2", "-shared", "-fPIC", "-o", e.plugin, source).CombinedOutput(); err != nil {
		return nil, errors.Join(ctx.Err(), fmt.Errorf("%w: gcc cannot compile the counter: %v: %s", ErrUnavailable, err, end(out)))
	}
	return e, e.try(ctx)
}

// version asks qemu, whose first line is "qemu-x86_64 version 7.2.22 (Debian …)".
func version(ctx context.Context, qemu string) (string, error) {
	out, err := exec.CommandContext(ctx, qemu, "--version").Output()
	_, after, found := strings.Cut(string(out), " version ")
	fields := strings.Fields(after)
	if err != nil || !found || len(fields) == 0 {
		return "", errors.Join(ctx.Err(), fmt.Errorf("%w: %s --version says %q", ErrUnavailable, qemu, end(out)))
	}
	return fields[0], nil
}

// try counts a small program, which tells whether this qemu takes the plugin.
func (e *Emulator) try(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	program, err := exec.LookPath("true")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	c, _, err := e.Run(ctx, Command{Program: program})
	switch {
	case err != nil:
		return fmt.Errorf("%w: qemu %s does not run the counter: %w", ErrUnavailable, e.Version, err)
	case c.Instructions == 0 || c.Syscalls["exit_group"] == 0:
		return fmt.Errorf("%w: qemu %s runs the counter, and that counts nothing", ErrUnavailable, e.Version)
	}
	return nil
}

// Key names what the counts of a build depend on beside its code: what compiled it, the
// emulator's version, and the CPU that this shows. Counts of different keys do not compare.
func (e *Emulator) Key(b *ab.Build) (string, error) {
	toolchain, err := b.Toolchain()
	return fmt.Sprintf("%s qemu %s cpu %s", toolchain, e.Version, cpu), err
}

// cpu is the CPU that programs see: all features that the emulator has, whatever the
// machine's. Go chooses some code by them.
const cpu = "max"

// Command is a program to be counted.
type Command struct {
	Program   string
	Args      []string
	Dir       string
	Functions bool // count the instructions of each function, too
}

// Run runs a program to its end and returns its counts and its output. An error has the end
// of that.
func (e *Emulator) Run(ctx context.Context, c Command) (counts Counts, output []byte, err error) {
	cmd, file := e.command(ctx, c)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return counts, nil, fmt.Errorf("did not end: %w", context.Cause(ctx))
		}
		return counts, nil, fmt.Errorf("under emulation: %w: %s", err, end(said.Bytes()))
	}
	counts, err = read(file)
	return counts, said.Bytes(), err
}

// command prepares a counted program, which dies with ctx, and names the file with its counts.
func (e *Emulator) command(ctx context.Context, c Command) (cmd *exec.Cmd, file string) {
	file = filepath.Join(e.dir, fmt.Sprintf("counts%d", e.runs.Add(1)))
	escape := strings.NewReplacer(",", ",,").Replace // a comma ends an argument of -plugin
	plugin := escape(e.plugin) + ",out=" + escape(file)
	if c.Functions {
		plugin += ",functions=on"
	}
	cmd = exec.CommandContext(ctx, e.qemu, append([]string{"-cpu", cpu, "-plugin", plugin, c.Program}, c.Args...)...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = c.Dir, environment(), 5*time.Second
	return cmd, file
}

// environment lets Go run on one processor and be interrupted by nothing, so that a program
// does the same each time.
func environment() (env []string) {
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "PATH", "HOME", "TMPDIR", "TZ":
			env = append(env, v)
		}
	}
	return append(env, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")
}

// end is what a program said in the end, on one line: why it crashed, where it says so.
func end(b []byte) string {
	const most = 1 << 10
	for line := range bytes.Lines(b) {
		if bytes.HasPrefix(line, []byte("panic: ")) || bytes.HasPrefix(line, []byte("fatal error: ")) {
			return string(bytes.TrimSpace(line[:min(most, len(line))]))
		}
	}
	b = b[max(0, len(b)-most):]
	return strings.Join(strings.Fields(string(b)), " ")
}
