package main

import (
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"guestload/scenarios"
)

var (
	indented = regexp.MustCompile(`(?m)^    (\S.*)$`)
	flagSpan = regexp.MustCompile("`(--[a-z][a-z-]*)[^`]*`")
	fenced   = regexp.MustCompile("(?ms)^```[^\n]*\n.*?^```$")
)

// documented returns the commands of a document: its indented blocks, and code spans
// that begin with go run or bin/. Comments are left out.
func documented(text string) (commands [][]string) {
	text = fenced.ReplaceAllString(text, "")
	for _, line := range indented.FindAllStringSubmatch(text, -1) {
		for _, command := range strings.Split(line[1], " && ") {
			command, _, _ = strings.Cut(command, "  #")
			command, _, _ = strings.Cut(command, " # ")
			commands = append(commands, strings.Fields(command))
		}
	}
	for _, span := range codeSpan.FindAllString(text, -1) {
		words := strings.Fields(strings.Trim(span, "`"))
		if strings.HasPrefix(strings.Join(words, " "), "go run ./") || len(words) > 0 && strings.HasPrefix(words[0], "bin/") && len(words) > 1 {
			commands = append(commands, words)
		}
	}
	return commands
}

func TestDocumentedCommandsAreFound(t *testing.T) {
	got := documented("a `go run ./server -h` b `bin/loadgen`\n\n    cd x && make y    # why\n\n```\n    output\n```\n")
	want := "cd x|make y|go run ./server -h"
	var lines []string
	for _, words := range got {
		lines = append(lines, strings.Join(words, " "))
	}
	if strings.Join(lines, "|") != want {
		t.Errorf("found %q, want %q", lines, want)
	}
}

// loadgen executes a command of loadgen. Scenarios that take long are only
// rehearsed; a run plays the small one.
func (s shell) loadgen(t *testing.T, args []string) {
	t.Helper()
	if slices.Contains(args, "merge") {
		s.playShares(t)
	}
	if !slices.Contains(args, "--scenario") || slices.Contains(args, "--dry-run") {
		if code, out, errs := s.run(t, "loadgen", args...); code != 0 && code != 4 || out == "" {
			t.Errorf("loadgen %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
		}
		return
	}
	if code, out, errs := s.run(t, "loadgen", append(slices.Clone(args), "--dry-run")...); code != 0 || out == "" {
		t.Errorf("loadgen %s --dry-run: exit code %d\n%s", strings.Join(args, " "), code, errs)
	}
	played := slices.Clone(args)
	for i := range len(args) - 1 {
		switch args[i] {
		case "--scenario":
			if loaded, err := scenarios.Load(args[i+1]); err != nil || loaded.Capacity != nil || len(loaded.Faults) > 0 {
				return // tested elsewhere, or reported above
			}
			played[i+1] = s.scenario
			if slices.Contains(args, "--share") {
				played[i+1] = s.long
			}
		case "--target":
			played[i+1] = s.target
		}
	}
	if slices.Contains(args, "--share") {
		*s.shares = append(*s.shares, played)
		return
	}
	s.play(t, played...)
}

// playShares plays the shares of one run at the same time, for long enough that all
// have begun before one ends.
func (s shell) playShares(t *testing.T) {
	t.Helper()
	var parts sync.WaitGroup
	for _, args := range *s.shares {
		parts.Go(func() { s.play(t, args...) })
	}
	parts.Wait()
	*s.shares = nil
}

// TestEveryDocumentedCommandWorks runs what can be run in a moment, and of the rest
// reads the flags.
func TestEveryDocumentedCommandWorks(t *testing.T) {
	s := newShell(t)
	count := map[string]int{}
	all := documents(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, words := range documented(all[name]) {
			line := strings.Join(words, " ")
			program, args := "", []string(nil)
			switch {
			case strings.HasPrefix(line, "go run ./"):
				program, args = strings.TrimPrefix(words[2], "./"), words[3:]
			case strings.HasPrefix(line, "bin/"):
				program, args = strings.TrimPrefix(words[0], "bin/"), words[1:]
			}
			count[program]++
			switch program {
			case "loadgen":
				s.loadgen(t, args)
			case "server":
				if slices.Contains(args, "-h") {
					if code, out, _ := s.run(t, program, args...); code != 0 || out == "" {
						t.Errorf("%s: %s: exit code %d", name, line, code)
					}
					continue
				}
				s.startServer(t, args...) // with another port
			case "bench": // takes long: its own tests run it
				code, _, errs := s.run(t, program, append(slices.Clone(args), "--no-such-flag")...)
				if code != 2 || !strings.Contains(errs, "unknown flag: --no-such-flag") {
					t.Errorf("%s: %s: exit code %d, %s", name, line, code, errs)
				}
			default:
				s.other(t, name, line, words)
			}
		}
	}
	if len(*s.shares) > 0 {
		t.Errorf("no documented command merges %q", *s.shares)
	}
	if count["loadgen"] < 15 || count["server"] < 3 || count["bench"] < 5 {
		t.Errorf("commands found: %v", count)
	}
}

// other checks a command that is not one of ours.
func (s shell) other(t *testing.T, name, line string, words []string) {
	t.Helper()
	switch words[0] {
	case "make": // TestDocumentsNameWhatThereIs
	case "npm", "node": // loadgen plays against this backend in its own tests
	case "cd":
		if info, err := os.Stat(filepath.Join(root, words[1])); err != nil || !info.IsDir() {
			t.Errorf("%s: %s: no such folder", name, line)
		}
	case "go":
		for _, word := range words[2:] {
			if dir, ok := strings.CutPrefix(word, "./"); ok {
				if info, err := os.Stat(filepath.Join(root, dir)); err != nil || !info.IsDir() {
					t.Errorf("%s: %s: no folder %s", name, line, dir)
				}
			}
		}
	default:
		t.Errorf("%s: no test knows the command %s", name, line)
	}
}

// TestDocumentsNameRealFlags: every flag in backticks is one of a program.
func TestDocumentsNameRealFlags(t *testing.T) {
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	s := shell{bin: bin, dir: t.TempDir()}
	_, help, _ := s.run(t, "server", "-h")
	served := help
	_, loads, _ := s.run(t, "loadgen", "-h")
	help += loads
	for _, command := range []string{"gate", "ab", "baseline", "trend", "selftest", "peers", "scale"} {
		_, out, _ := s.run(t, "bench", command, "-h")
		help += out
	}
	help += "--lie " // of the example backend
	all := documents(t)
	for name, text := range all {
		for _, found := range flagSpan.FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(found[1] + `[^a-z-]`).MatchString(help) {
				t.Errorf("%s: no program has the flag %s", name, found[1])
			}
		}
	}
	for _, flag := range regexp.MustCompile(`(?m)^ +(--[a-z-]+)`).FindAllStringSubmatch(served, -1) {
		if !strings.Contains(all["server/README.md"], "`"+flag[1]+"`") && !strings.Contains(all["server/README.md"], flag[1]+"`") {
			t.Errorf("server/README.md does not list %s", flag[1])
		}
	}
}

