package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"guestload/results"
)

// pythonBackend was written from server/CONTRACT.md alone: where it needs
// something that the page does not say, the page is wrong.
var pythonBackend = filepath.Join("testdata", "python", "backend.py")

// roaming adds what smoke leaves out of what the backend has: a takeover, a leave
// by searching again, an abrupt end, and preferences.
const roaming = `scenario: roaming
about: guests search by preference, reconnect, move on and drop.
seed: 3
phases:
  - {name: meet, guests: 16, within: 500ms}
guests:
  - script: mover
    weight: 3
    profile: {language: [en, de]}
    steps: [create, rename, fetch, connect, {search: {within: 5s, language: [en, de]}}, {chat: {messages: 4..6, think: 10ms..40ms, typing: true}}, {next: {within: 2s}}, {chat: {messages: 2..3, think: 10ms..40ms}}, drop]
  - script: returner
    weight: 1
    steps: [create, connect, {search: {within: 5s}}, {chat: {messages: 1, think: 10ms}}, reconnect, {idle: {for: 500ms}}, {drop: {how: abrupt}}]
thresholds:
  - failures == 0
  - violations == 0
`

func TestABackendWrittenFromTheContract(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"smoke", scenarioFile(t, roaming)} {
		for _, transport := range []string{"ws", "socketio"} {
			t.Run(filepath.Base(scenario)+"/"+transport, func(t *testing.T) {
				t.Parallel()
				target := startTarget(t, exec.Command("python3", pythonBackend))
				dir := filepath.Join(t.TempDir(), "r")
				code, out, errs := invoke(t.Context(), "--scenario", scenario, "--target", target,
					"--transport", transport, "--out", dir, "--quiet")
				r := readRecord(t, dir)
				// A busy machine may make the run late, and so invalid or slow, but accuses nobody.
				if len(broken(r)) > 0 || code != results.ExitPassed && code != results.ExitInvalid && code != results.ExitThreshold {
					t.Errorf("exit code %d, broken %q\n%s%s", code, broken(r), out, errs)
				}
				g := r.Guests
				if g.Planned == 0 || g.Completed+g.Unmatched != g.Planned || r.Operations["delivery"].Count == 0 {
					t.Errorf("%+v\n%s%s", g, out, errs)
				}
				for name, op := range r.Operations {
					if len(op.Failures) > 0 {
						t.Errorf("%s failed: %v\n%s", name, op.Failures, out)
					}
				}
			})
		}
	}
}
