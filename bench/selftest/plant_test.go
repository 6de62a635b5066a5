package selftest

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var refresh = flag.Bool("update", false, "write the golden files anew")

func TestPlantsGoIntoTheTreeAsItIs(t *testing.T) {
	for name, c := range map[string]struct {
		plant change
		want  string
	}{
		"work":       {plantWork(123), "{\n\tplanted(123)\n"},
		"write":      {plantWrite, "plantedNull.WriteString("},
		"cache":      {plantCacheMisses(300), "{\n\tplanted(300)\n"},
		"allocation": {plantAllocation, "plantedGarbage.Store("},
		"command":    {plantCommand, ".SessionID)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			before := sources(t, "../../server")
			for path, text := range before {
				write(t, filepath.Join(dir, "server", path), text)
			}
			if err := c.plant(dir); err != nil {
				t.Fatal(err)
			}
			changed := 0
			for path, text := range sources(t, filepath.Join(dir, "server")) {
				old, known := before[path]
				if old == text {
					continue
				}
				if _, err := parser.ParseFile(token.NewFileSet(), path, text, 0); err != nil {
					t.Error(err)
				}
				if changed++; known && !strings.Contains(text, c.want) {
					t.Errorf("%s has no %q", path, c.want)
				}
			}
			if changed == 0 || changed > 2 {
				t.Errorf("%d files changed", changed)
			}
		})
	}
	if _, _, err := insert(t.TempDir(), "Client", "Handle", nil); !errors.Is(err, errNoMethod) {
		t.Errorf("nothing to plant in: %v", err)
	}
	if err := plantWork(1)(t.TempDir()); err == nil {
		t.Error("a tree without a server, and no error")
	}
}

// sources are the Go files below a folder that belong to programs.
func sources(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "testdata" {
			return cmp.Or(err, fs.SkipDir)
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(root, path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *refresh {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (refresh with -update):\n%s", file, got)
	}
}
