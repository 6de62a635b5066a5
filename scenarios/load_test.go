package scenarios

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestShippedScenariosAreWhole(t *testing.T) {
	all, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range all {
		names = append(names, l.Name)
		s, err := Load(l.Name)
		if err != nil {
			t.Fatal(err)
		}
		if onDisk, err := os.ReadFile(l.Name + ".yaml"); err != nil || string(onDisk) != string(s.Source) {
			t.Errorf("%s is not in a file of its name: %v", l.Name, err)
		}
		checkCatalogue(t, s)
	}
	if !slices.IsSorted(names) || !slices.Contains(names, "smoke") || !slices.Contains(names, "burst") {
		t.Errorf("shipped: %v", names)
	}
}

// checkCatalogue asks of a file what each of the catalogue says.
func checkCatalogue(t *testing.T, s Scenario) {
	t.Helper()
	for _, want := range []string{"# Purpose: ", "# Expected picture: "} {
		if !strings.Contains(string(s.Source), want) {
			t.Errorf("%s: no %q in it", s.Name, want)
		}
	}
	if len(s.Thresholds) < 3 || s.Planned() < 50 || !strings.HasSuffix(s.About, ".") || len(s.About) > 100 {
		t.Errorf("%s: %d thresholds, %d guests, about %q", s.Name, len(s.Thresholds), s.Planned(), s.About)
	}
}

func TestSmokeAndBurstAreAsSpecified(t *testing.T) {
	for name, guests := range map[string]int{"smoke": 50, "burst": 5000} {
		s, err := Load(name)
		if err != nil || s.Planned() != guests || len(s.Phases) != 1 {
			t.Errorf("%s: %d guests in %d phases, %v", name, s.Planned(), len(s.Phases), err)
		}
	}
}

func TestUnknownNamesGetTheListAndTheNearest(t *testing.T) {
	for name, want := range map[string]string{"brust": `did you mean "burst"?`, "xyzzyplugh": "./my.yaml", "": "./my.yaml"} {
		_, err := Load(name)
		if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\n  smoke ") {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, path := range []string{"./none.yaml", "none.yml", "testdata/"} {
		if _, err := Load(path); err == nil || errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if _, err := Load("no/such.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestLoadReadsFeedsBesideTheScenario(t *testing.T) {
	dir := t.TempDir()
	source := small + `feeds:
  usernames: {file: names.csv, column: name, order: random}
  locations: {file: places.jsonl}
  messages: {file: texts.ndjson, column: text}
`
	for _, name := range []string{"names.csv", "places.jsonl", "texts.ndjson", "lines.txt"} {
		content, err := os.ReadFile(filepath.Join("testdata/feeds", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), string(content))
	}
	check := func(source string, want map[string][]string) {
		t.Helper()
		file := filepath.Join(dir, "mine.yaml")
		write(t, file, source)
		s, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		for fills, values := range want {
			if !slices.Equal(s.Feeds[fills].Values, values) {
				t.Errorf("%s: %q, want %q", fills, s.Feeds[fills].Values, values)
			}
		}
	}
	check(source, map[string][]string{
		FeedUsername: {"Anna", "Bert"},
		FeedLocation: {`{"country":"France","city":"Lyon"}`, `{"country":"Malta"}`},
		FeedMessage:  {"Hello, é!", "Bye\nnow"},
	})
	check(strings.Replace(source, "texts.ndjson, column: text", "lines.txt", 1), map[string][]string{FeedMessage: {"hello there", "how are you"}})
	check(strings.Replace(source, "file: names.csv, column: name", "file: "+filepath.Join(dir, "names.csv")+", column: city", 1),
		map[string][]string{FeedUsername: {"Lyon", "Cork"}})
	if s := mustParse(t, source); s.Feeds[FeedUsername].Values != nil || !s.Feeds[FeedUsername].Random {
		t.Errorf("Parse opened a feed: %+v", s.Feeds)
	}
}

func TestFeedsThatAreDamagedNameTheLine(t *testing.T) {
	for _, test := range []struct{ kind, fills, column, source, want string }{
		{".csv", FeedUsername, "name", "", "first line"},
		{".csv", FeedUsername, "name", "name\n", "no values"},
		{".csv", FeedUsername, "name", "name,a\nAnna,b\nBert\n", "line 3"},
		{".csv", FeedUsername, "name", "name\nAnna\n\" \"\n", "line 3: an empty value"},
		{".csv", FeedUsername, "name", "name\n\"Anna", "quot"},
		{".jsonl", FeedMessage, "", "\"a\"\n5\n", "line 2"},
		{".jsonl", FeedMessage, "text", "{\"text\":\"a\"}\n{}\n", "line 2"},
		{".jsonl", FeedMessage, "text", "[]\n", "line 1"},
		{".jsonl", FeedLocation, "", "{\"a\":}\n", "line 1"},
		{".jsonl", FeedLocation, "", "null\n", "line 1"},
		{".txt", FeedMessage, "", "a\n\nb\n", "line 2: an empty value"},
		{".txt", FeedMessage, "", "", "no values"},
		{".txt", FeedMessage, "", strings.Repeat("a", maxSource+1), "too long"},
		{".txt", FeedMessage, "", strings.Repeat("a\n", maxCount+1), "more than 1000000"},
	} {
		_, err := readFeed(test.kind, test.fills, test.column, []byte(test.source))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %.30q: got %v, want %q in it", test.kind, test.source, err, test.want)
		}
	}
	if got, err := readFeed(".csv", FeedUsername, "name", []byte("\ufeffname\r\nAnna\r\n\r\n")); err != nil || !slices.Equal(got, []string{"Anna"}) {
		t.Errorf("a file with a byte order mark and an empty last line: %q, %v", got, err)
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
