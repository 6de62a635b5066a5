package results

import "guestload/results/series"

// Run is a record with what it was made from: all four files but the page.
type Run struct {
	Record  Record
	Seconds []series.Second // in order, without a gap
}

// Totals are the times of all seconds together, by operation.
func (r *Run) Totals() map[string]*series.Times {
	totals := map[string]*series.Times{}
	for _, s := range r.Seconds {
		series.AddAll(&totals, s.Operations)
	}
	return totals
}
