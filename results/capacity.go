package results

import (
	"fmt"
	"iter"
	"time"
)

// Capacity is what a search for the highest rate found. All rates are arrivals a second.
type Capacity struct {
	Rate      float64 `json:"rate"`            // the highest that held, by most of its runs; 0: none did
	Above     float64 `json:"above,omitempty"` // the lowest that did not hold; 0: all did
	LimitedBy string  `json:"limitedBy"`       // server, generator, range, or "" where the search was cut short
	// The rate at which half of all runs would hold lies within Low..High with
	// probability Confidence. High is absent where no run broke: the limit may be anywhere above.
	Low        float64  `json:"low"`
	High       *float64 `json:"high,omitempty"`
	Confidence float64  `json:"confidence"`
	Method     string   `json:"method"`
	Resource   string   `json:"resource,omitempty"` // what ran out
	Why        string   `json:"why,omitempty"`      // how that is known

	Started     time.Time `json:"started"`
	DurationSec float64   `json:"durationSec"`
	Runs        []Trial   `json:"runs"` // in their order
}

// Trial is one run of a search. Its record is a folder within that of the search.
type Trial struct {
	Rate     float64  `json:"rate"`
	Verdict  string   `json:"verdict"`           // held, broke or invalid
	Reasons  []string `json:"reasons,omitempty"` // why it did not hold
	Resource string   `json:"resource,omitempty"`
	Folder   string   `json:"folder"`
	// Response times by operation, in milliseconds.
	Response map[string]Summary `json:"response"`
	Cores    map[string]float64 `json:"cores,omitempty"` // mean while it counted, by process; "machine" is all of them and others
}

// AtLeast reports whether the server may hold more than Rate: it was not what
// ended the search.
func (c Capacity) AtLeast() bool { return c.Rate > 0 && c.LimitedBy != "server" }

// Headline says what was found, in a sentence without a full stop.
func (c Capacity) Headline() string {
	switch {
	case c.Rate == 0 && c.LimitedBy == "server":
		return fmt.Sprintf("not even %s held", FormatRate(c.Above))
	case c.Rate == 0:
		return "no rate could be judged"
	case c.LimitedBy == "server":
		return fmt.Sprintf("%s held, %s did not", FormatRate(c.Rate), FormatRate(c.Above))
	case c.LimitedBy == "generator":
		return fmt.Sprintf("at least %s: at %s the generator could not follow", FormatRate(c.Rate), FormatRate(c.Above))
	case c.LimitedBy == "range":
		return fmt.Sprintf("at least %s, the highest rate that was to be tried", FormatRate(c.Rate))
	}
	return fmt.Sprintf("at least %s: the search was cut short", FormatRate(c.Rate))
}

// Interval says how sure the limit is, "" where nothing bounds it.
func (c Capacity) Interval() string {
	percent := fmt.Sprintf("with %.0f %% probability", 100*c.Confidence)
	switch {
	case c.High != nil && c.Low > 0:
		return fmt.Sprintf("%s the limit lies from %s to %s", percent, FormatRate(c.Low), FormatRate(*c.High))
	case c.High != nil:
		return fmt.Sprintf("%s the limit is below %s", percent, FormatRate(*c.High))
	case c.Low > 0:
		return fmt.Sprintf("%s the limit is above %s", percent, FormatRate(c.Low))
	}
	return ""
}

// FormatRate writes arrivals a second to three digits: 12.5/s, 1,230/s.
func FormatRate(rate float64) string {
	text := fmt.Sprintf("%.3g", rate)
	if rate >= 999.5 {
		text = FormatCount(int64(rate + 0.5))
	}
	return text + "/s"
}

// Searched makes the record of a search of that of the run which stands for its
// answer. A rule of the contract that was broken in any of the runs counts: it
// holds at every rate.
func (r *Record) Searched(c Capacity, all []Record) {
	r.Capacity = &c
	r.Violations = nil
	for _, run := range all {
		r.joinViolations(run.Violations)
	}
	if r.Violations == nil {
		r.Violations = []Violation{}
	}
	if c.AtLeast() {
		r.Warnings = append(r.Warnings, "the server's limit was not found: "+c.Headline())
	}
	r.Outcome = r.outcome()
}

// Evidence yields what the answer rests on, each with its name.
func (c Capacity) Evidence() iter.Seq2[string, string] {
	return func(yield func(name, line string) bool) {
		if sure := c.Interval(); sure != "" && !yield("sure", sure) {
			return
		}
		if c.Resource != "" && !yield("ran out", c.Resource+": "+c.Why) {
			return
		}
		yield("searched", fmt.Sprintf("%d runs in %v; their records are in the folder runs", len(c.Runs), time.Duration(c.DurationSec*float64(time.Second)).Round(time.Second)))
	}
}

// Stands names the run that all other figures of the record are of.
func (c Capacity) Stands() string {
	if c.Rate > 0 {
		return "the last run that held at " + FormatRate(c.Rate)
	}
	return "the lowest rate that was tried"
}
