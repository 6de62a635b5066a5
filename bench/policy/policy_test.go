package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPoliciesAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"alfa: 0.01":                    "line 1: field alfa not found",
		"alpha: 2":                      "alpha and passAlpha are 2",
		"budget: soon":                  "line 1: cannot construct !!str `soon` into time.Duration",
		"":                              "no documents",
		"alpha: 0.01\nalpha: 0.02":      `line 2: mapping key "alpha" already defined at line 1`,
		"alpha: 0.01\n---\nalpha: 0.02": "single document",
		"alpha: [":                      "L2.C1",
		"looks: [3]":                    "at least 12",
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
