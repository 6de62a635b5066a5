package scenarios

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with the file, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

const small = `scenario: small
about: One guest.
phases: [{guests: 1, within: 1s}]
guests: [{script: one, steps: [create]}]
`

// with returns a scenario whose only script has the steps.
func with(steps string) string {
	return strings.Replace(small, "[create]", "["+steps+"]", 1)
}

func mustParse(t *testing.T, source string) Scenario {
	t.Helper()
	s, err := Parse("test.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseReadsEveryKey(t *testing.T) {
	source := `scenario: everything
version: 1
about: 'Says: all'
seed: 18446744073709551615
phases:
  - {name: warm-up, arrivals: 90/min, for: 1m30s, record: false}
  - {from: 10/s, to: 100/s, for: 30s, spacing: poisson}
  - {name: burst, guests: 5000, within: 10s, spacing: uniform}
  - {concurrent: 50, for: 1h}
  - {pause: 500ms}
guests:
  - script: one
    weight: 0.5
    profile: {language: [en, de], gender: female, country: Ireland}
    steps:
      - create
      - rename: {think: 1s}
      - search-follows-connect
      - drop
feeds:
  usernames: {values: [Anna, Bert], order: random}
  locations: {file: places.jsonl}
wire:
  paths: {"/api/guest/{sessionId}": "/v2/{sessionId}"}
  events: {"user:match": find}
server: {tokens: 90s, events: 50/s}
thresholds:
  - response(create) p99.9 < 1.5s in any 5s
`
	source = strings.Replace(source, "      - search-follows-connect\n", "      - connect\n      - search: {within: 5s, language: en, gender: [female, male]}\n", 1)
	s := mustParse(t, source)
	if s.Name != "everything" || s.About != "Says: all" || s.Seed != 1<<64-1 || string(s.Source) != source || len(s.Hash) != 64 {
		t.Errorf("heading: %q %q %d", s.Name, s.About, s.Seed)
	}
	wantPhases := []Phase{
		{Name: "warm-up", Shape: Rate, From: 1.5, For: 90 * time.Second},
		{Name: "phase-2", Shape: Ramp, From: 10, To: 100, For: 30 * time.Second, Spacing: Poisson, Record: true},
		{Name: "burst", Shape: Burst, Guests: 5000, For: 10 * time.Second, Record: true},
		{Name: "phase-4", Shape: Closed, Guests: 50, For: time.Hour, Record: true},
		{Name: "phase-5", Shape: Pause, For: 500 * time.Millisecond, Record: true},
	}
	wantScripts := []Script{{
		Name: "one", Weight: 0.5,
		Lost:    LostReconnect,
		Profile: Traits{Language: []string{"en", "de"}, Gender: []string{"female"}, Country: []string{"Ireland"}},
		Steps: []Step{
			{Kind: Create, Line: 16},
			{Kind: Rename, Line: 17, Think: Draw{A: 1}},
			{Kind: Connect, Line: 18},
			{Kind: Search, Line: 19, Within: 5 * time.Second, Wants: Traits{Language: []string{"en"}, Gender: []string{"female", "male"}}},
			{Kind: Drop, Line: 20, How: Clean},
		},
	}}
	wantFeeds := map[string]Feed{
		FeedUsername: {Values: []string{"Anna", "Bert"}, Random: true},
		FeedLocation: {File: "places.jsonl"},
	}
	wantWire := Wire{
		Paths:  map[string]string{"/api/guest/{sessionId}": "/v2/{sessionId}"},
		Events: map[string]string{"user:match": "find"},
	}
	wantThresholds := []Threshold{{
		Expression: "response(create) p99.9 < 1.5s in any 5s", Metric: MetricResponse, Operation: "create", Stat: "p999",
		Comparison: Below, Value: 1500, Unit: Milliseconds, Window: 5 * time.Second, Line: 29,
	}}
	for _, c := range []struct{ got, want any }{
		{s.Phases, wantPhases}, {s.Scripts, wantScripts}, {s.Feeds, wantFeeds}, {s.Wire, wantWire}, {s.Server, Server{Instances: 1, Storage: StorageMemory, Tokens: 90 * time.Second, Events: 50}}, {s.Thresholds, wantThresholds},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("got  %+v\nwant %+v", c.got, c.want)
		}
	}
}

