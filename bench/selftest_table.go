package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"guestload/bench/gate"
)

// counted is what the gate said of one kind.
type counted struct {
	kind
	Done     int                  `json:"done"`
	Verdicts map[gate.Verdict]int `json:"verdicts"`
	Low      float64              `json:"regressedLow"` // Wilson's interval at 95 %
	High     float64              `json:"regressedHigh"`
	Pairs    int                  `json:"pairs"`            // median
	Minutes  float64              `json:"minutes"`          // median
	Change   *float64             `json:"change,omitempty"` // median of the estimates
}

func (j *journal) count(k kind) counted {
	c := counted{kind: k, Verdicts: map[gate.Verdict]int{}}
	var pairs []int
	var minutes, changes []float64
	for _, r := range j.of(k) {
		c.Done++
		c.Verdicts[r.Verdict]++
		pairs, minutes = append(pairs, r.Pairs), append(minutes, r.Minutes)
		if r.Change != nil {
			changes = append(changes, *r.Change)
		}
	}
	c.Pairs, c.Minutes = middle(pairs), middle(minutes)
	if len(changes) > 0 {
		c.Change = new(middle(changes))
	}
	c.Low, c.High = share{c.Verdicts[gate.Regressed], c.Done}.interval()
	return c
}

// table is the result in Markdown.
func (j *journal) table(plan []kind) string {
	var b strings.Builder
	b.WriteString("| planted | gated | runs | Regressed (95 %) | Pass | Inconclusive | other | measured, median | pairs, median | seconds a run, median |\n" +
		"|---|---|---|---|---|---|---|---|---|---|\n")
	for _, k := range plan {
		c := j.count(k)
		where, change := strings.Join(k.Only, ", "), "–"
		if where == "" {
			where = "all"
		}
		if k.Disturb {
			where += ", beside a burnt core"
		}
		if c.Change != nil {
			change = fmt.Sprintf("%+.1f %%", 100**c.Change)
		}
		r, p, i := c.Verdicts[gate.Regressed], c.Verdicts[gate.Pass], c.Verdicts[gate.Inconclusive]
		fmt.Fprintf(&b, "| %s | %s | %d of %d | %s | %d | %d | %d | %s | %d | %.1f |\n", k.Plant, where, c.Done, k.Runs,
			share{r, c.Done}, p, i, c.Done-r-p-i, change, c.Pairs, 60*c.Minutes)
	}
	fmt.Fprintf(&b, "\n%s on %d × %s, %s", j.setup.Base, j.setup.CPUs, j.setup.CPU, j.setup.Go)
	if len(j.runs) > 0 {
		first := slices.MinFunc(j.runs, func(a, b played) int { return a.At.Compare(b.At) })
		fmt.Fprintf(&b, ", %s", first.At.UTC().Format("2006-01-02"))
	}
	b.WriteString(".\n")
	return b.String()
}

// middle is the median, the higher of two; zero of nothing.
func middle[T cmp.Ordered](values []T) (m T) {
	if len(values) == 0 {
		return m
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
