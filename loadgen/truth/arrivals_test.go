package truth

import (
	"math"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"guestload/loadgen/schedule"
)

// critical is what the Kolmogorov–Smirnov distance of n values that do follow
// the distribution exceeds in one case of 1,000.
func critical(n int) float64 { return 1.95 / math.Sqrt(float64(n)) }

// distance is that of values in [0, 1] from the uniform distribution, for which
// a fine grid stands.
func distance(values []float64) float64 {
	const fine = 1_000_000
	grid := make([]float64, fine)
	for i := range grid {
		grid[i] = (float64(i) + 0.5) / fine
	}
	values = slices.Sorted(slices.Values(values))
	return stat.KolmogorovSmirnov(values, nil, grid, nil)
}

// arrivals are when the server saw the guests, from the start of the run, and
// how long after they were due.
func (o outcome) arrivals(t *testing.T, deeds []deed, due []time.Duration) (seen, late []time.Duration) {
	t.Helper()
	for i, at := range due {
		d := deeds[i]
		if d.began == 0 {
			t.Fatalf("guest %d never came\n%s", i, o.output)
		}
		seen = append(seen, time.Duration(d.began-o.record.Started.UnixNano()))
		late = append(late, seen[i]-at)
		if late[i] < -o.slack() {
			t.Errorf("guest %d came %v before it was due", i, -late[i])
		}
	}
	slices.Sort(late)
	return seen, late
}

// Guests at an even rate come in their time: never before, and how long after is
// reported; the server can only have seen them later than they were sent.
func TestGuestsAtAnEvenRateComeWhenTheyAreDue(t *testing.T) {
	for _, rate := range []int{100, 500, 2000} {
		p := plan{rate: rate, seconds: 3, spacing: "uniform"}
		s := start(t, p.guests(), 0, 0)
		o := p.run(t, s.url)
		var due []time.Duration
		for i := range p.guests() {
			due = append(due, time.Duration(math.Round(float64(i)/float64(rate)*1e9)))
		}
		_, late := o.arrivals(t, s.deeds(t), due)
		lag := o.record.Operations["create"].Lag
		for _, r := range reported(lag) {
			most := at(late, r.percent, 1)
			if float64(r.value) > float64(most+o.slack())*(1+precision) {
				t.Errorf("%d/s: lag p%v: reported %v, but the server saw them %v late", rate, r.percent, r.value, most)
			}
			t.Logf("%d/s: lag p%v: reported %v, the server saw them %v late", rate, r.percent, r.value, most)
		}
	}
}

// Guests at random come as a Poisson process has it. How late they were, which
// on a busy machine says more of the machine, may move the distance by the share of guests
// who were on the wrong side of any moment.
func TestGuestsAtRandomComeAsAPoissonProcessHasIt(t *testing.T) {
	p := plan{rate: 1000, seconds: 5, spacing: "poisson"}
	s := start(t, p.guests()+p.guests()/10, 0, 0)
	o := p.run(t, s.url)
	var due []time.Duration
	for a := range schedule.Arrivals([]schedule.Phase{{From: 1000, To: 1000, For: 5 * time.Second, Poisson: true}}, o.record.Seed) {
		due = append(due, a.At)
	}
	if o.record.Guests.Planned != len(due) {
		t.Fatalf("%d guests, want %d\n%s", o.record.Guests.Planned, len(due), o.output)
	}
	seen, late := o.arrivals(t, s.deeds(t), due)

	var planned, real []float64
	for i := range due {
		planned = append(planned, due[i].Seconds()/5)
		real = append(real, seen[i].Seconds()/5)
	}
	moved := 0.0 // the largest difference between how many were due and how many had come
	slices.Sort(seen)
	for i, at := range seen {
		n, _ := slices.BinarySearch(due, at)
		moved = max(moved, float64(n-i)/float64(len(due)))
	}
	byPlan, byDeed := distance(planned), distance(real)
	if most := critical(len(due)); byPlan > most || byDeed > most+moved {
		t.Errorf("distance %.4f as planned, %.4f as seen; at most %.4f, and %.4f for being late", byPlan, byDeed, most, moved)
	}
	t.Logf("%d guests: distance %.4f as planned, %.4f as seen, of %.4f; lateness p50 %v, p99 %v", len(due), byPlan, byDeed, critical(len(due)), at(late, 50, 0), at(late, 99, 0))
}
