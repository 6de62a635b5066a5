package rule

import (
	"strings"
	"testing"
)

func TestEachRuleHasItsOwnIDAndOneSentence(t *testing.T) {
	seen := map[string]bool{}
	for i, r := range All() {
		if id := string(r.ID); seen[id] || id == "" || id != IDs()[i] {
			t.Errorf("rule %d has the id %q", i, id)
		}
		seen[string(r.ID)] = true
		if r.Text == "" || strings.HasSuffix(r.Text, ".") || r.Section == "" {
			t.Errorf("%+v", r)
		}
		if found, ok := Find(string(r.ID)); !ok || found.Text != r.Text {
			t.Errorf("Find(%q) = %+v, %v", r.ID, found, ok)
		}
	}
	if _, ok := Find("no-such-rule"); ok {
		t.Error("found a rule that there is not")
	}
}
