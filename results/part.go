package results

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Part says that a record is that of one of several generators, which played one
// run together.
type Part struct {
	Run   string `json:"run"`   // the name that they were given for it
	Share int    `json:"share"` // 1..Of: the guests whose index leaves Share-1 when divided by Of
	Of    int    `json:"of"`
}

// String is such as "part 2 of 3 of run evening".
func (p Part) String() string { return fmt.Sprintf("part %d of %d of run %s", p.Share, p.Of, p.Run) }

// together checks that records are all the parts of one run, each once.
func together(runs []Run) error {
	first := runs[0].Record
	seen := map[int]bool{}
	for _, run := range runs {
		r := run.Record
		if r.Part == nil {
			return fmt.Errorf("%s of %s was a run of its own, not a part of one: runs are compared (loadgen compare); merged are the parts that several generators played with --run and --share",
				r.Scenario, r.Started.UTC().Format("2006-01-02 15:04:05"))
		}
		switch p, q := *r.Part, *first.Part; {
		case r.Scenario != first.Scenario || r.ScenarioHash != first.ScenarioHash:
			return fmt.Errorf("%s (%s) and %s (%s) are different scenarios", first.Scenario, first.ScenarioHash, r.Scenario, r.ScenarioHash)
		case p.Run != q.Run:
			return fmt.Errorf("%v and %v are of different runs", q, p)
		case p.Of != q.Of:
			return fmt.Errorf("%v and %v: a run has one number of parts", q, p)
		case r.Seed != first.Seed:
			return fmt.Errorf("%v has seed %d, and %v seed %d: they are not of one schedule", q, first.Seed, p, r.Seed)
		case seen[p.Share]:
			return fmt.Errorf("%v is there twice: its guests would be counted twice", p)
		}
		seen[r.Part.Share] = true
	}
	var missing []string
	for share := 1; share <= first.Part.Of; share++ {
		if !seen[share] {
			missing = append(missing, fmt.Sprint(share))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("of run %s the parts %s of %d are missing", first.Part.Run, strings.Join(missing, ", "), first.Part.Of)
	}
	return nil
}

// overlap checks that parts ran at the same time: each began before any had ended.
func overlap(runs []Run) error {
	latest := slices.MaxFunc(runs, func(a, b Run) int { return a.Record.Started.Compare(b.Record.Started) }).Record
	for _, run := range runs {
		r := run.Record
		if lag := latest.Started.Sub(r.Started).Seconds(); lag > r.DurationSec {
			return fmt.Errorf("%v began %.0f s after %v, which had ended after %.1f s: they did not run together", latest.Part, lag, r.Part, r.DurationSec)
		}
	}
	return nil
}

// mergeable is why records are not parts of one run, nil where they are.
func mergeable(runs []Run) error {
	if len(runs) == 0 {
		return errors.New("none given")
	}
	for _, run := range runs {
		if run.Record.Capacity != nil {
			return fmt.Errorf("%s is a search for the capacity, whose runs were at rates of its own", run.Record.Scenario)
		}
	}
	if err := together(runs); err != nil {
		return err
	}
	return overlap(runs)
}
