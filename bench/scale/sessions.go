package scale

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// arrivals is the rate, a second, of the runs that are compared.
const arrivals = 500

// said is how many messages each guest of them says.
const said = 7

// Crowded is a run in which so many guests come at the same rate and do the same,
// and only stay so long that so many are live at a time.
type Crowded struct {
	Guests, Live int
}

// Uncrowded is what the others are compared with, before and after each of them:
// the speed of a machine drifts, and only neighbours in time compare.
func Uncrowded() Crowded { return Crowded{5000, 1000} }

// Crowds are the runs that are compared. The last has more guests, not more of
// them at a time: a process may often have no more than 20,000 files open.
func Crowds() []Crowded {
	return []Crowded{{15000, 5000}, {15000, 15000}, {50000, 15000}}
}

// Cost is what a session of such a run cost.
type Cost struct {
	Server, Loadgen time.Duration // CPU, without what start and end of the program take
	Garbage         Garbage       // of the server
}

// Sessions plays one of the runs.
func (a *Setup) Sessions(ctx context.Context, c Crowded) (Cost, error) {
	if a.idle == 0 {
		_, r, err := a.sessions(ctx, Crowded{2, 2})
		if err != nil {
			return Cost{}, err
		}
		a.idle = r
	}
	cost, r, err := a.sessions(ctx, c)
	if err != nil {
		return cost, err
	}
	cost.Server /= time.Duration(c.Guests)
	cost.Loadgen = (r - a.idle) / time.Duration(c.Guests)
	return cost, nil
}

// sessions returns what the server spent on all of them, and loadgen.
func (a *Setup) sessions(ctx context.Context, c Crowded) (cost Cost, loadgen time.Duration, err error) {
	p, err := a.serve(ctx)
	if err != nil {
		return cost, 0, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	before, err := p.cpu()
	if err != nil {
		return cost, 0, err
	}
	stay := time.Duration(c.Live) * time.Second / arrivals
	file, err := a.script("crowded", fmt.Sprintf(`scenario: crowded
about: what bench scale compares.
phases:
  - {name: all, guests: %d, within: %v}
guests:
  - script: guest
    steps: [create, connect, {search: {within: 60s}}, {chat: {messages: %d, think: %v, length: 64}}, drop]
thresholds:
  - violations == 0
`, c.Guests, time.Duration(c.Guests)*time.Second/arrivals, said, max((stay/said).Round(time.Millisecond), time.Millisecond)))
	if err != nil {
		return cost, 0, err
	}
	r, err := a.play(ctx, file, "--target", "http://"+p.Address)
	if err != nil {
		return cost, 0, err
	}
	if r.Guests.Completed+r.Guests.Unmatched < c.Guests {
		return cost, 0, fmt.Errorf("%d guests: %+v", c.Guests, r.Guests)
	}
	after, err := p.cpu()
	if err != nil {
		return cost, 0, err
	}
	cost.Server = after - before
	loadgen = time.Duration(r.Resources.Loadgen.CPUSec * float64(time.Second))
	if c.Live >= worthCollecting {
		cost.Garbage, err = garbage(ctx, p.Address)
	}
	return cost, loadgen, err
}

// worthCollecting is the fewest guests for whom garbage is collected often
// enough to be asked about.
const worthCollecting = 1000
