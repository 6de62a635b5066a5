package scenarios

import (
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"

	"guestload/server/contract"
)

// A scenario file stands alone, so the language has its own list of the contract's
// names. This compares it with the contract's descriptions.
func TestWireMapsTheNamesOfTheContract(t *testing.T) {
	var http struct{ Paths map[string]any }
	var live struct {
		Channels map[string]struct {
			Messages map[string]struct{ Name string }
		}
	}
	for text, to := range map[string]any{contract.OpenAPI: &http, contract.AsyncAPI: &live} {
		if err := yaml.Unmarshal([]byte(text), to); err != nil {
			t.Fatal(err)
		}
	}
	var routes, names []string
	for path := range http.Paths {
		if !strings.HasPrefix(path, "/api/auth/") && !strings.HasSuffix(path, ".yaml") { // aliases and descriptions
			routes = append(routes, path)
		}
	}
	for _, channel := range live.Channels {
		for _, m := range channel.Messages {
			names = append(names, m.Name)
		}
	}
	for what, lists := range map[string][2][]string{"paths": {paths(), routes}, "events": {events(), names}} {
		known, described := lists[0], lists[1]
		slices.Sort(known)
		slices.Sort(described)
		if described = slices.Compact(described); !slices.Equal(known, described) {
			t.Errorf("scenarios map the %s\n%q\nthe contract has\n%q", what, known, described)
		}
	}
}
