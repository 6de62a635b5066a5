package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"guestload/results"
	"guestload/scenarios"
	"guestload/server/api"
)

// rest is what an example of one section leaves out.
var rest = map[string]string{
	"scenario":   "scenario: example\n",
	"about":      "about: An example of the language's page.\n",
	"phases":     "phases: [{guests: 8, within: 500ms}]\n",
	"guests":     "guests: [{script: one, steps: [create, fetch, rename, locate, connect, online, stats, renew, search, chat, drop]}]\n",
	"thresholds": "thresholds: [violations == 0]\n",
}

// completed puts an example's section into a whole scenario.
func completed(example string) string {
	for _, key := range []string{"scenario", "about", "phases", "guests", "thresholds"} {
		searches := key == "phases" && strings.HasPrefix(example, "capacity:")
		if !searches && !regexp.MustCompile("(?m)^"+key+":").MatchString(example) {
			example += rest[key]
		}
	}
	return example
}

// unplayed are examples of another backend's names, of searches, and of several
// servers: these are tested elsewhere.
var unplayed = regexp.MustCompile(`(?m)^(wire|faults|capacity):|instances:`)

// Every example of the language's page is rehearsed, and played in little.
func TestExamplesOfTheLanguageWork(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "scenarios", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, feed := range []string{"names.csv", "places.jsonl"} {
		b, err := os.ReadFile(filepath.Join("..", "scenarios", "testdata", "feeds", feed))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, feed), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(examples) < 7 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, e := range examples {
		text := completed(e[1])
		first, _, _ := strings.Cut(e[1], "\n")
		t.Run(strings.TrimSuffix(first, ":"), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(dir, strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())+".yaml")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if code, out, errs := invoke(t.Context(), "--scenario", file, "--dry-run"); code != results.ExitPassed || out == "" {
				t.Fatalf("dry run: exit code %d, %s", code, errs)
			}
			if unplayed.MatchString(e[1]) {
				return
			}
			s, err := scenarios.Load(file)
			if err == nil {
				s, err = hurried(s, 16)
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Thresholds = nil // those of the page are about other sizes
			playHurried(t, s, api.JSON)
		})
	}
}
