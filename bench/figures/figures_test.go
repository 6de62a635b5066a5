package figures

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guestload/results"
)

func TestFiguresAreMediansWithTheirSpread(t *testing.T) {
	run := func(a, b float64) []Figure {
		return []Figure{AtMost("a", a, 2, "%.1fx"), AtMost("b", b, 0, "%.0f"), Shown("c", a, "%.2f ms")}
	}
	var table bytes.Buffer
	if err := WriteMarkdown(&table, Join([][]Figure{run(1, 0), run(9, 0), run(3, 0), run(2, 0), run(1.5, 0)})); err != nil {
		t.Fatal(err)
	}
	want := `| figure | target | median | spread | runs | |
|---|---|---|---|---|---|
| a | ≤ 2.0x | 2.0x | 1.0x to 9.0x | 5 | met |
| b | ≤ 0 | 0 | 0 to 0 | 5 | met |
| c |  | 2.00 ms | 1.00 ms to 9.00 ms | 5 |  |
`
	if table.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &table, want)
	}
	for _, f := range Join([][]Figure{run(1, 0), run(3, 1)})[:2] {
		if f.Met() {
			t.Errorf("of two runs the worse counts: %+v", f)
		}
	}
	table.Reset()
	if err := WriteMarkdown(&table, run(3, 0)); err != nil || !strings.Contains(table.String(), "| a | ≤ 2.0x | 3.0x | – | 1 | **not met** |") {
		t.Errorf("a single run: %v\n%s", err, &table)
	}
}

func TestSectionsReplaceThemselvesOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "docs", "RESULTS.md")
	for _, s := range []Section{{"bench scale", "old"}, {"bench peers", "kept\n\n"}, {"bench scale", "new"}} {
		if err := s.WriteTo(file); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	want := "<!-- bench scale -->\n## bench scale\n\nnew\n<!-- end of bench scale -->\n\n<!-- bench peers -->\n## bench peers\n\nkept\n<!-- end of bench peers -->\n"
	if err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if err := (Section{"bench scale", "x"}).WriteTo(filepath.Join(file, "below")); err == nil {
		t.Error("a file in the place of a folder, and no error")
	}
}

func TestStampsNameMachineDateAndCommit(t *testing.T) {
	at := time.Date(2026, 12, 1, 23, 0, 0, 0, time.UTC)
	env := results.Environment{CPU: "some processor", CPUs: 2, Go: "go1.26", Commit: strings.Repeat("a", 40) + "-dirty"}
	if got := Stamp(env, at); got != "Measured on 2 × some processor, go1.26, 2026-12-01, at commit aaaaaaaaaaaa-dirty." {
		t.Error(got)
	}
}
