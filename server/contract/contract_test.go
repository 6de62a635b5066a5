package contract_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"guestload/server/contract"
)

// validators is where the official validators of both formats are: `npm ci` there,
// which this test does where nobody has.
const validators = "testdata/validate"

func TestOfficialValidatorsAcceptBothDescriptions(t *testing.T) {
	if _, err := os.Stat(filepath.Join(validators, "node_modules", ".package-lock.json")); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
		install.Dir = validators
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	validate := func(openapi, asyncapi string) (string, error) {
		node := exec.CommandContext(t.Context(), "node", "validate.js", openapi, asyncapi)
		node.Dir = validators
		out, err := node.CombinedOutput()
		return string(out), err
	}
	if out, err := validate("../../openapi.yaml", "../../asyncapi.yaml"); err != nil || out != "valid\n" {
		t.Errorf("%v\n%s", err, out)
	}
	// The validators find what is wrong.
	dir := t.TempDir()
	wrong := func(name, text, find, put string) string {
		file := filepath.Join(dir, name)
		changed := strings.Replace(text, find, put, 1)
		if changed == text {
			t.Fatalf("%s has no %q", name, find)
		}
		if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	openapi := wrong("openapi.yaml", contract.OpenAPI, "components/responses/Created", "components/responses/Made")
	asyncapi := wrong("asyncapi.yaml", contract.AsyncAPI, "action: receive", "action: listen")
	if out, err := validate(openapi, asyncapi); err == nil || !strings.Contains(out, "openapi: ") || !strings.Contains(out, "asyncapi: ") {
		t.Errorf("wrong descriptions: %v\n%s", err, out)
	}
}

// document is a parsed description.
type document struct {
	Channels map[string]struct {
		Messages map[string]struct{ Name string }
	}
	Components struct{ Schemas map[string]any }
}

func parse(t *testing.T, text string) (d document) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSchemasOfTheSameNameAreTheSame(t *testing.T) {
	openapi, asyncapi := parse(t, contract.OpenAPI), parse(t, contract.AsyncAPI)
	shared := 0
	for name, schema := range asyncapi.Components.Schemas {
		other, ok := openapi.Components.Schemas[name]
		if !ok {
			continue
		}
		if shared++; !reflect.DeepEqual(schema, other) {
			t.Errorf("the schema %s differs: %v in OpenAPI, %v in AsyncAPI", name, other, schema)
		}
	}
	if shared < 8 {
		t.Errorf("only %d schemas are shared", shared)
	}
}

// CONTRACT.md is compared with server/api elsewhere; this compares the events with CONTRACT.md.
func TestAsyncAPIHasTheEventsOfTheContract(t *testing.T) {
	page, err := os.ReadFile("../CONTRACT.md")
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, row := range regexp.MustCompile("<a id=\"((?:client|server)-[^\"]+)\"></a>`([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		want[row[1]] = row[2]
	}
	for channel, c := range parse(t, contract.AsyncAPI).Channels {
		for id, m := range c.Messages {
			got[channel+"-"+id] = m.Name
		}
	}
	if len(want) < 30 || !maps.Equal(got, want) {
		t.Errorf("AsyncAPI has %q\nCONTRACT.md has %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}
