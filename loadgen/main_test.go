package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"guestload/loadgen/fleet"
	"guestload/loadgen/report/page"
	"guestload/loadgen/worker"
	"guestload/results"
)

var update = flag.Bool("update", false, "write the golden files anew")

// playAsLoadgen makes the test's binary the program itself.
const playAsLoadgen = "play-as-loadgen"

// TestMain lets the test's binary be the embedded server, and loadgen.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == serveEmbedded || os.Args[1] == worker.Argument || os.Args[1] == playAsLoadgen) {
		args := os.Args[1:]
		if args[0] == playAsLoadgen {
			args = args[1:]
		}
		os.Exit(execute(args))
	}
	prepare()
	// A handled signal has its default action again in programs that the tests start. One
	// that nohup ignores would stay ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// prepare makes the tests fast. They wait more than they work, so twice as many of them run at a
// time as two cores would have, unless -parallel says how many; those that a busy machine breaks
// run alone. Under the race detector each program that the tests start would sleep for a second
// before it ends.
func prepare() {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		flag.Set("test.parallel", "4")
	}
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
}

// invoke runs the program within the test.
func invoke(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	noEnv := func(string) string { return "" }
	code = program(ctx, args, noEnv, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// pair is a scenario of a moment.
const pair = `scenario: pair
about: some guests meet.
seed: 3
phases:
  - {name: warm, guests: 2, within: 100ms, record: false}
  - {name: meet, guests: 6, within: 300ms}
guests:
  - script: talker
    steps: [create, fetch, connect, {search: {within: 5s}}, {chat: {messages: 2..3, think: 20ms..60ms}}, online, stats, renew, drop]
thresholds:
  - failures == 0
  - violations == 0
`

func scenarioFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func readRecord(t *testing.T, dir string) results.Record {
	t.Helper()
	r, err := results.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r.Record
}

func TestARunAgainstTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"ws", "socketio"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "record")
			code, out, errs := invoke(t.Context(), "-scenario", scenarioFile(t, pair), "-transport", transport, "--out="+dir)
			r := readRecord(t, dir)
			if code != r.Outcome.ExitCode() || r.Outcome != results.Passed && r.Outcome != results.Invalid {
				t.Errorf("exit code %d, outcome %s:\n%s%s", code, r.Outcome, out, errs)
			}
			if r.Guests != (results.Guests{Planned: 8, Started: 8, Completed: 8}) {
				t.Errorf("guests %+v: %s", r.Guests, out)
			}
			if got := r.Operations["match"].Count; got != 6 {
				t.Errorf("%d matches recorded, want 6: the warm-up is in no figure", got)
			}
			if r.Resources.Server == nil || r.Resources.Server.CPUSec <= 0 || r.Resources.Loadgen.RSSPeakMB <= 0 {
				t.Errorf("resources %+v", r.Resources)
			}
			e := r.Environment
			if e.Target != "embedded" || e.Transport != transport || e.Storage != "memory" {
				t.Errorf("environment %+v", e)
			}
			if !strings.Contains(out, dir) {
				t.Errorf("the report does not say where the record is:\n%s", out)
			}
			if p, err := page.Read(dir); err != nil || string(p.Scenario) != pair {
				t.Errorf("the page: %v, scenario %q", err, p.Scenario)
			}
		})
	}
}

func TestJSONIsAllThatIsPrinted(t *testing.T) {
	t.Parallel()
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, pair), "--json", "--out", filepath.Join(t.TempDir(), "r"))
	r, err := results.ReadJSON(strings.NewReader(out))
	if err != nil || errs != "" || code != r.Outcome.ExitCode() {
		t.Errorf("exit code %d, %v, on stderr %q, on stdout:\n%s", code, err, errs, out)
	}
}

// startServer is a server of our own, which outlives no test.
func startServer(t *testing.T) *fleet.Server {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	own, err := fleet.Start(context.WithoutCancel(t.Context()), fleet.Config{Command: []string{exe, serveEmbedded, "--limits", "off"}, Instances: 1, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Stop(context.Background()) })
	return own.Servers[0]
}

