package main

import (
	"slices"
	"strings"
	"testing"

	"guestload/results"
	"guestload/scenarios"
	"guestload/scenarios/operation"
)

// A scenario file stands alone and so has its own list of what is measured. This
// is the one place that sees both.
func TestScenariosNameWhatIsMeasured(t *testing.T) {
	var operations []string
	for _, op := range operation.All() {
		operations = append(operations, op.String())
	}
	if got := operation.Names(); !slices.Equal(got, operations) {
		t.Errorf("scenarios know the operations %q, measured are %q", got, operations)
	}
}

func TestStepsThatNobodyPlaysAreRefusedBeforeTheStart(t *testing.T) {
	steps := map[string]string{"wait": "wait: {until: 1s}", "deaf": "deaf: {for: 1s}", "hostile": "hostile: {with: [names]}"}
	for kind, step := range steps {
		if slices.Contains(played(), scenarios.Kind(kind)) {
			continue
		}
		file := scenarioFile(t, strings.Replace(pair, "online, stats", "online, {"+step+"}, stats", 1))
		for _, args := range [][]string{{"--check", file}, {"--scenario", file}, {"--scenario", file, "--dry-run"}} {
			code, out, errs := invoke(t.Context(), args...)
			if code != results.ExitUsage || !strings.Contains(errs, `line 9: the step "`+kind+`" of script talker cannot be played`) || out != "" {
				t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, code, out, errs)
			}
		}
	}
}