var metric = regexp.MustCompile(`\bguestload_[a-z_]+[a-z]\b`)

// TestReadmeListsTheMetrics: those that /metrics serves, with and without Redis.
func TestReadmeListsTheMetrics(t *testing.T) {
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	s := shell{bin: bin, dir: t.TempDir()}
	served := map[string]bool{}
	for _, args := range [][]string{nil, {"--redis-url", "redis://127.0.0.1:1"}} { // nobody listens there: it starts in fallback
		answer, err := http.Get(s.startServer(t, args...) + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, typed := range regexp.MustCompile(`(?m)^# TYPE (guestload_\S+)`).FindAllStringSubmatch(string(body), -1) {
			served[typed[1]] = true
		}
	}
	listed := map[string]bool{}
	for _, name := range metric.FindAllString(documents(t)["server/README.md"], -1) {
		listed[name] = true
	}
	if got, want := slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(served)); !slices.Equal(got, want) || len(want) < 15 {
		t.Errorf("server/README.md lists\n%q\nand /metrics serves\n%q", got, want)
	}
}

// TestReadmeShowsTheReportOfBurst: the operations and thresholds that the scenario
// has today, in at most 150 lines of README.
func TestReadmeShowsTheReportOfBurst(t *testing.T) {
	text := documents(t)["README.md"]
	if lines := strings.Count(text, "\n"); lines > 150 {
		t.Errorf("README.md has %d lines, want at most 150", lines)
	}
	burst, err := scenarios.Load("burst")
	if err != nil {
		t.Fatal(err)
	}
	for _, threshold := range burst.Thresholds {
		if !strings.Contains(text, "✓  "+threshold.Expression+" ") {
			t.Errorf("README.md does not show the threshold %s", threshold.Expression)
		}
	}
	if !regexp.MustCompile(`guests  5,000 planned: 5,000 completed, 0 failed`).MatchString(text) || burst.Phases[0].Guests != 5000 {
		t.Errorf("README.md shows other guests than the scenario's %d", burst.Phases[0].Guests)
	}
}