func TestShortFormsHaveTheDefaultsOfTheReadme(t *testing.T) {
	s := mustParse(t, with("create, connect, search, chat, next, hostile, drop"))
	want := []Step{
		{Kind: Create}, {Kind: Connect},
		{Kind: Search, Within: 10 * time.Second},
		{
			Kind: Chat, Messages: Draw{Form: Range, A: 5, B: 10, Whole: true, Min: 1},
			Think: Draw{Form: Range, A: 0.2, B: 0.8}, Length: Draw{Form: Range, A: 20, B: 200, Whole: true, Min: 1, Max: 1000},
		},
		{Kind: Next, Within: 10 * time.Second},
		{Kind: Hostile, With: Attacks()},
		{Kind: Drop, How: Clean},
	}
	for i := range want {
		want[i].Line = 4
	}
	if !reflect.DeepEqual(s.Scripts[0].Steps, want) {
		t.Errorf("got  %+v\nwant %+v", s.Scripts[0].Steps, want)
	}
	if s.Seed != 1 || s.Scripts[0].Weight != 1 || !s.Phases[0].Record || s.Phases[0].Spacing != Uniform || s.Phases[0].Name != "phase-1" {
		t.Errorf("defaults: seed %d, weight %v, phase %+v", s.Seed, s.Scripts[0].Weight, s.Phases[0])
	}
}

func TestLongFormsChangeOnlyWhatTheyName(t *testing.T) {
	short := mustParse(t, with("create, connect, search, chat")).Scripts[0].Steps[3]
	long := mustParse(t, with("create, connect, search, chat: {typing: true, think: 0s}")).Scripts[0].Steps[3]
	short.Typing, short.Think = true, Draw{}
	if !reflect.DeepEqual(short, long) {
		t.Errorf("got %+v, want %+v", long, short)
	}
}

func TestDrawsAreReadInEveryForm(t *testing.T) {
	for notation, want := range map[string]Draw{
		"0s":                               {},
		"1m30s":                            {A: 90},
		"200ms..800ms":                     {Form: Range, A: 0.2, B: 0.8},
		"[1s, 200ms, 1s]":                  {Form: List, Values: []float64{1, 0.2, 1}},
		"exponential mean 50ms":            {Form: Exponential, A: 0.05},
		"exponential max 5s mean 500ms":    {Form: Exponential, A: 0.5, Max: 5},
		"lognormal median 400ms sigma 0.5": {Form: LogNormal, A: 0.4, B: 0.5},
		"lognormal median 400ms sigma 0.5 max 10s":  {Form: LogNormal, A: 0.4, B: 0.5, Max: 10},
		"'lognormal  median 400ms sigma 2 max 10s'": {Form: LogNormal, A: 0.4, B: 2, Max: 10},
	} {
		got := mustParse(t, with("create, fetch: {think: "+notation+"}")).Scripts[0].Steps[1].Think
		if !reflect.DeepEqual(got, want) {
			t.Errorf("think: %s: got %+v, want %+v", notation, got, want)
		}
	}
	for notation, want := range map[string]Draw{
		"5":                         {A: 5},
		"5..10":                     {Form: Range, A: 5, B: 10},
		"[1, 2, 5]":                 {Form: List, Values: []float64{1, 2, 5}},
		"exponential mean 4 max 20": {Form: Exponential, A: 4, Max: 20},
	} {
		want.Whole, want.Min = true, 1
		got := mustParse(t, with("create, connect, search, chat: {messages: "+notation+"}")).Scripts[0].Steps[3].Messages
		if !reflect.DeepEqual(got, want) {
			t.Errorf("messages: %s: got %+v, want %+v", notation, got, want)
		}
	}
}

