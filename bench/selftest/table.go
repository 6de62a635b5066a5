package selftest

import (
	"fmt"
	"math"
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
	ByCounts int                  `json:"byCounts"`     // passes that leave CPU time undecided
	Low      float64              `json:"regressedLow"` // Wilson's interval at 95 %
	High     float64              `json:"regressedHigh"`
	Pairs    int                  `json:"pairs"`            // median
	Minutes  float64              `json:"minutes"`          // median
	Change   *float64             `json:"change,omitempty"` // median of the estimates
	Steal    *float64             `json:"steal,omitempty"`  // median
	Load     *float64             `json:"load,omitempty"`   // median
}

func (j *journal) count(k Kind) Counted {
	c := Counted{Kind: k, Verdicts: map[gate.Verdict]int{}}
	var pairs []int
	var minutes, changes, steals, loads []float64
	keep := func(all *[]float64, v *float64) {
		if v != nil {
			*all = append(*all, *v)
		}
	}
	for _, r := range j.of(k) {
		c.Done++
		c.Verdicts[r.Verdict]++
		if r.Verdict == gate.Pass && len(r.Open) > 0 {
			c.ByCounts++
		}
		pairs, minutes = append(pairs, r.Pairs), append(minutes, r.Minutes)
		keep(&changes, r.Change)
		keep(&steals, r.Steal)
		keep(&loads, r.Load)
	}
	c.Pairs, c.Minutes = stats.UpperMedian(pairs), stats.UpperMedian(minutes)
	c.Change, c.Steal, c.Load = medianOf(changes), medianOf(steals), medianOf(loads)
	c.Low, c.High = stats.Share{Times: c.Verdicts[gate.Regressed], Of: c.Done}.Interval()
	return c
}

// medianOf is nil of none.
func medianOf(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	return new(stats.UpperMedian(values))
}

// statistic is one row: how many of a kind's runs had a verdict, and how many should.
type statistic struct {
	what        string
	times       int
	least, most int // of the runs done; most < 0: not judged
	share       float64
}

// statistics are the rows of a kind.
func (c Counted) statistics() []statistic {
	all := func(share float64) int { return int(math.Ceil(share*float64(c.Done) - 1e-9)) }
	passed, clean := c.Verdicts[gate.Pass], c.Verdicts[gate.Pass]-c.ByCounts
	regressed := statistic{"Regressed", c.Verdicts[gate.Regressed], 0, -1, 0}
	switch {
	case c.Plant == "none":
		regressed.most = 0
	case c.Regressed > 0:
		regressed.least, regressed.most, regressed.share = all(c.Regressed), c.Done, c.Regressed
	}
	pass := statistic{"Pass", passed, 0, -1, 0}
	if c.Pass > 0 {
		pass.least, pass.most, pass.share = all(c.Pass), c.Done, c.Pass
	}
	rows := []statistic{regressed}
	if c.Plant == "none" {
		rows = append(rows, pass)
	} else {
		rows = append(rows, statistic{"Pass, with nothing left open", clean, 0, 0, 0})
	}
	if c.ByCounts > 0 {
		rows = append(rows, statistic{"Pass by counts, CPU time left open", c.ByCounts, 0, -1, 0})
	}
	if n := c.Verdicts[gate.Inconclusive]; n > 0 {
		rows = append(rows, statistic{"Inconclusive", n, 0, -1, 0})
	}
	if n := c.Done - passed - c.Verdicts[gate.Regressed] - c.Verdicts[gate.Inconclusive]; n > 0 {
		rows = append(rows, statistic{"other", n, 0, 0, 0})
	}
	return rows
}

// table is the result in Markdown: the verdicts, one statistic a row, and what a run took.
func (j *journal) table(plan []Kind) string {
	var verdicts, costs strings.Builder
	for _, k := range plan {
		c := j.count(k)
		of := fmt.Sprintf("%d", c.Done)
		if c.Done < k.Runs {
			of = fmt.Sprintf("%d of %d", c.Done, k.Runs)
		}
		if c.Done == 0 {
			fmt.Fprintf(&verdicts, "| %s | %s | %s | – | | – | |\n", k.Plant, k.where(), of)
			continue
		}
		for _, s := range c.statistics() {
			fmt.Fprintf(&verdicts, "| %s | %s | %s | %s | %s | %s | %s |\n", k.Plant, k.where(), of, s.what,
				s.target(), stats.Share{Times: s.times, Of: c.Done}, s.judged())
		}
		if k.Seconds > 0 {
			fmt.Fprintf(&verdicts, "| %s | %s | %s | seconds a run, median | ≤ %g | %.1f | %s |\n", k.Plant, k.where(), of, k.Seconds, 60*c.Minutes, judged(60*c.Minutes <= k.Seconds))
		}
		fmt.Fprintf(&costs, "| %s | %s | %s | %d | %.1f | %s | %s |\n", k.Plant, k.where(),
			shown("%+.2f %%", c.Change, 100), c.Pairs, 60*c.Minutes, shown("%.1f %%", c.Steal, 100), shown("%.1f", c.Load, 1))
	}
	return "Each run is the gate's whole procedure with measurements of its own; only the builds are shared. Gated \"Relay/within instructions\" is counts alone, \"Relay/within\" is counts and CPU time.\n\n" +
		"| planted | gated | runs | verdict | target | runs with it (95 % interval) | |\n|---|---|---|---|---|---|---|\n" + verdicts.String() +
		"\nMedians over the runs of each kind; load is the number of processes that want to run.\n\n" +
		"| planted | gated | change measured | pairs | seconds a run | steal | load |\n|---|---|---|---|---|---|---|\n" + costs.String() +
		"\n" + j.stamp() + "\n"
}

// stamp says of what, where and when the runs are.
func (j *journal) stamp() string {
	if len(j.runs) == 0 {
		return j.setup.String() + "."
	}
	byTime := func(a, b played) int { return a.At.Compare(b.At) }
	first, last := slices.MinFunc(j.runs, byTime).At.UTC(), slices.MaxFunc(j.runs, byTime).At.UTC()
	const day, minute = "2006-01-02", "2006-01-02 15:04"
	if first.Format(day) == last.Format(day) {
		return fmt.Sprintf("%s, %s to %s UTC.", j.setup, first.Format(minute), last.Format("15:04"))
	}
	return fmt.Sprintf("%s, %s to %s UTC.", j.setup, first.Format(minute), last.Format(minute))
}

// where names what is gated, and what runs beside it.
func (k Kind) where() string {
	where := strings.Join(k.Only, ", ")
	if where == "" {
		where = "the whole policy"
	}
	if k.Burn > 0 {
		where += fmt.Sprintf(", %d cores burnt", k.Burn)
	}
	return where
}

func (s statistic) target() string {
	switch {
	case s.most < 0:
		return ""
	case s.most == 0:
		return "0"
	case s.share == 1:
		return "all"
	}
	return fmt.Sprintf("≥ %g %%", 100*s.share)
}

func (s statistic) judged() string {
	if s.most < 0 {
		return ""
	}
	return judged(s.times >= s.least && s.times <= s.most)
}

func judged(met bool) string {
	if met {
		return "met"
	}
	return "**not met**"
}

func shown(format string, v *float64, scale float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf(format, scale**v)
}
