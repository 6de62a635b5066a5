package report

import (
	"math"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"guestload/results"
	"guestload/results/compare"
)

func comparison(more bool) compare.Comparison {
	a, b := record(), failed()
	a.Environment.Commit, b.Environment.Commit = "c97bda8d0f3b8ce41fb9e7da1f1c6ad5b0f1a2c3", "83a26a1f00aa11bb22cc33dd44ee55ff66778899-dirty"
	b.Resources.Redis = &results.Usage{CPUSec: 0.2, RSSPeakMB: 9, CPUMsPerSession: 0.04}
	b.Operations["match"] = results.Operation{}
	none := math.NaN()
	c := compare.Comparison{
		Records: []results.Record{a, b},
		Rows: []compare.Row{
			{Operation: "create", Kind: "response", Percentile: "p50", Millis: []float64{0.42, 0.43}, Changes: []compare.Change{{Ratio: 1.0238, Low: 0.98, High: 1.07, Finding: compare.Noise}}},
			{Operation: "create", Kind: "response", Percentile: "p99", Millis: []float64{3.1, 48}, Changes: []compare.Change{{Ratio: 15.5, Low: 8.2, High: 29.1, Finding: compare.Slower}}},
			{Operation: "create", Kind: "service", Percentile: "p50", Millis: []float64{0.4, 0.31}, Changes: []compare.Change{{Ratio: 0.775, Low: 0.7, High: 0.84, Finding: compare.Faster}}},
			{Operation: "create", Kind: "service", Percentile: "p99.9", Millis: []float64{8, 9}, Changes: []compare.Change{{Ratio: 1.125, Low: none, High: none, Finding: compare.Unclear}}},
			{Operation: "match", Kind: "response", Percentile: "p50", Millis: []float64{15, none}, Changes: []compare.Change{{Ratio: none, Low: none, High: none, Finding: compare.Unclear}}},
		},
		Warnings: []string{"the seed differs: 1 and 2"},
	}
	if more {
		c.Records = append(c.Records, a)
		for i, r := range c.Rows {
			c.Rows[i].Millis = append(r.Millis, r.Millis[0])
			c.Rows[i].Changes = append(r.Changes, compare.Change{Ratio: 1, Low: 0.9, High: 1.1, Finding: compare.Noise})
		}
		c.Warnings = nil
	}
	return c
}

func TestRunsAreShownSideBySide(t *testing.T) {
	names := []string{"results/runs/burst-20260102T150405Z", "results/runs/burst-20260102T151010Z", "results/runs/burst-20260102T152020Z"}
	for _, c := range []struct {
		name     string
		terminal Terminal
		more     bool
	}{
		{"compare-100", Terminal{Width: 100}, false}, {"compare-64", Terminal{Width: 64}, false}, {"compare-54", Terminal{Width: 54}, false},
		{"compare-three-100", Terminal{Width: 100}, true}, {"compare-colour-100", Terminal{Width: 100, Colour: true}, false},
		{"compare-ascii-80", Terminal{Width: 80, ASCII: true}, false},
	} {
		runs := comparison(c.more)
		got := c.terminal.Comparison(runs, names[:len(runs.Records)])
		golden(t, c.name, got)
		if widest := text.LongestLineLen(got); widest > c.terminal.Width {
			t.Errorf("%s: %d columns wide", c.name, widest)
		}
	}
}

func TestChangesAreWrittenShort(t *testing.T) {
	for ratio, want := range map[float64]string{1: "+0.0%", 1.2: "+20%", 0.969: "-3.1%", 0.5: "-50%", 9: "+800%", 15.5: "x16", math.NaN(): "-"} {
		if got := percent(ratio); got != want {
			t.Errorf("%v: got %s, want %s", ratio, got, want)
		}
	}
}

func TestComparingNothingSaysSo(t *testing.T) {
	if got := (Terminal{Width: 80}).Comparison(compare.Comparison{Records: []results.Record{{}, {}}}, nil); !strings.Contains(got, "no operation was recorded") {
		t.Errorf("got %s", got)
	}
}
