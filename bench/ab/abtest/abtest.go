// Package abtest makes small repositories for tests that build revisions.
package abtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Repository is the folder of a new git repository of a Go module with these files, committed.
func Repository(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	Write(t, dir, map[string]string{"go.mod": "module guestload\n\ngo 1.26\n", ".gitignore": "ignored.txt\n"})
	Shell(t, dir, "git", "init", "-q")
	Commit(t, dir, files)
	return dir
}

// Commit writes files and commits all that has changed.
func Commit(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	Write(t, dir, files)
	Shell(t, dir, "git", "add", "-A")
	Shell(t, dir, "git", "-c", "user.name=tester", "-c", "user.email=tester@example.org", "commit", "-q", "-m", "x")
}

// Write writes files below a folder.
func Write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// Shell runs a command, also after the test's context has ended, and returns what it said.
func Shell(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