func TestARunningTargetIsMeasuredToo(t *testing.T) {
	server := startServer(t)
	dir := filepath.Join(t.TempDir(), "r")
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, pair), "--target", server.Target, "--out", dir, "--without", "renew,stats")
	r := readRecord(t, dir)
	if r.Guests.Completed != 8 || r.Environment.Target != server.Target || r.Environment.Storage != "memory" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if r.Resources.Server == nil || r.Resources.Server.CPUSec < 0 {
		t.Errorf("the server's usage %+v, want it from /metrics", r.Resources.Server)
	}
	if r.Operations["renew"].Count+r.Operations["stats"].Count != 0 {
		t.Errorf("operations %+v, want renew and stats left out", r.Operations)
	}
	if server.Dead() {
		t.Error("the target was stopped")
	}
}

func TestABrokenThresholdIsAnExitCode(t *testing.T) {
	t.Parallel()
	text := strings.Replace(pair, "failures == 0", "rate(delivery) > 100000/s", 1)
	dir := filepath.Join(t.TempDir(), "r")
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, text), "--out", dir, "--quiet")
	if code != results.ExitThreshold && code != results.ExitInvalid { // invalid on a machine that is busy
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if got := readRecord(t, dir).Thresholds[0]; got.Passed {
		t.Errorf("threshold %+v", got)
	}
}

func TestAnInterruptStillReports(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	dir := filepath.Join(t.TempDir(), "r")
	text := strings.Replace(pair, "within: 300ms", "within: 1m", 1)
	go func() {
		for appended(dir) < 1 && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		interrupt()
	}()
	code, out, errs := invoke(ctx, "--scenario", scenarioFile(t, text), "--out", dir)
	r := readRecord(t, dir)
	if code != results.ExitInvalid || !r.Interrupted || r.Guests.Failed != 0 || r.Guests.Planned != 8 || r.Guests.Dropped == 0 || r.Guests.Started >= 8 {
		t.Errorf("exit code %d, %+v\n%s%s", code, r.Guests, out, errs)
	}
	if want := fmt.Sprintf("%d of 8 guests had started", r.Guests.Started); !slices.ContainsFunc(r.Invalid, func(why string) bool { return strings.HasSuffix(why, want) }) {
		t.Errorf("invalid because %q, want %q", r.Invalid, want) // on a busy machine it was late as well
	}
	for _, v := range r.Violations {
		if v.Count > 0 {
			t.Errorf("%s violated: %q", v.Rule, v.Examples)
		}
	}
}

