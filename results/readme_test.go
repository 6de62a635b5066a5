package results

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fields lists the names of all fields in the JSON of a type.
func fields(of reflect.Type, names map[string]bool) {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		fields(of.Elem(), names)
	case reflect.Struct:
		for f := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(f).Tag.Get("json"), ",")
			if name == "" {
				continue // time.Time
			}
			names[name] = true
			fields(of.Field(f).Type, names)
		}
	}
}

// TestReadmeExplainsEveryField of run.json, and every column of the timeline.
func TestReadmeExplainsEveryField(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	explained := map[string]bool{}
	for _, span := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(readme, -1) {
		explained[span[1]] = true
	}
	names := map[string]bool{}
	fields(reflect.TypeFor[Record](), names)
	if len(names) < 60 {
		t.Fatalf("%d fields", len(names))
	}
	for _, column := range timelineHead {
		names[column] = true
	}
	for _, outcome := range []Outcome{Passed, Unjudged, ThresholdsFail, Invalid, Violated} {
		names[string(outcome)] = true
	}
	for name := range names {
		if !explained[name] {
			t.Errorf("README.md does not explain %s", name)
		}
	}
	// And nothing that there is not: the first column of its tables.
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|").FindAllStringSubmatch(readme, -1) {
		for _, span := range regexp.MustCompile("`([a-zA-Z0-9]+)`").FindAllStringSubmatch(row[1], -1) {
			if !names[span[1]] {
				t.Errorf("README.md explains %s, which no record has", span[1])
			}
		}
	}
	for _, file := range []string{RunFile, LogFile, TimelineFile} {
		if !slices.Contains(regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllString(readme, -1), "| `"+file+"`") {
			t.Errorf("README.md does not list %s", file)
		}
	}
}
