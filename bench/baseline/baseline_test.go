package baseline

import (
	"slices"
	"strings"
	"testing"

	"guestload/bench/gate"
)

func TestDifferencesOfHardMetricsAreTold(t *testing.T) {
	metrics := []gate.Metric{{Name: "a", Unit: "B"}, {Name: "b", Unit: "B"}, {Name: "c", Unit: "B"}, {Name: "more", Unit: "n", More: true}, {Name: "new", Unit: "B"}}
	got := differences(metrics,
		map[string]float64{"a": 1, "b": 2, "c": 3, "more": 4, "old": 5},
		map[string]float64{"a": 1, "b": 3, "c": 2, "more": 3, "new": 6})
	want := []string{"b: 2 → 3 B, worse", "c: 3 → 2 B, better", "more: 4 → 3 n, worse", "new: 6 B, new", "old: was 5, is in the policy no more"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Allocations and sizes are compared with a baseline of the same toolchain only.
func TestBaselinesOfAnotherToolchainAreLeftOut(t *testing.T) {
	metrics := []gate.Metric{{Name: "a", Unit: "allocs/op"}, {Name: "w", Unit: "wire-B/op"}, {Name: "s", Unit: "quarter-MiB"}}
	for of, want := range map[string]int{"go1.26 linux/amd64": 3, "": 3, "go1.0 linux/amd64": 1, "go1.26 linux/amd64 GOAMD64=v3": 1} {
		left, note := File{Go: of}.Comparable(metrics, "go1.26 linux/amd64")
		if len(left) != want || (note == "") != (want == 3) || want == 1 && !strings.Contains(note, of) {
			t.Errorf("%q: %v, %q", of, left, note)
		}
	}
}
