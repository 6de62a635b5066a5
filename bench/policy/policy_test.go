package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPoliciesAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"alfa: 0.01":   "alfa",
		"alpha: 2":     "alpha and passAlpha are 2",
		"budget: soon": `invalid duration "soon"`,
		"looks: [3]":   "at least 12",
		"metrics: [{name: A, unit: x, tolerance: 0.02}]": "reason",
	} {
		file := filepath.Join(t.TempDir(), "policy.yaml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}
