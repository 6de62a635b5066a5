package selftest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"guestload/bench/gate"
	"guestload/bench/policy"
)

func TestTheShippedPlanHolds(t *testing.T) {
	p, err := policy.Load("")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := readPlan(shippedPlan, p)
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]int{}
	for _, k := range plan {
		name := k.Plant
		if k.Burn > 0 {
			name += ", burnt"
		}
		runs[name] += k.Runs
		if k.Burn == 0 && k.Pass == 0 && k.Regressed == 0 {
			t.Errorf("%s has no target", k.name())
		}
	}
	for plant, least := range map[string]int{
		"none": 100, "1% instructions": 30, "5% instructions": 10, "write": 30, "5%": 30, "5% cache": 30, "allocation": 5, "command": 5,
		"none, burnt": 50, "1% instructions, burnt": 20, "5% cache, burnt": 4,
	} {
		if runs[plant] < least {
			t.Errorf("%s is planned %d times, want at least %d", plant, runs[plant], least)
		}
	}
	for text, want := range map[string]string{
		"[]":                                                  "empty",
		"- {plant: none, rnus: 3}":                            "rnus",
		"- {plant: none}":                                     "--runs 0",
		"- {plant: much, runs: 1}":                            `"much"`,
		"- {plant: 5% of all, runs: 1}":                       `"5% of all"`,
		"- {plant: cache, runs: 1}":                           `"cache"`,
		"- {plant: none, runs: 1, pass: 98}":                  "pass 98",
		"- {plant: 5%, runs: 1, pass: 0.9}":                   "pass of identical code",
		"- {plant: none, runs: 1, burn: -1}":                  "burn -1",
		"- {plant: x% instructions, runs: 1}":                 `"x% instructions"`,
		"- {plant: 1% instructions, only: [Record], runs: 1}": "look for them in Relay/within",
		"- {plant: none, only: [X], runs: 1}":                 `"X"`,
		"- {plant: 5%, only: [Record], runs: 1}":              "Relay/within or Server/memory",
		"- {plant: none, runs: 1}\n- {plant: none, runs: 2}":  "twice",
	} {
		if _, err := readPlan([]byte(text), p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}

var someSetup = setup{Base: "abc1234", Go: "go1.26", CPU: "some processor", CPUs: 2}

func TestAJournalGoesOnWhereItStopped(t *testing.T) {
	dir := t.TempDir()
	k := Kind{Plant: "5%", Only: []string{"Relay/within"}, Runs: 4}
	j, err := openJournal(dir, someSetup)
	if err != nil {
		t.Fatal(err)
	}
	change := 0.05
	for i, v := range []gate.Verdict{gate.Regressed, gate.Regressed, gate.Inconclusive} {
		run := played{Kind: k.name(), At: time.Date(2026, 11, 24, 5, i, 0, 0, time.UTC), Verdict: v, Pairs: 12 * (i + 1), Minutes: 0.1, Change: &change}
		if err := j.add(entry{Run: &run}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.add(entry{Costs: map[string]cost{"Relay/within": {20, 600}}}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "selftest.jsonl")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, `{"run":{"kind":"cut o`...), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := openJournal(dir, someSetup)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.runs) != 3 || again.setup.Costs["Relay/within"] != (cost{20, 600}) || again.table([]Kind{k}) != j.table([]Kind{k}) {
		t.Errorf("read %+v", again)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(text) {
		t.Errorf("what was cut off is still there: %q, %v", after, err)
	}
	golden(t, "selftest.md", []byte(again.table([]Kind{k, {Plant: "5%", Only: k.Only, Runs: 3, Regressed: 0.9, Seconds: 5}, {Plant: "none", Runs: 2, Burn: 2}})))
	s := &selftest{journal: again, plan: []Kind{k, {Plant: "none", Runs: 2}}}
	if next, left := s.next(); next.Plant != "none" || left != 3 {
		t.Errorf("next %s of %d", next.name(), left)
	}
	other := someSetup
	other.Base = "fff0000"
	if _, err := openJournal(dir, other); err == nil || !strings.Contains(err.Error(), "another folder") {
		t.Errorf("runs of another base: %v", err)
	}
	if err := os.WriteFile(file, append(text, "nonsense\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(dir, someSetup); err == nil || !strings.Contains(err.Error(), "line 6") {
		t.Errorf("nonsense: %v", err)
	}
}

// Few rounds of planted work hide behind the processor's waits.
func TestPlantedWorkIsCalibratedByTwoPlants(t *testing.T) {
	c := costOf(80, 1000, 0.10, 1.60)
	for share, want := range map[float64]int{0.10: 80, 1.60: 1000, 0.05: 49, 0.0001: 19} {
		if got := c.rounds(share); got != want {
			t.Errorf("%v are %d rounds, want %d", share, got, want)
		}
	}
	if got := (cost{Hidden: -5, Whole: 10}).rounds(0.05); got != 1 {
		t.Errorf("fewer than none: %d rounds", got)
	}
}

// Identical code is judged with all of alpha, planted code with its part of the
// whole policy's.
func TestAFamilyMakesTheLevelStricter(t *testing.T) {
	p := gate.Default()
	p.Metrics = []gate.Metric{{Name: "a", Unit: "x", Tolerance: 0.02, Reason: "tested"}}
	e := gate.Evidence{Pairs: map[string][]gate.Pair{"a": slices.Repeat([]gate.Pair{{Base: 1, Head: 1.1}}, 12)}}
	var levels []float64
	for _, family := range []int{0, 1, 4} {
		p.Family = family
		r, err := gate.Judge(p, e)
		if err != nil {
			t.Fatal(err)
		}
		levels = append(levels, r.Metrics[0].Level)
	}
	if levels[0] != levels[1] || levels[0] != 4*levels[2] {
		t.Errorf("levels %v", levels)
	}
}
