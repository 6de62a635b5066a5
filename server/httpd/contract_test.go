package httpd

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"guestload/server/contract"
)

// placeholder is a parameter in a path; the table knows only what stands before it.
var placeholder = regexp.MustCompile(`\{[^}]*\}$`)

// routed returns METHOD PATH of every route, a parameter as {}.
func routed() map[string]bool {
	table := (&Server{metrics: NewMetrics()}).table()
	found := map[string]bool{}
	add := func(path string, e *route) {
		for method, h := range map[string]handler{"GET": e.get, "POST": e.post, "DELETE": e.delete} {
			if h != nil {
				found[method+" "+path] = true
			}
		}
		if e.framing != nil {
			found["GET "+path] = true
		}
	}
	for path, e := range table.exact {
		add(path, e)
	}
	for _, p := range table.prefix {
		add(string(p.path)+"{}", p.route)
	}
	return found
}

func TestContractHasEveryRoute(t *testing.T) {
	page, err := os.ReadFile("../CONTRACT.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| <a id=\"([^\"]+)\"></a>`((?:GET|POST|DELETE) (/[^`]*))`").FindAllStringSubmatch(string(page), -1) {
		id, name := row[1], strings.TrimSuffix(row[2], "/")
		if want := anchor(name); id != want {
			t.Errorf("CONTRACT.md: the anchor of %s is %s, want %s", name, id, want)
		}
		documented[placeholder.ReplaceAllString(name, "{}")] = true
	}
	if want := routed(); !maps.Equal(documented, want) {
		t.Errorf("CONTRACT.md describes the routes\n%q\nthe router has\n%q", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(want)))
	}
}

func TestOpenAPIHasEveryRoute(t *testing.T) {
	var description struct {
		Paths map[string]map[string]any
	}
	if err := yaml.Unmarshal([]byte(contract.OpenAPI), &description); err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for path, operations := range description.Paths {
		for method := range operations {
			name := strings.ToUpper(method) + " " + strings.TrimSuffix(path, "/")
			described[placeholder.ReplaceAllString(name, "{}")] = true
		}
	}
	if want := routed(); !maps.Equal(described, want) {
		t.Errorf("OpenAPI describes the routes\n%q\nthe router has\n%q", slices.Sorted(maps.Keys(described)), slices.Sorted(maps.Keys(want)))
	}
}

// anchor is the name of a route's row.
func anchor(route string) string {
	words := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(route), "-")
	return strings.Trim(words, "-")
}
