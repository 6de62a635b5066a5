package main

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"guestload/results"
	"guestload/results/series"
)

// foreign is what the official JavaScript implementation of HdrHistogram makes of
// a log.
type foreign struct {
	StartMs float64
	Listed  []string
	Tags    map[string]struct {
		Intervals                 int
		Count, Total              int64 // of the intervals added up, and of the histogram of all
		FirstMs, LastMs, LengthMs float64
		Micros                    map[string]int64
		Mean                      float64
	}
}

func readForeign(t *testing.T, dir string) (f foreign) {
	t.Helper()
	folder := filepath.Join("testdata", "hlog")
	if err := install(folder); err != nil {
		t.Fatal(err)
	}
	log, err := filepath.Abs(filepath.Join(dir, results.LogFile))
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "read.js", log)
	node.Dir = folder
	out, err := node.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%v: %s", err, failed.Stderr)
	}
	if err := errors.Join(err, json.Unmarshal(out, &f)); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return f
}

// The log is one of the standard: another implementation reads the same from it.
func TestTheLogOpensInAnotherImplementation(t *testing.T) {
	t.Parallel()
	played := filepath.Join(t.TempDir(), "played")
	if code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, pair), "--out", played); code == results.ExitCouldNotRun {
		t.Fatalf("%s%s", out, errs)
	}
	for name, dir := range map[string]string{"a run": played, "many samples": manySamples(t)} {
		t.Run(name, func(t *testing.T) {
			run, err := results.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			compareForeign(t, run, readForeign(t, dir))
		})
	}
}

// manySamples is a record of three seconds, the second of them empty, with samples
// from a microsecond to the highest that a histogram holds.
func manySamples(t *testing.T) string {
	t.Helper()
	dice := rand.New(rand.NewPCG(1, 2))
	run := results.Run{Record: results.Record{Scenario: "many", Started: time.UnixMilli(1_700_000_000_250).UTC(), DurationSec: 3}}
	for s := range 3 {
		second := series.Second{Second: s, Phase: "steady", Operations: map[string]*series.Times{}}
		if s != 1 {
			times := series.NewTimes()
			for range 20_000 {
				us := min(3_600_000_000, 1+int64(900*math.Exp(2*dice.NormFloat64())))
				if err := errors.Join(times.Response.RecordValue(us), times.Service.RecordValue((us+1)/2), times.Lag.RecordValue(us/2)); err != nil {
					t.Fatal(err)
				}
			}
			for _, h := range []*series.Histogram{times.Response, times.Service, times.Lag} {
				if err := h.RecordValue(3_600_000_000); err != nil {
					t.Fatal(err)
				}
			}
			second.Operations["create"] = times
		}
		run.Seconds = append(run.Seconds, second)
	}
	run.Conclude(nil)
	dir := filepath.Join(t.TempDir(), "many")
	if err := results.Write(dir, run); err != nil {
		t.Fatal(err)
	}
	return dir
}

func compareForeign(t *testing.T, run results.Run, f foreign) {
	t.Helper()
	started := float64(run.Record.Started.UnixMilli())
	if math.Abs(f.StartMs-started) > 1 {
		t.Errorf("it began at %.0f ms, want %.0f", f.StartMs, started)
	}
	var tags []string
	for name, o := range run.Record.Operations {
		for _, kind := range []struct {
			name    string
			summary results.Summary
		}{{"response", o.Response}, {"service", o.Service}, {"lag", o.Lag}} {
			if o.Count == 0 {
				continue
			}
			tag := name + "." + kind.name
			tags = append(tags, tag)
			got := f.Tags[tag]
			if got.Count != o.Count || got.Total != o.Count {
				t.Errorf("%s: %d samples (%d in the intervals), run.json has %d", tag, got.Total, got.Count, o.Count)
			}
			for percentile, ms := range map[string]float64{"p50": kind.summary.P50, "p90": kind.summary.P90, "p95": kind.summary.P95,
				"p99": kind.summary.P99, "p99.9": kind.summary.P999, "p100": kind.summary.Max} {
				if us := int64(math.Round(1000 * ms)); us != got.Micros[percentile] {
					t.Errorf("%s %s: %d µs, run.json has %d", tag, percentile, got.Micros[percentile], us)
				}
			}
			if mean := 1000 * kind.summary.Mean; math.Abs(got.Mean-mean) > 1+mean/1000 {
				t.Errorf("%s: mean %.1f µs, run.json has %.1f", tag, got.Mean, mean)
			}
			last := started + 1000*float64(len(run.Seconds))
			if math.Abs(got.LengthMs-1000) > 1e-3 || got.FirstMs < started-1 || got.LastMs > last || got.Intervals > len(run.Seconds) {
				t.Errorf("%s: %d intervals of %.3f ms from %.0f to %.0f, the run is from %.0f to %.0f", tag, got.Intervals, got.LengthMs, got.FirstMs, got.LastMs, started, last)
			}
		}
	}
	slices.Sort(tags)
	if len(tags) == 0 || !slices.Equal(f.Listed, tags) {
		t.Errorf("tags %q, want %q", f.Listed, tags)
	}
}
