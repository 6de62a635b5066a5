package api

import (
	"strings"
	"testing"
)

func mustParse(t testing.TB, text string) Value {
	t.Helper()
	v, err := ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
