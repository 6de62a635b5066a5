package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"guestload/results"
	"guestload/results/series"
)

// pointsKept is how many points in time a page has at most. Longer runs have
// several seconds to a point.
const pointsKept = 1800

// data is what the page's script draws.
type data struct {
	Every    int              `json:"every"` // seconds to a point
	Keep     int              `json:"keep"`  // points that a live page holds on to
	Next     int              `json:"next"`  // where a live page goes on hearing
	Rows     []row            `json:"rows"`
	Curves   map[string]curve `json:"curves"` // by operation
	Usage    []Spent          `json:"usage"`
	Bounds   []bound          `json:"bounds,omitempty"`
	Faults   []faultAt        `json:"faults,omitempty"`
	Capacity *knee            `json:"capacity,omitempty"`
	Scenario string           `json:"scenario"` // so that Read finds it again
}

// faultAt is a fault, as the charts over time mark it.
type faultAt struct {
	At   float64 `json:"t"` // seconds
	What string  `json:"what"`
	Name string  `json:"name"`
}

// newFaults marks faults.
func newFaults(faults []results.Fault) (all []faultAt) {
	for _, f := range faults {
		all = append(all, faultAt{round(f.At), f.Action, f.Name()})
	}
	return all
}

// row is one point in time. Rates are a second's, times are in milliseconds.
type row struct {
	Second   int              `json:"t"`
	Phase    string           `json:"phase"`
	Warmup   bool             `json:"warmup,omitempty"`
	Arrived  float64          `json:"arrived"`
	Live     int64            `json:"live"`
	Messages float64          `json:"messages"`
	Failures float64          `json:"failures"`
	Ops      map[string]point `json:"ops,omitempty"`
}

// point is what one operation did in a row: successes, failures, and p50 and
// p99 of response time, nil where nothing succeeded.
type point [4]*float64

func (p Page) data() data {
	every := (len(p.Run.Seconds) + pointsKept - 1) / pointsKept
	d := data{Every: max(every, 1), Keep: pointsKept, Scenario: string(p.Scenario), Rows: []row{}}
	for from := 0; from < len(p.Run.Seconds); from += d.Every {
		d.Rows = append(d.Rows, newRow(p.Run.Seconds[from:min(from+d.Every, len(p.Run.Seconds))]))
	}
	d.Curves = curves(p.Run.Totals())
	d.Usage = thin(p.Usage, d.Every)
	d.Capacity = newKnee(p.Run.Record.Capacity)
	d.Faults = newFaults(p.Run.Record.Faults)
	var expressions []string
	for _, t := range p.Run.Record.Thresholds {
		expressions = append(expressions, t.Expression)
	}
	d.Bounds = newBounds(expressions)
	return d
}

// newRow is one point of one or more seconds.
func newRow(seconds []series.Second) row {
	first, last := seconds[0], seconds[len(seconds)-1]
	n := float64(len(seconds))
	r := row{Second: first.Second, Phase: first.Phase, Warmup: first.Warmup, Live: last.Live}
	var arrived, messages, failures int64
	for _, s := range seconds {
		arrived, messages = arrived+s.Arrived, messages+s.Messages
		for _, t := range s.Operations {
			failures += t.Failed()
		}
	}
	r.Arrived, r.Messages, r.Failures = round(float64(arrived)/n), round(float64(messages)/n), round(float64(failures)/n)
	totals := (&results.Run{Seconds: seconds}).Totals()
	if len(totals) > 0 {
		r.Ops = make(map[string]point, len(totals))
	}
	for name, t := range totals {
		r.Ops[name] = newPoint(t)
	}
	return r
}

func newPoint(t *series.Times) point {
	done, failed := float64(t.Response.TotalCount()), float64(t.Failed())
	p := point{&done, &failed}
	if done > 0 {
		at := series.Percentiles(t.Response, 50, 99)
		p50, p99 := millis(at[0]), millis(at[1])
		p[2], p[3] = &p50, &p99
	}
	return p
}

// thin takes the means of what lies within every so many seconds.
func thin(usage []Spent, every int) []Spent {
	thinned := make([]Spent, 0, len(usage))
	counts := map[string]float64{}
	for _, u := range usage {
		at := u.Second - u.Second%every
		if n := len(thinned); n == 0 || thinned[n-1].Second != at {
			thinned = append(thinned, Spent{Second: at, Of: map[string]Use{}})
			clear(counts)
		}
		of := thinned[len(thinned)-1].Of
		for name, use := range u.Of {
			n := counts[name]
			of[name] = Use{Cores: round((of[name].Cores*n + use.Cores) / (n + 1)), MemoryMB: round((of[name].MemoryMB*n + use.MemoryMB) / (n + 1))}
			counts[name]++
		}
	}
	return thinned
}

func millis(micros int64) float64 { return float64(micros) / 1000 }

func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// What surrounds the data in a page. The JSON within has no '<' of its own.
var dataBegins, dataEnds = []byte(`<script type="application/json" id="data">`), []byte(`</script>`)

// readData finds the data in a page.
func readData(html []byte) (data, error) {
	_, rest, ok := bytes.Cut(html, dataBegins)
	text, _, ended := bytes.Cut(rest, dataEnds)
	if !ok || !ended {
		return data{}, errors.New("it has no data: it is no page of a run, or not whole")
	}
	var d data
	if err := json.Unmarshal(text, &d); err != nil {
		return data{}, fmt.Errorf("its data: %w", err)
	}
	return d, nil
}
