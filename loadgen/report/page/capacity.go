package page

import (
	"cmp"
	"fmt"
	"slices"

	"guestload/results"
)

// knee is how response times rise with the rate of arrivals, for the chart of a
// search: its runs by rate.
type knee struct {
	Rate  float64              `json:"rate"`           // the answer, arrivals a second; 0 for none
	Low   float64              `json:"low"`            // of the interval of the limit
	High  *float64             `json:"high,omitempty"` // nil: open
	Rates []float64            `json:"rates"`          // of the runs, rising
	Said  []string             `json:"said"`           // held, broke or invalid
	P99   map[string][]float64 `json:"p99"`            // by operation, in milliseconds; 0 where it did not happen
}

func newKnee(c *results.Capacity) *knee {
	if c == nil {
		return nil
	}
	k := &knee{Rate: c.Rate, Low: c.Low, High: c.High, P99: map[string][]float64{}}
	runs := byRate(c.Runs)
	for i, r := range runs {
		k.Rates, k.Said = append(k.Rates, r.Rate), append(k.Said, r.Verdict)
		for name, times := range r.Response {
			if k.P99[name] == nil {
				k.P99[name] = make([]float64, len(runs))
			}
			k.P99[name][i] = times.P99
		}
	}
	return k
}

func byRate(runs []results.Trial) []results.Trial {
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b results.Trial) int { return cmp.Compare(a.Rate, b.Rate) })
	return runs
}

// searched is what a search found, in words.
type searched struct {
	Headline, Stands string
	Evidence         []figure
	Operations       []string // whose p99 the runs tell
	Processes        []string // whose cores they tell
	Runs             []searchRun
}

type searchRun struct {
	Rate, Verdict, Tone string
	Cells               []figure
	Why                 string
}

func newSearched(c *results.Capacity) *searched {
	if c == nil {
		return nil
	}
	s := &searched{Headline: c.Headline(), Stands: c.Stands()}
	for name, line := range c.Evidence() {
		s.Evidence = append(s.Evidence, figure{Name: name, Value: line})
	}
	happened := map[string]results.Operation{}
	for _, r := range c.Runs {
		for name := range r.Response {
			happened[name] = results.Operation{}
		}
	}
	s.Operations = ordered(happened)
	for _, process := range []string{"server", "redis", "loadgen", "machine"} {
		if slices.ContainsFunc(c.Runs, func(r results.Trial) bool { _, known := r.Cores[process]; return known }) {
			s.Processes = append(s.Processes, process)
		}
	}
	tones := map[string]string{"held": "good", "broke": "bad", "invalid": "doubt"}
	for _, r := range byRate(c.Runs) {
		row := searchRun{Rate: results.FormatRate(r.Rate), Verdict: r.Verdict, Tone: tones[r.Verdict]}
		for _, name := range s.Operations {
			value := "–"
			if times, ok := r.Response[name]; ok {
				value = latency(times.P99)
			}
			row.Cells = append(row.Cells, figure{Name: name + " p99", Value: value})
		}
		for _, process := range s.Processes {
			value := "–"
			if cores, ok := r.Cores[process]; ok {
				value = fmt.Sprintf("%.2f", cores)
			}
			row.Cells = append(row.Cells, figure{process + " cores", value, "muted"})
		}
		if len(r.Reasons) > 0 {
			row.Why = r.Reasons[0]
		}
		s.Runs = append(s.Runs, row)
	}
	return s
}