// Whatever ends the generator, the server that it started does not outlive it.
func TestNoServerIsLeftBehindWhenTheGeneratorIsKilled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "r")
	text := strings.Replace(pair, "within: 300ms", "within: 1m", 1)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, playAsLoadgen, "--scenario", scenarioFile(t, text), "--out", dir)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`address=(127\.0\.0\.1:\d+)`)
	server := ""
	until(t, "the server listens", func() bool {
		log, _ := os.ReadFile(filepath.Join(dir, "server.log"))
		if m := address.FindSubmatch(log); m != nil {
			server = string(m[1])
		}
		return server != "" && listens(server)
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	until(t, "the server is gone", func() bool { return !listens(server) })
}

func TestCommandsThatPlayNothing(t *testing.T) {
	code, out, _ := invoke(t.Context(), "--list")
	if code != 0 || !strings.Contains(out, "burst  ") || !strings.Contains(out, "smoke  ") {
		t.Errorf("--list: exit code %d\n%s", code, out)
	}
	good := scenarioFile(t, pair)
	if code, out, _ = invoke(t.Context(), "-check", good); code != 0 || !strings.Contains(out, "scenario pair is valid: 2 phases, about 8 guests in 400ms, 1 script, 2 thresholds") {
		t.Errorf("--check: exit code %d\n%s", code, out)
	}
	bad := scenarioFile(t, strings.Replace(pair, "thresholds", "tresholds", 1))
	code, _, errs := invoke(t.Context(), "--check", bad)
	if code != results.ExitUsage || !strings.Contains(errs, bad+":10:1:") || !strings.Contains(errs, `"thresholds"`) {
		t.Errorf("--check of a bad one: exit code %d\n%s", code, errs)
	}
	broken := scenarioFile(t, strings.Replace(pair, "guests:\n", "server: {instances: 2}\nfaults:\n  - {at: 300ms, kill: instance 2}\n  - {at: 100ms, freeze: redis}\nguests:\n", 1))
	few := strings.Replace(pair, pair[strings.Index(pair, "phases:"):strings.Index(pair, "guests:\n")], "capacity: {from: 4/s, to: 8/s, settle: 1s, hold: 1s, spacing: uniform}\n", 1)
	for name, args := range map[string][]string{
		"usage": {"-h"}, "dry-run": {"--scenario", good, "--dry-run", "--seed", "9"},
		"dry-run-faults": {"--scenario", broken, "--dry-run"}, "dry-run-capacity": {"--scenario", scenarioFile(t, few), "--dry-run"},
	} {
		code, out, errs := invoke(t.Context(), args...)
		if code != 0 || errs != "" {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
		golden(t, filepath.Join("testdata", name+".golden"), out)
	}
}

func TestWrongCommandLinesSayWhatIsRight(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "--scenario burst"},
		{[]string{"--scenario", "brust"}, 2, `did you mean "burst"?`},
		{[]string{"--scenario", ""}, 2, "--scenario is empty"},
		{[]string{"--scenari", "burst"}, 2, "did you mean --scenario?"},
		{[]string{"-tarcet=x"}, 2, "did you mean --target?"},
		{[]string{"burst"}, 2, "--scenario burst"},
		{[]string{"--scenario", "burst", "--list"}, 2, "one at a time"},
		{[]string{"--scenario", "burst", "--guests", "0"}, 2, "--guests 0: at least 1"},
		{[]string{"--scenario", "burst", "--connections", "0"}, 2, "--connections 0: at least 1"},
		{[]string{"--scenario", "burst", "--connections", "2000000000"}, 1, "or ask for fewer"},
		{[]string{"--scenario", "burst", "--guests", "many"}, 2, `"many"`},
		{[]string{"--scenario", "burst", "--guests", "5", "--scale", "2"}, 2, "one of them"},
		{[]string{"--scenario", "burst", "--scale", "-1"}, 2, "a number above 0"},
		{[]string{"--scenario", "burst", "--scale", "NaN"}, 2, "a number above 0"},
		{[]string{"--scenario", "burst", "--scale", "1e9"}, 2, "guests would arrive"},
		{[]string{"--scenario", "burst", "--transport", "socketoi"}, 2, "did you mean socketio?"},
		{[]string{"--scenario", "burst", "--without", "renew,stat"}, 2, "did you mean stats?"},
		{[]string{"--scenario", "burst", "--target", ""}, 2, "--target is empty"},
		{[]string{"--scenario", "burst", "--target", "localhost", "--out", t.TempDir() + "/a"}, 2, "want http://host:port"},
		{[]string{"--scenario", "burst", "--target", "http://127.0.0.1:1", "--out", t.TempDir() + "/b"}, 1, "connection refused"},
		{[]string{"--scenario", "/no/such.yaml"}, 2, "no such file"},
		{[]string{"--scenario", "smoke", "--out", "/dev/null/x"}, 1, "/dev/null"},
	} {
		code, out, errs := invoke(t.Context(), tt.args...)
		if code != tt.code || !strings.Contains(errs, tt.want) || out != "" {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want %d and %q", tt.args, code, out, errs, tt.code, tt.want)
		}
	}
}
