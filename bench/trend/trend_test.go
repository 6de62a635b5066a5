package trend

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"guestload/results"
)

var refresh = flag.Bool("update", false, "write the golden files anew")

func TestChangePointsAreFoundWhereTheyAre(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	level := func(n int, at float64) (all []float64) {
		for range n {
			all = append(all, at*(1+0.02*noise.NormFloat64()))
		}
		return all
	}
	for _, c := range []struct {
		name   string
		series []float64
		want   []int
	}{
		{"none", level(40, 100), nil},
		{"constant", slices.Repeat([]float64{1}, 30), nil},
		{"too few", []float64{1, 2, 3, 4}, nil},
		{"empty", nil, nil},
		{"up", slices.Concat(level(20, 100), level(20, 110)), []int{20}},
		{"up and down", slices.Concat(level(15, 100), level(15, 120), level(15, 100)), []int{15, 30}},
	} {
		var got []int
		for _, p := range changePoints(c.series) {
			got = append(got, p.Index)
		}
		if !slices.EqualFunc(got, c.want, func(a, b int) bool { return max(a-b, b-a) <= 1 }) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// False alarms of the change points, with fixed seeds: 1 % is asked for.
func TestChangePointsAreRareInNoise(t *testing.T) {
	found := 0
	for seed := range uint64(100) {
		noise := rand.New(rand.NewPCG(seed, 3))
		series := make([]float64, 24)
		for i := range series {
			series[i] = 100 + noise.NormFloat64()
		}
		found += min(1, len(changePoints(series)))
	}
	if found > 5 {
		t.Errorf("%d of 100 series without a change have one", found)
	}
}

func TestBestSplitIsTheDefinition(t *testing.T) {
	x := []float64{1, 2, 1, 9, 8, 9, 9}
	mean := func(a, b []float64, same bool) float64 {
		sum, n := 0.0, 0
		for i, v := range a {
			for j, w := range b {
				if !same || i != j {
					sum += max(v-w, w-v)
					n++
				}
			}
		}
		return sum / float64(n)
	}
	at, best := bestSplit(x)
	l, r := x[:3], x[3:]
	want := 3.0 * 4 / 7 * (2*mean(l, r, false) - mean(l, l, true) - mean(r, r, true))
	if at != 3 || best < want-1e-9 || best > want+1e-9 {
		t.Errorf("split at %d with %v, want 3 with %v", at, best, want)
	}
}

func TestTrendsAreTold(t *testing.T) {
	var records []results.Record
	for i := range 24 {
		cpu := 1.0 + 0.001*float64(i*7%5)
		if i >= 12 {
			cpu *= 1.2
		}
		records = append(records, results.Record{
			Scenario: "burst", Started: time.Date(2026, 11, 1+i, 12, 0, 0, 0, time.UTC), Environment: results.Environment{Commit: "abcdef1"},
			Operations: map[string]results.Operation{"create": {Count: 10, Response: results.Summary{P50: 2, P99: 5}}},
			Resources:  results.Resources{Server: &results.Usage{CPUSec: cpu, CPUMsPerSession: cpu, RSSPeakMB: 80}, Loadgen: &results.Usage{CPUSec: 1, CPUMsPerSession: 1, RSSPeakMB: 60}},
		})
	}
	tr := Of("burst", records)
	var table, page bytes.Buffer
	if err := tr.WriteText(&table); err != nil {
		t.Fatal(err)
	}
	if err := tr.WritePage(&page); err != nil {
		t.Fatal(err)
	}
	golden(t, "trend.txt", table.Bytes())
	golden(t, "trend.html", page.Bytes())
}

func TestNoTextLeavesItsPlace(t *testing.T) {
	elements := func(text string) (all []string, shown int) {
		records := []results.Record{{
			Scenario: text, Started: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Environment: results.Environment{Commit: text},
			Operations: map[string]results.Operation{text: {Count: 1, Response: results.Summary{P50: 2, P99: 5}}},
		}}
		trend := Of(text, records)
		trend.Series[0].Points = []ChangePoint{{}}
		var page bytes.Buffer
		if err := trend.WritePage(&page); err != nil {
			t.Fatal(err)
		}
		root, err := html.Parse(&page)
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type != html.TextNode {
				all = append(all, n.Data)
			}
			shown += strings.Count(n.Data, text)
			for _, a := range n.Attr {
				all = append(all, a.Key)
				shown += strings.Count(a.Val, text)
			}
		}
		return all, shown
	}
	plain, places := elements("plain text")
	for _, text := range []string{`<script>alert(1)</script>`, `</title></svg><b>`, `"><b x="`, `' onload='alert(1)`, `&lt;b> <!--`, `</style>`} {
		if got, shown := elements(text); !slices.Equal(got, plain) || shown != places || places < 10 {
			t.Errorf("%q is shown in %d places of %d, within %q, want %q", text, shown, places, got, plain)
		}
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