// TestErrorsReadAsInTheGoldenFiles: testdata/errors holds files with mistakes,
// and beside each what a person is told of it.
func TestErrorsReadAsInTheGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		_, err := Load(file)
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: got %v, want problems", file, err)
			continue
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
	}
}

func TestWhatIsNoTextIsRefused(t *testing.T) {
	for name, source := range map[string]string{
		"not UTF-8": "\xff\xfea", "UTF-16": "\xfe\xff\x00a", "empty": "", "only a comment": "# nothing\n",
		"too large": strings.Repeat("#", maxSource+1), "null": "~", "a list": "[]", "deep": strings.Repeat("[", 5000),
	} {
		if _, err := Parse("x.yaml", []byte(source)); err == nil {
			t.Errorf("%s: no error", name)
		} else if !strings.HasPrefix(err.Error(), "x.yaml:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStepsStandInAnOrderThatCanWork lists scripts and the one step that is
// refused, -1 for none.
func TestStepsStandInAnOrderThatCanWork(t *testing.T) {
	for steps, refused := range map[string]int{
		"create":                          -1,
		"create, fetch, rename, locate":   -1,
		"create, online, stats, renew":    -1,
		"create, idle: {for: 1s}, locate": -1,
		"create, connect, search, chat, chat, next, chat, search, chat, drop": -1,
		"create, connect, drop, reconnect, search, chat, drop":                -1,
		"create, connect, reconnect, drop: {how: half-open}, reconnect":       -1,
		"create, connect, deaf: {for: 1s}, wait: {until: 5s}, hostile":        -1,
		"create, hostile: {with: names}":                                      -1,
		"create, hostile":                                                     1,
		"create, hostile: {with: floods}":                                     1,
		"connect":                                                             0,
		"drop":                                                                0,
		"create, create":                                                      1,
		"create, search":                                                      1,
		"create, chat":                                                        1,
		"create, next":                                                        1,
		"create, drop":                                                        1,
		"create, reconnect":                                                   1,
		"create, deaf: {for: 1s}":                                             1,
		"create, connect, chat":                                               2,
		"create, connect, next":                                               2,
		"create, connect, connect":                                            2,
		"create, connect, rename":                                             2,
		"create, connect, drop, search":                                       3,
		"create, connect, drop, fetch":                                        3,
		"create, connect, drop, drop":                                         3,
		"create, connect, drop, connect":                                      3,
		"create, connect, search, reconnect, chat":                            4,
		"create, connect, search, drop, reconnect, chat":                      5,
		"create, connect, search, chat, reconnect, next":                      5,
		"create, connect, drop, idle: {for: 1s}":                              3,
		"create, drop, connect, chat":                                         1, // only the first is told
		"create, connect, search, drop, reconnect, create":                    5,
	} {
		lines := "\n      - " + strings.ReplaceAll(steps, ", ", "\n      - ")
		source := strings.Replace(small, "[{script: one, steps: [create]}]", "\n  - script: one\n    steps:"+lines, 1)
		_, err := Parse("x.yaml", []byte(source))
		var invalid *InvalidError
		switch {
		case refused < 0 && err != nil:
			t.Errorf("%s: %v", steps, err)
		case refused >= 0 && !errors.As(err, &invalid):
			t.Errorf("%s: accepted", steps)
		case refused >= 0 && (len(invalid.Problems) != 1 || invalid.Problems[0].Line != refused+7):
			t.Errorf("%s: %v, want step %d refused", steps, err, refused)
		}
	}
}

func TestUnknownNamesTheStepThatCannotBePlayed(t *testing.T) {
	s := mustParse(t, with("create, connect, drop"))
	if err := s.Unknown(Create, Connect, Drop, Wait); err != nil {
		t.Error(err)
	}
	want := `scenario small, line 4: the step "connect" of script one cannot be played by this program`
	if err := s.Unknown(Create, Drop); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
