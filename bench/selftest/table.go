package selftest

import (
	"fmt"
	"slices"
	"strings"

	"guestload/bench/gate"
	"guestload/bench/stats"
)

// Counted is what the gate said of one kind.
type Counted struct {
	Kind
	Done     int                  `json:"done"`
	Verdicts map[gate.Verdict]int `json:"verdicts"`
	Low      float64              `json:"regressedLow"` // Wilson's interval at 95 %
	High     float64              `json:"regressedHigh"`
	Pairs    int                  `json:"pairs"`            // median
	Minutes  float64              `json:"minutes"`          // median
	Change   *float64             `json:"change,omitempty"` // median of the estimates
}

func (j *journal) count(k Kind) Counted {
	c := Counted{Kind: k, Verdicts: map[gate.Verdict]int{}}
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
	c.Pairs, c.Minutes = stats.UpperMedian(pairs), stats.UpperMedian(minutes)
	if len(changes) > 0 {
		c.Change = new(stats.UpperMedian(changes))
	}
	c.Low, c.High = stats.Share{Times: c.Verdicts[gate.Regressed], Of: c.Done}.Interval()
	return c
}

// table is the result in Markdown.
func (j *journal) table(plan []Kind) string {
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
		if k.Burn > 0 {
			where += fmt.Sprintf(", beside %d burnt cores", k.Burn)
		}
		if c.Change != nil {
			change = fmt.Sprintf("%+.1f %%", 100**c.Change)
		}
		r, p, i := c.Verdicts[gate.Regressed], c.Verdicts[gate.Pass], c.Verdicts[gate.Inconclusive]
		fmt.Fprintf(&b, "| %s | %s | %d of %d | %s | %d | %d | %d | %s | %d | %.1f |\n", k.Plant, where, c.Done, k.Runs,
			stats.Share{Times: r, Of: c.Done}, p, i, c.Done-r-p-i, change, c.Pairs, 60*c.Minutes)
	}
	fmt.Fprintf(&b, "\n%s on %d × %s, %s", j.setup.Base, j.setup.CPUs, j.setup.CPU, j.setup.Go)
	if len(j.runs) > 0 {
		first := slices.MinFunc(j.runs, func(a, b played) int { return a.At.Compare(b.At) })
		fmt.Fprintf(&b, ", %s", first.At.UTC().Format("2006-01-02"))
	}
	b.WriteString(".\n")
	return b.String()
}
