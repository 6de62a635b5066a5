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
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"guestload/loadgen/executor"
	"guestload/loadgen/fleet"
	"guestload/loadgen/report/page"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

// playAsLoadgen makes the test's binary the program itself.
const playAsLoadgen = "play-as-loadgen"

// TestMain lets the test's binary be the embedded server, and loadgen.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == serveEmbedded || os.Args[1] == playShare || os.Args[1] == playAsLoadgen) {
		args := os.Args[1:]
		if args[0] == playAsLoadgen {
			args = args[1:]
		}
		os.Exit(program(args))
	}
	// A handled signal has its default action again in programs that the tests start. One
	// that nohup ignores would stay ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// invoke runs the program within the test.
func invoke(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	noEnv := func(string) string { return "" }
	code = run(ctx, args, noEnv, strings.NewReader(""), &out, &err)
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
	for _, transport := range []string{"ws", "socketio"} {
		t.Run(transport, func(t *testing.T) {
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
	code, out, errs := invoke(t.Context(), "--scenario", scenarioFile(t, pair), "--json", "--out", filepath.Join(t.TempDir(), "r"))
	r, err := results.ReadJSON(strings.NewReader(out))
	if err != nil || errs != "" || code != r.Outcome.ExitCode() {
		t.Errorf("exit code %d, %v, on stderr %q, on stdout:\n%s", code, err, errs, out)
	}
}

func TestEveryGuestIsAccountedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		tally        executor.Tally
		open, closed int
		want         results.Guests
	}{
		"all played":     {executor.Tally{Arrived: 10, Completed: 7, Failed: 1, Unmatched: 1, Dropped: 1}, 10, 0, results.Guests{Planned: 10, Started: 9, Completed: 7, Failed: 1, Unmatched: 1, Dropped: 1}},
		"closed":         {executor.Tally{Arrived: 30, Completed: 30}, 0, 30, results.Guests{Planned: 30, Started: 30, Completed: 30}},
		"interrupted":    {executor.Tally{Arrived: 595, Completed: 240, Stopped: 355, Interrupted: true}, 5000, 0, results.Guests{Planned: 5000, Started: 595, Completed: 240, Dropped: 4760}},
		"and full":       {executor.Tally{Arrived: 6, Completed: 1, Dropped: 2, Stopped: 3, Interrupted: true}, 10, 0, results.Guests{Planned: 10, Started: 4, Completed: 1, Dropped: 9}},
		"closed, early":  {executor.Tally{Arrived: 7, Completed: 4, Stopped: 3, Interrupted: true}, 0, 7, results.Guests{Planned: 7, Started: 7, Completed: 4, Dropped: 3}},
		"both, early":    {executor.Tally{Arrived: 7, Completed: 4, Stopped: 3, Interrupted: true}, 10, 5, results.Guests{Planned: 15, Started: 7, Completed: 4, Dropped: 11}},
		"after the last": {executor.Tally{Arrived: 10, Completed: 8, Stopped: 2, Interrupted: true}, 10, 0, results.Guests{Planned: 10, Started: 10, Completed: 8, Dropped: 2}},
	} {
		run := results.Run{Record: results.Record{Guests: accounts(tt.tally, tt.open, tt.closed), Interrupted: tt.tally.Interrupted}}
		run.Conclude(nil)
		if g := run.Record.Guests; g != tt.want || len(run.Record.Invalid) > 1 {
			t.Errorf("%s: %+v, want %+v; invalid because %q", name, g, tt.want, run.Record.Invalid)
		}
	}
}

// startServer is a server of our own, which outlives no test.
func startServer(t *testing.T) *fleet.Server {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	own, err := fleet.Start(context.WithoutCancel(t.Context()), fleet.Config{Command: serverCommand(exe, scenarios.Server{}), Instances: 1, Dir: t.TempDir()})
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
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "r")
	text := strings.Replace(pair, "within: 300ms", "within: 1m", 1)
	begin := time.Now()
	code, out, errs := invoke(ctx, "--scenario", scenarioFile(t, text), "--out", dir)
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("it took %v to end", took)
	}
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
	if code, out, _ = invoke(t.Context(), "-check", good); code != 0 || !strings.Contains(out, "scenario pair is good: 2 phases, about 8 guests in 400ms, 1 script, 2 thresholds") {
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

func TestFlagsTakeOneDashOrTwo(t *testing.T) {
	want, err := parseOptions([]string{"--scenario", "x", "--seed", "5", "--transport=socketio", "--quiet"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseOptions([]string{"-scenario", "x", "-seed=5", "-transport", "socketio", "-quiet"})
	if err != nil || got.scenario != want.scenario || got.seed != 5 || !got.seeded || got.transport != api.SocketIO || !got.quiet {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestTheMachineIsComparedWithThePeak(t *testing.T) {
	phase := scenarios.Phase{Shape: scenarios.Burst, Guests: 1000, For: 10 * time.Second}
	idle := scenarios.Step{Kind: scenarios.Idle, For: scenarios.Draw{A: 4}}
	s := scenarios.Scenario{Phases: []scenarios.Phase{phase}, Scripts: []scenarios.Script{{Weight: 1, Steps: []scenarios.Step{idle}}}}
	if got := peakLive(s); got < 499 || got > 502 { // 100 a second, each for 4 s and a second of work
		t.Errorf("a peak of %d guests, want 500", got)
	}
}

func TestWhatTheMachineIsShortOfIsToldWithWhatHelps(t *testing.T) {
	enough := machine{live: 600, conns: 10, files: 700, ports: 28_232, free: 1 << 30}
	run := demand{peak: 500, planned: 1000, sources: 1, servers: 1}
	once := options{scale: 1}.fewer(0)
	if got := enough.short(run, once); len(got) > 0 {
		t.Errorf("told %q", got)
	}
	if got := (machine{live: 600, conns: 10}).short(demand{peak: 500, planned: 1 << 30, sources: 1}, once); len(got) > 0 {
		t.Errorf("of what is not known it told %q", got)
	}
	few := enough
	few.live, few.files = 100, 200
	scarce := machine{live: 100_000, conns: 1024, files: 200_000, ports: 28_232}
	small := enough
	small.free = 50 << 20
	for _, tt := range []struct {
		machine machine
		demand  demand
		want    []string
	}{
		{few, run, []string{"about 500 guests", "ulimit -n 1024", "--nofile=1024", "--scale 0.18"}},
		{scarce, demand{peak: 30_000, sources: 1}, []string{"about 31024 connections", "28232 ports", `ip_local_port_range="1024 65535"`, "makes 64512"}},
		{small, run, []string{"about 78 MB", "52 MB are free", "--scale 0.6"}},
	} {
		got := tt.machine.short(tt.demand, once)
		if len(got) != 1 {
			t.Errorf("told %q, want one", got)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(got[0], want) {
				t.Errorf("told %q, want %q", got[0], want)
			}
		}
	}
	several := demand{peak: 30_000, sources: 8}
	if got := scarce.short(several, once); len(got) > 0 {
		t.Errorf("from eight addresses: %q", got)
	}
	for want, fewer := range map[string]func(float64) string{
		"--scale 0.25": once, "--scale 1": options{scale: 4}.fewer(0), "--guests 2500": options{scale: 1, guests: 10_000}.fewer(0),
		"to: 1500/s in the scenario ends the search there": options{scale: 1}.fewer(6000),
	} {
		if got := fewer(0.25); got != want {
			t.Errorf("a quarter of the guests: %q, want %q", got, want)
		}
	}
}

// Open files are raised, and this machine is known.
func TestThisMachineIsMeasured(t *testing.T) {
	m, err := measureMachine(1, 0)
	if err != nil || m.live < 1 || m.files < m.live+m.conns {
		t.Fatalf("%+v, %v", m, err)
	}
	if runtime.GOOS == "linux" && (m.free <= 0 || m.ports <= 0) {
		t.Errorf("%+v: memory and ports are told on Linux", m)
	}
	if beyond, err := measureMachine(m.files+1, 0); err != nil || beyond.files < m.files {
		t.Errorf("wanting more took away: %+v, %v", beyond, err)
	}
}
