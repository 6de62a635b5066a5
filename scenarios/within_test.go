package scenarios

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestNoStepWaitsForLongerThanIsMeasured(t *testing.T) {
	for within, ok := range map[string]bool{"2m": true, "1h": true, "1h1ms": false, "90m": false} {
		text := fmt.Sprintf("scenario: wait\nabout: a guest waits.\nphases: [{guests: 2, within: 1s}]\nguests:\n  - script: waiter\n    steps: [create, connect, {search: {within: %s}}, drop]\n", within)
		_, err := Parse("wait.yaml", []byte(text))
		if ok != (err == nil) || !ok && !strings.Contains(err.Error(), fmt.Sprintf("within: found %q: at most 1h", within)) {
			t.Errorf("%s: %v", within, err)
		}
	}
}

// Every step that waits for an answer of the target can have a limit of its own.
func TestStepsThatTalkToTheTargetHaveALimit(t *testing.T) {
	for _, tt := range []struct{ steps, problem string }{
		{"[{create: {within: 2s}}, {rename: {within: 2s}}, {fetch: {think: 1s, within: 2s}}, {locate: {within: 2s}}, {online: {within: 2s}}, {stats: {within: 2s}}, {renew: {within: 2s}}, {connect: {within: 2s}}, {reconnect: {within: 1h}}]", ""},
		{"[{create: {within: 0s}}]", `within: found "0s": at least 1ms`},
		{"[{create: {within: 2h}}]", `within: found "2h": at most 1h`},
		{"[{create: {within: soon}}]", `within: found "soon"`},
		{"[{create: 2s}]", "write create: {within: 2s}"},
		{"[create, {connect: {width: 2s}}]", `unknown key "width" in the step connect: it is one of think, within`},
		{"[create, connect, {idle: {for: 1s, within: 2s}}]", `unknown key "within"`},
	} {
		text := "scenario: limits\nabout: guests with limits.\nphases: [{guests: 2, within: 1s}]\nguests:\n  - script: limited\n    steps: " + tt.steps + "\n"
		s, err := Parse("limits.yaml", []byte(text))
		if tt.problem != "" {
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("%s: %v, want %s", tt.steps, err, tt.problem)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.steps, err)
			continue
		}
		for _, step := range s.Scripts[0].Steps {
			if step.Within < 2*time.Second {
				t.Errorf("%s: within %v", step.Kind, step.Within)
			}
		}
	}
}
