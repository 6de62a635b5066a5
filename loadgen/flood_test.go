package main

import (
	"path/filepath"
	"strings"
	"testing"

	"guestload/loadgen/verify/liar"
	"guestload/results"
)

// flooding has guests send floods only. Each flood is drawn by some of them.
const flooding = `scenario: flooding
about: guests send more events than a server should accept.
seed: 3
phases: [{guests: 8, within: 200ms}]
guests: [{script: flooder, steps: [create, connect, {hostile: {with: floods}}, drop]}]
thresholds: [failures(refusal) == 0]
`

// A server is credited with a rate limit only if it has one.
func TestFloodsFindAServerWithoutARateLimit(t *testing.T) {
	t.Parallel()
	honest, err := liar.Start(liar.None)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { honest.Close() })
	const acts = 8
	for name, tt := range map[string]struct {
		scenario string
		flags    []string
		limited  bool
	}{
		"the reference server without a limit, ws":       {flooding, []string{"--transport", "ws"}, false},
		"the reference server without a limit, socketio": {flooding, []string{"--transport", "socketio"}, false},
		"the reference server with a limit, ws":          {flooding + "server: {events: 50/s}\n", []string{"--transport", "ws"}, true},
		"the reference server with a limit, socketio":    {flooding + "server: {events: 50/s}\n", []string{"--transport", "socketio"}, true},
		"a server of the contract without a limit":       {flooding, []string{"--target", honest.URL()}, false},
		"Express without a limit":                        {flooding, []string{"--target", startBackend(t), "--transport", "socketio"}, false},
		"Express with a limit":                           {flooding, []string{"--target", startBackend(t, "--events", "50"), "--transport", "socketio"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "r")
			_, out, errs := invoke(t.Context(), append(tt.flags, "--scenario", scenarioFile(t, tt.scenario), "--out", dir, "--quiet")...)
			r := readRecord(t, dir)
			refusal, warnings := r.Operations["refusal"], strings.Join(r.Warnings, "\n")
			if tt.limited {
				if refusal.Count != acts || len(broken(r)) > 0 {
					t.Errorf("%d floods answered rightly, want %d; broken %q\n%s%s", refusal.Count, acts, broken(r), out, errs)
				}
				return
			}
			if refusal.Count != 0 || refusal.Failures["accepted"] != acts || r.Outcome == results.Passed ||
				!strings.Contains(warnings, "(floods): the server accepted it; expected: the server closes the connection") {
				t.Errorf("%s: %d floods answered rightly, want none; failures %v, warnings:\n%s\n%s%s", r.Outcome, refusal.Count, refusal.Failures, warnings, out, errs)
			}
		})
	}
}
