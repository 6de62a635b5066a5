package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"guestload/results"
)

// backendFolder holds a backend that is not ours: Express and the official
// Socket.IO server under Node.
var backendFolder = filepath.Join("testdata", "backend")

// install does `npm ci` in a folder where nobody has.
func install(folder string) error {
	if _, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json")); err == nil {
		return nil
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		return errors.New("npm ci: " + err.Error() + "\n" + string(out))
	}
	return nil
}

var installBackend = sync.OnceValue(func() error { return install(backendFolder) })

// startBackend returns its address. It ends with the test.
func startBackend(t *testing.T, flags ...string) string {
	t.Helper()
	if err := installBackend(); err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", append([]string{"server.js"}, flags...)...)
	node.Dir = backendFolder
	return startTarget(t, node)
}

// startTarget starts a backend that prints its address on its first line and
// ends with its standard input, and returns the address. It ends with the test.
func startTarget(t *testing.T, backend *exec.Cmd) string {
	t.Helper()
	backend.Stderr = os.Stderr
	stdin, e1 := backend.StdinPipe()
	out, e2 := backend.StdoutPipe()
	if err := errors.Join(e1, e2, backend.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		backend.Wait() // its exit code tells nothing more
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the backend did not start: %v", err)
	}
	return strings.TrimSpace(line)
}

// visit has guests do everything that the backend knows, and what it does not:
// the steps that only --without makes playable.
const visit = `scenario: visit
about: guests meet at somebody else's.
seed: 5
phases:
  - {name: meet, guests: 16, within: 500ms}
guests:
  - script: talker
    weight: 3
    steps: [create, fetch, locate, connect, online, renew, {search: {within: 5s}}, {chat: {messages: 4..6, think: 10ms..40ms}}, {next: {within: 2s}}, {chat: {messages: 2..3, think: 10ms..40ms}}, drop]
  - script: stayer
    weight: 1
    steps: [create, connect, {search: {within: 5s}}, {chat: {messages: 1, think: 10ms}}, reconnect, {idle: {for: 1s}}, {drop: {how: abrupt}}]
thresholds:
  - failures == 0
  - violations == 0
`

// broken are the rules that were violated.
func broken(r results.Record) (rules []string) {
	for _, v := range r.Violations {
		if v.Count > 0 {
			rules = append(rules, v.Rule)
		}
	}
	return rules
}

func TestABackendThatIsNotOurs(t *testing.T) {
	t.Parallel()
	wire, err := os.ReadFile(filepath.Join(backendFolder, "wire.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, scenario string
		flags          []string
	}{
		{"with the contract's names", visit, nil},
		{"with names of its own", visit + string(wire), []string{"--names", "own"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target, dir := startBackend(t, tt.flags...), filepath.Join(t.TempDir(), "r")
			code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, tt.scenario), "--target", target,
				"--transport", "socketio", "--without", "renew,device", "--out", dir, "--quiet")
			r := readRecord(t, dir)
			// A busy machine may make the run invalid, but accuses nobody.
			if len(broken(r)) > 0 || code != results.ExitPassed && code != results.ExitInvalid {
				t.Errorf("exit code %d, broken %q\n%s%s", code, broken(r), out, errs)
			}
			if g := r.Guests; g.Planned != 16 || g.Failed > 0 || r.Operations["ack"].Count == 0 || r.Operations["reconnect"].Count == 0 || r.Operations["online"].Count == 0 {
				t.Errorf("%+v\n%s%s", g, out, errs)
			}
		})
	}
}

// The backend reads fields of the body of a creation, and answers 500 where none
// came: the shipped scenario passes as it is.
func TestTheSmokeScenarioPassesAgainstExpress(t *testing.T) {
	t.Parallel()
	target, dir := startBackend(t), filepath.Join(t.TempDir(), "r")
	code, out, errs := invoke(t.Context(), "-scenario", "smoke", "--target", target, "--transport", "socketio", "--out", dir, "--quiet")
	r := readRecord(t, dir)
	if g := r.Guests; g.Failed > 0 || g.Completed == 0 || len(broken(r)) > 0 || code != results.ExitPassed && code != results.ExitInvalid {
		t.Errorf("exit code %d, %+v\n%s%s", code, g, out, errs)
	}
}

func TestABackendThatIsNotOursIsFoundOut(t *testing.T) {
	t.Parallel()
	for lie, scenario := range map[string]string{
		"double-match": visit, "wrong-receipt": visit, "relay-late": strings.Replace(visit, "{idle: {for: 1s}}", "{search: {within: 5s}}, chat, {speak: {after: leaving}}", 1),
	} {
		t.Run(lie, func(t *testing.T) {
			t.Parallel()
			target := startBackend(t, "--lie", lie)
			want := map[string]string{"double-match": "one-partner", "wrong-receipt": "receipt-to-sender", "relay-late": "after-leave"}[lie]
			for try := 1; ; try++ {
				dir := filepath.Join(t.TempDir(), "r")
				code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, scenario), "--target", target,
					"--transport", "socketio", "--without", "renew", "--out", dir, "--quiet")
				rules := strings.Join(broken(readRecord(t, dir)), " ")
				if code == results.ExitViolated && strings.Contains(rules, want) {
					return
				}
				// On a busy machine the guests may have gone before there was anything to find.
				if code != results.ExitInvalid || try == 3 {
					t.Fatalf("exit code %d, broken %q\n%s%s", code, rules, out, errs)
				}
			}
		})
	}
}

// A route that is missing is a failure, which says how to do without.
func TestAMissingRouteSaysHowToDoWithout(t *testing.T) {
	t.Parallel()
	target, dir := startBackend(t), filepath.Join(t.TempDir(), "r")
	code, out, _ := invoke(t.Context(), "--scenario", scenarioFile(t, visit), "--target", target,
		"--transport", "socketio", "--out", dir, "--quiet")
	r := readRecord(t, dir)
	if code != results.ExitThreshold && code != results.ExitInvalid || r.Operations["renew"].Failures["refused"] == 0 ||
		!strings.Contains(strings.Join(r.Warnings, "\n"), "404 API endpoint not found (if the target has no such route, leave the step out: --without renew)") {
		t.Errorf("exit code %d, warnings %q\n%s", code, r.Warnings, out)
	}
}
