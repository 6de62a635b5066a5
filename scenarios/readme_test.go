package scenarios

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"guestload/scenarios/operation"
	"guestload/scenarios/rule"
)

// readmeExamples returns every yaml block of the README; one that shows a section
// only is put into a scenario that has the others.
func readmeExamples(t *testing.T) (all []string) {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 6 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		source := block[1]
		for line := range strings.Lines(with("create, connect, search, chat")) {
			key, _, _ := strings.Cut(line, ":")
			if key == "phases" && strings.Contains(source, "capacity:") {
				continue
			}
			if !regexp.MustCompile("(?m)^" + key + ":").MatchString(source) {
				source += line
			}
		}
		all = append(all, source)
	}
	return all
}

func TestReadmeExamplesParse(t *testing.T) {
	for _, source := range readmeExamples(t) {
		if _, err := Parse("README.md", []byte(source)); err != nil {
			t.Errorf("%v\nin\n%s", err, source)
		}
	}
}

// TestReadmeNamesEveryWord: what the parser knows is documented.
func TestReadmeNamesEveryWord(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	words := slices.Concat(steps(), operation.Names(), metrics(), Attacks(), traitKeys(), capacityKeys())
	for _, kind := range steps() {
		words = append(words, options(Kind(kind))...)
	}
	for _, keys := range shapes() {
		words = append(words, keys...)
	}
	words = append(words, string(Clean), string(Abrupt), string(HalfOpen), string(Left), string(Leaving), "uniform", "poisson", "sequence", "random")
	quoted := regexp.MustCompile("`[^`\n]+`").FindAllString(string(readme), -1)
	named := strings.Join(quoted, " ")
	for _, word := range words {
		if !regexp.MustCompile(`(?:^|[^a-z-])` + word + `(?:$|[^a-z-])`).MatchString(named) {
			t.Errorf("README.md does not name %q", word)
		}
	}
	all, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if !strings.Contains(string(readme), "\n| "+l.Name+" | ") {
			t.Errorf("README.md does not list the shipped scenario %q", l.Name)
		}
	}
}

// TestReadmeListsTheRules in their order, with the sentence that reports show.
func TestReadmeListsTheRules(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, r := range rule.All() {
		fmt.Fprintf(&want, "| `%s` | %s |\n", r.ID, r.Text)
	}
	if !strings.Contains(string(readme), want.String()) {
		t.Errorf("README.md does not have this table of rules:\n%s", want.String())
	}
}
