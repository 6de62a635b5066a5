package ab

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Build is the programs of one tree. An empty path: the revision has no such thing.
type Build struct {
	Tree       Tree
	Server     string
	Loadgen    string
	Benchmarks string // a test binary
	Missing    []string
}

// Toolchain names what compiled the build, and for what platform and CPU features: what its
// sizes, allocations and counts depend on beside the code.
func (b *Build) Toolchain() (string, error) {
	for _, program := range []string{b.Benchmarks, b.Loadgen, b.Server} {
		if program == "" {
			continue
		}
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return "", fmt.Errorf("read what compiled %s: %w", b.Tree, err)
		}
		name, features := info.GoVersion, ""
		platform := [2]string{}
		for _, s := range info.Settings {
			switch {
			case s.Key == "GOOS":
				platform[0] = s.Value
			case s.Key == "GOARCH":
				platform[1] = s.Value
			case strings.HasPrefix(s.Key, "GO") && strings.ToUpper(s.Key) == s.Key && !isUsual(s.Key, s.Value):
				features += " " + s.Key + "=" + s.Value // GOAMD64, GOEXPERIMENT
			}
		}
		return fmt.Sprintf("%s %s/%s%s", name, platform[0], platform[1], features), nil
	}
	return "", fmt.Errorf("%s has no program", b.Tree)
}

// isUsual reports whether a setting is what Go does without it.
func isUsual(key, value string) bool {
	return key == "GOAMD64" && value == "v1" || key == "GOARM64" && value == "v8.0"
}

// ErrBuild: a revision does not compile. Wrapped with what the compiler said.
var ErrBuild = errors.New("does not build")

// Build compiles a tree's programs. What the tree does not have is left out and
// told in Missing; what it has and does not compile is an error that wraps ErrBuild.
func (w *Workshop) Build(ctx context.Context, t Tree) (*Build, error) {
	b := &Build{Tree: t}
	for i, program := range []struct {
		path    *string
		of      string
		command []string
		absent  string
	}{
		{&b.Server, "server/main.go", []string{"build", "./server"}, "no server"},
		{&b.Loadgen, "loadgen/main.go", []string{"build", "./loadgen"}, "no loadgen"},
		{&b.Benchmarks, "bench/*_test.go", []string{"test", "-c", "./bench"}, "no benchmarks (bench/*_test.go)"},
	} {
		if !t.Has(program.of) {
			b.Missing = append(b.Missing, program.absent)
			continue
		}
		out := filepath.Join(t.Dir, ".programs", fmt.Sprint("program", i))
		args := append([]string{program.command[0], "-trimpath", "-buildvcs=false", "-o", out}, program.command[1:]...)
		cmd := command(ctx, "go", args...)
		cmd.Dir = t.Dir
		// A go.work of somebody around the workshop is none of the tree's, and with
		// a C compiler at hand the programs would have another size.
		cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
		if err := run(cmd, "build "+t.String()); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			if errors.Is(err, exec.ErrNotFound) {
				return nil, errors.New("go is not on PATH: install Go, which builds both revisions")
			}
			return nil, fmt.Errorf("%s %w: %w", t, ErrBuild, err)
		}
		*program.path = out
	}
	return b, nil
}

// Make exports a revision, lets change edit the files (nil: nothing), and builds it. It
// tells progress which revision, as what, and what that does not have.
func (w *Workshop) Make(ctx context.Context, ref, as string, change func(dir string) error, progress io.Writer) (*Build, error) {
	tree, err := w.Export(ctx, ref)
	if err != nil {
		return nil, err
	}
	if change != nil {
		if err := change(tree.Dir); err != nil {
			return nil, fmt.Errorf("change %s: %w", tree, err)
		}
	}
	fmt.Fprintf(progress, "building %s: %s\n", as, tree)
	b, err := w.Build(ctx, tree)
	if err != nil {
		return nil, err
	}
	for _, missing := range b.Missing {
		fmt.Fprintf(progress, "%s has %s: that is left out\n", as, missing)
	}
	return b, nil
}

// BuildPrograms builds the server and the load generator of the current folder's module
// into a new temporary folder; self is the running program.
func BuildPrograms(ctx context.Context, prefix string) (dir, self string, err error) {
	if self, err = os.Executable(); err != nil {
		return "", "", err
	}
	if dir, err = os.MkdirTemp("", prefix); err != nil {
		return "", "", err
	}
	cmd := command(ctx, "go", "build", "-trimpath", "-o", dir+string(filepath.Separator), "guestload/server", "guestload/loadgen")
	if err := run(cmd, "build server and loadgen"); err != nil {
		return "", "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, self, nil
}

// command is one that ends, with all that it started, when ctx does.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run runs a command; an error has what it said.
func run(cmd *exec.Cmd, what string) error {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", what, err, last(said.Bytes()))
	}
	return nil
}

// last is the end of what a program said.
func last(b []byte) string {
	const most = 2 << 10
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return strings.TrimSpace(string(b))
}
