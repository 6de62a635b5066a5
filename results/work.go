package results

import (
	"fmt"
	"slices"
	"strings"
)

// life is the order in which a guest does what scripts require.
var life = []string{"create", "rename", "fetch", "locate", "connect", "match", "ack", "delivery", "leave", "reconnect", "online", "stats", "renew", "refusal"}

// undone says which work was never done, though the scripts require it. A run
// with undone work fails, whatever its thresholds say. An interrupted run says
// nothing about it.
func (r Record) undone() (reasons []string) {
	if r.Interrupted || r.Guests.Planned == 0 {
		return nil
	}
	if g := r.Guests; g.Completed == 0 {
		reasons = append(reasons, fmt.Sprintf("no guest completed: %s failed, %s unmatched, %s dropped of %s",
			FormatCount(g.Failed), FormatCount(g.Unmatched), FormatCount(g.Dropped), FormatCounted(g.Planned, "guest")))
	}
	var failed, unreached []string
	for _, name := range r.neverSucceeded() {
		var n int64
		for _, count := range r.Operations[name].Failures {
			n += count
		}
		if n > 0 {
			failed = append(failed, fmt.Sprintf("%s (%s)", name, FormatCounted(n, "failure")))
		} else {
			unreached = append(unreached, name)
		}
	}
	if len(failed) > 0 {
		reasons = append(reasons, "the scenario requires these operations, and each attempt failed: "+strings.Join(failed, ", "))
	}
	if len(unreached) > 0 {
		reasons = append(reasons, "the scenario requires these operations, and none succeeded: "+strings.Join(unreached, ", "))
	}
	return reasons
}

// neverSucceeded are the required operations without a success, in the order of a guest's life.
func (r Record) neverSucceeded() (names []string) {
	for name, succeeded := range r.Required {
		if !succeeded {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return slices.Index(life, a) - slices.Index(life, b)
	})
	return names
}

// requireToo adds what another part of the run required: one success in any
// part is enough.
func (r *Record) requireToo(other map[string]bool) {
	for name, succeeded := range other {
		if r.Required == nil {
			r.Required = map[string]bool{}
		}
		r.Required[name] = r.Required[name] || succeeded
	}
}
