package selftest

import (
	"bytes"
	"flag"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var refresh = flag.Bool("update", false, "write the golden files anew")

func TestPlantsGoIntoTheTreeAsItIs(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(string) error
		file  string
		want  string
	}{
		"work":       {plantWork(123), "server/realtime/event.go", "{\n\tplanted(123)\n"},
		"write":      {plantWrite, "server/realtime/event.go", "plantedNull.WriteString("},
		"cache":      {plantCacheMisses, "server/realtime/event.go", "{\n\tplanted()\n"},
		"allocation": {plantAllocation, "server/realtime/event.go", "plantedGarbage.Store("},
		"command":    {plantCommand, "server/store/redis_sessions.go", "_, _ = s.Get(ctx, g.SessionID)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "server"), os.DirFS("../../server")); err != nil {
				t.Fatal(err)
			}
			if err := c.plant(dir); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, c.file))
			if err != nil || !strings.Contains(string(text), c.want) {
				t.Errorf("%s has no %q (%v)", c.file, c.want, err)
			}
			if _, err := parser.ParseFile(token.NewFileSet(), c.file, text, 0); err != nil {
				t.Error(err)
			}
		})
	}
	if err := insert(t.TempDir(), "Client", "Handle", nil); err == nil {
		t.Error("nothing to plant in, and no error")
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
