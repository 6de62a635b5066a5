package session

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"guestload/scenarios"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestRehearsalsAreTheSameForTheSameSeed(t *testing.T) {
	all := script("everything", step(scenarios.Create), step(scenarios.Rename), step(scenarios.Locate), step(scenarios.Connect),
		scenarios.Step{Kind: scenarios.Search, Within: 5 * time.Second, Wants: scenarios.Traits{Language: []string{"de", "fr"}, Country: []string{"France"}}},
		scenarios.Step{Kind: scenarios.Chat, Messages: scenarios.Draw{Form: scenarios.Range, A: 5, B: 30, Whole: true},
			Think: scenarios.Draw{Form: scenarios.Exponential, A: 0.5}, Length: scenarios.Draw{Form: scenarios.Range, A: 20, B: 200, Whole: true}},
		scenarios.Step{Kind: scenarios.Idle, For: scenarios.Draw{Form: scenarios.Range, A: 1, B: 2}, Think: constant(0.5)},
		step(scenarios.Online), dropping(scenarios.Abrupt))
	all.Profile = scenarios.Traits{Language: []string{"de", "fr"}, Gender: []string{"x"}}
	short := script("short", step(scenarios.Create))
	set := Setting{Scripts: []scenarios.Script{all, short}, Seed: 42, Without: map[scenarios.Kind]bool{scenarios.Online: true},
		Feeds: map[string]scenarios.Feed{scenarios.FeedUsername: {Values: []string{"Anna", "Bert", "Cleo"}}}}
	var got strings.Builder
	for guest := range 6 {
		got.WriteString(strings.Join(Rehearse(set, guest), "\n") + "\n")
	}
	golden := filepath.Join("testdata", "rehearsal.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%swant\n%s(run with -update when this is meant)", got.String(), want)
	}
}

func TestNeighboursDrawIndependently(t *testing.T) {
	const guests = 20000
	var sum, product float64
	last := 0.5
	for guest := range guests {
		d := newRandom(1, guest)
		d.startStep(1, guest, 3)
		v := d.Float64()
		sum += v
		product += (v - 0.5) * (last - 0.5)
		last = v
	}
	if mean := sum / guests; math.Abs(mean-0.5) > 0.01 {
		t.Errorf("mean %v, want 0.5", mean)
	}
	if correlation := product / guests * 12; math.Abs(correlation) > 0.03 {
		t.Errorf("neighbours correlate by %v, want 0", correlation)
	}
}

func TestScriptsAreDrawnByWeight(t *testing.T) {
	often, seldom := script("often"), script("seldom")
	often.Weight = 9
	w := NewWorld(Setting{Scripts: []scenarios.Script{often, seldom}})
	n := 0
	for guest := range 10000 {
		d := newRandom(5, guest)
		if w.script(d).Name == "seldom" {
			n++
		}
	}
	if n < 900 || n > 1100 {
		t.Errorf("%d of 10,000 play the script of a tenth of the weight", n)
	}
}

func TestCutUnitsCutsBetweenCharacters(t *testing.T) {
	for _, tt := range []struct {
		text  string
		units int
		want  string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"äöü", 2, "äö"}, {"a😀b", 2, "a"}, {"a😀b", 3, "a😀"}, {"a😀b", 4, "a😀b"},
	} {
		got := cutUnits(tt.text, tt.units)
		if got != tt.want || len(utf16.Encode([]rune(got))) > tt.units {
			t.Errorf("cutUnits(%q, %d) = %q, want %q", tt.text, tt.units, got, tt.want)
		}
	}
}

func TestLagsAreFoundOrUnknown(t *testing.T) {
	var l lags
	for guest := range 1000 {
		l.note(guest, 3, time.Duration(guest)*time.Millisecond)
	}
	known := 0
	for guest := range 1000 {
		switch got := l.of(guest, 3); got {
		case time.Duration(guest) * time.Millisecond:
			known++
		case 0:
		default:
			t.Fatalf("lag of guest %d is %v", guest, got)
		}
	}
	if known < 900 {
		t.Errorf("%d of 1,000 lags are known, want nearly all", known)
	}
	l.note(7, 1, time.Hour)
	if got := l.of(7, 1); got != maxLag*time.Microsecond {
		t.Errorf("a lag of an hour counts as %v, want the most there is", got)
	}
	l.note(8, 1, -time.Second)
	if got := l.of(8, 1); got != 0 {
		t.Errorf("a negative lag counts as %v, want 0", got)
	}
}

func TestPatienceOutlastsThinkTimes(t *testing.T) {
	for _, tt := range []struct {
		think scenarios.Draw
		want  time.Duration
	}{
		{constant(2), 2 * time.Second},
		{scenarios.Draw{Form: scenarios.Range, A: 1, B: 3}, 3 * time.Second},
		{scenarios.Draw{Form: scenarios.Exponential, A: 1}, 9300 * time.Millisecond},
		{scenarios.Draw{Form: scenarios.Exponential, A: 1, Max: 4}, 4 * time.Second},
		{scenarios.Draw{Form: scenarios.List, Values: []float64{1, 5, 2}}, 5 * time.Second},
		{scenarios.Draw{Form: scenarios.LogNormal, A: 1}, time.Second},
	} {
		s := script("s", scenarios.Step{Kind: scenarios.Chat, Think: tt.think})
		w := NewWorld(Setting{Scripts: []scenarios.Script{s}})
		if got := w.patience - w.noticed; got != tt.want {
			t.Errorf("%+v: %v on top, want %v", tt.think, got, tt.want)
		}
	}
}

func TestFirstsAreThoseWhoPlayEachScript(t *testing.T) {
	often, seldom, never := script("often", step(scenarios.Create)), script("seldom", step(scenarios.Create)), script("never", step(scenarios.Create))
	often.Weight, seldom.Weight, never.Weight = 30, 1, 1e-9
	set := Setting{Scripts: []scenarios.Script{often, seldom, never}, Seed: 7}
	firsts := Firsts(set, 1000)
	if firsts[0] != 0 || firsts[1] < 1 || firsts[2] != -1 {
		t.Fatalf("got %v", firsts)
	}
	for guest := range firsts[1] + 1 {
		told := Rehearse(set, guest)[0]
		if plays := strings.Contains(told, "plays seldom"); plays != (guest == firsts[1]) {
			t.Errorf("guest %d: %s; the first is %d", guest, told, firsts[1])
		}
	}
}
