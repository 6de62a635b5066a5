package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"guestload/results"
)

// Several generators play one run against one server, and their records are
// merged to that of the whole.
func TestSeveralGeneratorsPlayOneRun(t *testing.T) {
	t.Parallel()
	server := startServer(t).Target
	file, root := scenarioFile(t, pair), t.TempDir()
	merge := []string{"merge", filepath.Join(root, "whole")}
	var all sync.WaitGroup
	for share := 1; share <= 2; share++ {
		dir := filepath.Join(root, fmt.Sprint(share))
		merge = append(merge, dir)
		all.Go(func() {
			code, out, errs := invoke(t.Context(), "--scenario", file, "--target", server, "--out", dir, "--run", "evening", "--share", fmt.Sprintf("%d/2", share), "--quiet")
			if code != results.ExitPassed && code != results.ExitInvalid { // invalid on a machine that is busy
				t.Errorf("part %d: exit code %d\n%s%s", share, code, out, errs)
			}
		})
	}
	all.Wait()
	code, out, errs := invoke(t.Context(), merge...)
	if errs != "" {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	for name, planned := range map[string]int{"1": 4, "2": 4, "whole": 8} {
		r := readRecord(t, filepath.Join(root, name))
		if r.Guests.Planned != planned || r.Guests.Completed+r.Guests.Unmatched+r.Guests.Failed != planned || (r.Part == nil) != (name == "whole") {
			t.Errorf("%s: %+v, %v", name, r.Guests, r.Part)
		}
	}
	if code, _, errs := invoke(t.Context(), "merge", filepath.Join(root, "half"), filepath.Join(root, "1")); code != results.ExitUsage {
		t.Errorf("one part alone: exit code %d, %s", code, errs)
	}
}

// Guests of two generators meet each other, whose clocks began at other moments:
// what the other one wrote into its messages is no time of ours. Of the first
// generator's three guests one waits for one of the second's.
func TestGeneratorsWithClocksOfTheirOwn(t *testing.T) {
	t.Parallel()
	server := startServer(t).Target
	const apart = `scenario: apart
about: guests of two generators meet.
phases:
  - {name: meet, guests: 5, within: 200ms}
guests:
  - script: one
    steps: [create, connect, {wait: {until: 400ms}}, {search: {within: 8s}}, {chat: {messages: 2, think: 10ms}}, drop]
`
	file, root := scenarioFile(t, apart), t.TempDir()
	var all sync.WaitGroup
	for share := 1; share <= 2; share++ {
		all.Go(func() {
			if share == 2 { // its clock begins later
				until(t, "the first generator's guests search", func() bool { return appended(filepath.Join(root, "1")) >= 1 })
			}
			code, out, errs := invoke(t.Context(), "--scenario", file, "--target", server, "--out", filepath.Join(root, fmt.Sprint(share)),
				"--run", "apart", "--share", fmt.Sprintf("%d/2", share), "--quiet")
			if errs != "" {
				t.Errorf("part %d: exit code %d\n%s%s", share, code, out, errs)
			}
		})
	}
	all.Wait()
	for share := 1; share <= 2; share++ {
		r := readRecord(t, filepath.Join(root, fmt.Sprint(share)))
		for _, why := range r.Invalid {
			if strings.Contains(why, "out of order") {
				t.Errorf("part %d: %s", share, why)
			}
		}
		if told := strings.Join(r.Warnings, "; "); !strings.Contains(told, "1 matches were with guests of somebody else") || !strings.Contains(told, "no delivery was measured") {
			t.Errorf("part %d: warnings %q", share, told)
		}
	}
}

func TestASearchCannotBeShared(t *testing.T) {
	const url = "http://127.0.0.1:3000"
	code, _, errs := invoke(t.Context(), "--scenario", "capacity", "--target", url, "--run", "x", "--share", "1/2")
	if code != results.ExitUsage || !strings.Contains(errs, "capacity cannot be shared") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
