// Package dryrun prints what a run would do.
package dryrun

import (
	"context"
	"fmt"
	"io"

	"guestload/loadgen/executor"
	"guestload/loadgen/schedule"
	"guestload/loadgen/session"
	"guestload/results"
	"guestload/scenarios"
)

// Print prints every arrival, the faults, and for each script the first guest who plays it, with
// its draws, without the steps that the target does not have. The same seed prints the same
// bytes.
func Print(ctx context.Context, w io.Writer, s scenarios.Scenario, without map[scenarios.Kind]bool) error {
	phases := executor.Schedule(s.Phases)
	if err := schedule.Validate(phases); err != nil {
		return err
	}
	planned := schedule.Planned(phases, s.Seed)
	fmt.Fprintf(w, "scenario %s, seed %d: %s in %v%s\n", s.Name, s.Seed, results.FormatCounted(planned, "guest"), s.Length(), Processes(s))
	for _, line := range circumstances(s) {
		fmt.Fprintln(w, line)
	}
	set := session.Setting{Scripts: s.Scripts, Feeds: s.Feeds, Seed: s.Seed, Without: without}
	for i, guest := range session.Firsts(set, max(planned, s.Planned())) {
		if guest < 0 {
			fmt.Fprintf(w, "no guest plays %s: its weight is too small for so few\n", s.Scripts[i].Name)
			continue
		}
		for _, line := range session.Rehearse(set, guest) {
			fmt.Fprintln(w, line)
		}
	}
	fmt.Fprintln(w, "arrivals:")
	for a := range schedule.Arrivals(phases, s.Seed) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%8d %12.6fs %s\n", a.Index, a.At.Seconds(), s.Phases[a.Phase].Name); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// Processes tells of the processes of a scenario, if it has several of a kind.
func Processes(s scenarios.Scenario) (text string) {
	if s.Processes > 1 {
		text += fmt.Sprintf(", %d processes that play", s.Processes)
	}
	if s.Server.Instances > 1 {
		text += fmt.Sprintf(", %d servers", s.Server.Instances)
	}
	return text
}

// circumstances are what no list of arrivals shows.
func circumstances(s scenarios.Scenario) (lines []string) {
	if c := s.Capacity; c != nil {
		lines = append(lines, fmt.Sprintf("a search from %s to %s: these are the arrivals of its first run; each later one has its own rate and a seed one higher",
			results.FormatRate(c.From), results.FormatRate(c.To)))
	}
	if s.Processes > 1 {
		lines = append(lines, fmt.Sprintf("%d processes play: guests 0 and 1 in the first, 2 and 3 in the second, and so on in turn", s.Processes))
	}
	for _, p := range s.Phases {
		if p.Shape == scenarios.Closed {
			lines = append(lines, fmt.Sprintf("phase %s is closed: %d guests at a time for %v, each arriving as another leaves", p.Name, p.Guests, p.For))
		}
	}
	if len(s.Faults) > 0 {
		lines = append(lines, "faults:")
	}
	for _, f := range s.Faults {
		lines = append(lines, fmt.Sprintf("%8s %12.6fs %s %s", "", f.At.Seconds(), f.Action, f.Victim()))
	}
	return lines
}
