package scenarios

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	yaml "go.yaml.in/yaml/v4"
)

// schemaFile is what editors complete scenarios by.
const schemaFile = "scenario.schema.json"

func TestSchemaIsThatOfTheParser(t *testing.T) {
	got := schemaText(t)
	if *update {
		if err := os.WriteFile(schemaFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not that of the parser and README.md (%v): write it anew with go test ./scenarios -update", schemaFile, err)
	}
}

// compiled makes a schema ready.
func compiled(t *testing.T, schema any) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaFile, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate is what an editor says of a scenario.
func validate(s *jsonschema.Schema, source []byte) error {
	var v any
	if err := yaml.Unmarshal(source, &v); err != nil {
		return err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

func TestSchemaAcceptsWhatTheParserDoes(t *testing.T) {
	s := compiled(t, schemaOf(t))
	all, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		source, err := os.ReadFile(l.Name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(string(source), "\n"); first != "# yaml-language-server: $schema="+schemaFile {
			t.Errorf("%s.yaml does not name its schema in the first line", l.Name)
		}
		if err := validate(s, source); err != nil {
			t.Errorf("%s: %v", l.Name, err)
		}
	}
	for _, example := range readmeExamples(t) {
		if err := validate(s, []byte(example)); err != nil {
			t.Errorf("%v\nin\n%s", err, example)
		}
	}
}

// TestSchemaAcceptsEveryValueOfTheTests tries each text of the tests on the
// parsers of values: what one takes, the schema of such a value takes too.
func TestSchemaAcceptsEveryValueOfTheTests(t *testing.T) {
	at := values()
	accepts := map[string]func(string) error{
		"threshold": func(s string) error { _, err := ParseThreshold(s); return err },
		"within":    func(s string) error { _, err := parseDuration(s); return err },
		"arrivals":  func(s string) error { _, err := parseRate(s); return err },
		"precision": func(s string) error { _, err := parsePrecision(s); return err },
		"think":     func(s string) error { _, err := thinkTime.parseDraw(s); return err },
		"length":    func(s string) error { _, err := messageLength.parseDraw(s); return err },
		"kill":      func(s string) error { _, err := parseVictim(s); return err },
	}
	at["threshold"] = ref("threshold")
	schemas := map[string]*jsonschema.Schema{}
	for key := range accepts {
		schemas[key] = compiled(t, object{"allOf": []any{at[key]}, "$defs": forms()})
	}
	files, _ := filepath.Glob("*_test.go")
	tried := map[string]int{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, literal := range regexp.MustCompile(`"([^"\\\n]+)"`).FindAllStringSubmatch(string(source), -1) {
			for key, parse := range accepts {
				if parse(literal[1]) != nil {
					continue
				}
				if tried[key]++; validate(schemas[key], []byte("'"+literal[1]+"'")) != nil && validate(schemas[key], []byte(literal[1])) != nil {
					t.Errorf("%s: the parser takes %q, and the schema does not", key, literal[1])
				}
			}
		}
	}
	for key := range accepts {
		if tried[key] == 0 {
			t.Errorf("no value of %s was tried", key)
		}
	}
}

// beyond are faulty files that only the parser refuses, with the reason.
var beyond = map[string]string{
	"feeds":         "the schema does not open files",
	"feeds-more":    "the schema does not open files",
	"feeds-ragged":  "the schema does not open files",
	"idle":          "a threshold is on an operation that no step performs",
	"unrecorded":    "it takes all phases together",
	"yaml-features": "anchors, aliases and tags are resolved before",
}

func TestSchemaRefusesWhatIsWrong(t *testing.T) {
	s := compiled(t, schemaOf(t))
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if why, only := beyond[name]; only == (validate(s, source) != nil) {
			t.Errorf("%s: beyond the schema: %v %s", file, only, why)
		}
	}
}

func TestSchemaRefusesWrongForms(t *testing.T) {
	s := compiled(t, schemaOf(t))
	whole := with("create") + "thresholds: [violations == 0]\n"
	if err := validate(s, []byte(whole)); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"[create]", "[creat]"}, {"[create]", "[create, idle]"}, {"[create]", "[create, {idle: {}}]"}, {"[create]", "[create, {idle: {for: 5}}]"},
		{"[create]", "[{create: {for: 5s}}]"}, {"[create]", "[create, {chat: {message: 5}}]"}, {"[create]", "[create, {chat: {messages: 0}}]"},
		{"[create]", "[create, {chat: {length: 10-20}}]"}, {"[create]", "[create, {chat: {}, drop: {}}]"}, {"[create]", "[create, {drop: {how: gently}}]"},
		{"[create]", "[create, {wait: {at: 5/s}}]"}, {"[create]", "[create, {hostile: {with: manners}}]"}, {"[create]", "[]"},
		{"within: 1s", "within: 1"}, {"within: 1s", "within: 1 s"}, {"within: 1s", "at: 20"}, {"within: 1s", "within: 1s, at: 5/s"},
		{"within: 1s", "within: 1s, arrivals: 5/s"}, {"within: 1s", "within: 1s, record: often"}, {"guests: 1,", "guests: 0,"}, {"guests: 1,", "guests: 1.5,"},
		{"about:", "abuot:"}, {"scenario: small", "scenario: Small"}, {"scenario: small", "scenario: small\nversion: 2"},
		{"violations == 0", "violations = 0"}, {"violations == 0", "violation == 0"}, {"violations == 0", "response(create) < 5ms"},
		{"violations == 0", "violations(kindness) == 0"}, {"violations == 0", "response(greet) p99 < 5ms"},
		{"thresholds:", "server: {instances: 65}\nthresholds:"}, {"thresholds:", "faults: [{at: 1s, kill: redis, freeze: redis}]\nthresholds:"},
		{"thresholds:", "faults: [{at: 1s, kill: instance 0}]\nthresholds:"}, {"thresholds:", "capacity: {from: 1/s, to: 5/s}\nthresholds:"},
		{"thresholds:", "feeds: {messages: {file: a.txt, values: [b]}}\nthresholds:"}, {"thresholds:", "feeds: {messages: {file: a.doc}}\nthresholds:"},
		{"thresholds:", "wire: {events: {user:mach: find}}\nthresholds:"}, {"thresholds:", "wire: {paths: {/api/guest: visitors}}\nthresholds:"},
	} {
		source := strings.Replace(whole, change[0], change[1], 1)
		if _, err := Parse("wrong", []byte(source)); err == nil || source == whole {
			t.Errorf("the parser takes %q", source)
		}
		if validate(s, []byte(source)) == nil {
			t.Errorf("the schema takes %q", source)
		}
	}
}
