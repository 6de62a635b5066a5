package page

import (
	"fmt"
	"strings"
	"time"

	"guestload/results"
	"guestload/results/series"
)

// running puts a run that goes on into words, under mu.
func (l *Live) running() content {
	s := l.mu.state
	run := results.Run{Record: l.mu.start.Record, Seconds: []series.Second{l.mu.all}}
	run.Conclude(nil) // sums up the operations; the verdict is not yet due
	run.Record.DurationSec = s.Elapsed.Seconds()
	v := view(run.Record, l.mu.start.Scenario)
	v.Verdict, v.Tone, v.Invalid = "Running", "", nil
	v.Title = run.Record.Scenario + ": running"
	v.Guests = []figure{
		{"planned", results.FormatCount(s.Planned), ""}, {"arrived", results.FormatCount(l.mu.all.Arrived), ""}, {"live", results.FormatCount(l.mu.all.Live), ""},
		{"done", results.FormatCount(l.mu.all.Done), ""}, {"unmatched", results.FormatCount(s.Unmatched), ""},
	}
	v.Thresholds = nil
	for _, expression := range l.mu.start.Thresholds {
		v.Thresholds = append(v.Thresholds, threshold{"–", expression, "judged at the end", "wait"})
	}
	v.NoResources = "Summed up when the run has ended."
	var words []string
	if s.Phase != "" {
		words = append(words, "In phase "+s.Phase+".")
	}
	words = append(words, clock(s.Elapsed)+" so far"+left(s)+".")
	if s.Violations > 0 {
		v.Tone = "bad"
		words = append(words, results.FormatCounted(s.Violations, "violation")+" of the contract seen.")
	} else {
		words = append(words, "No violations so far.")
	}
	v.Because = strings.Join(words, " ")
	return v
}

func left(s State) string {
	switch {
	case s.Waiting != "":
		return ", " + s.Waiting
	case s.Left < 0:
		return ""
	}
	return ", about " + clock(s.Left) + " left"
}

// clock writes a time as 0:04 or 1:02:03.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
