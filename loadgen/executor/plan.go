// Package executor starts guests: when they are due in open phases, and as
// others finish in closed ones. It owns every goroutine of the run, and
// accounts for every guest.
package executor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"guestload/loadgen/measure"
	"guestload/loadgen/schedule"
	"guestload/loadgen/session"
	"guestload/results"
	"guestload/scenarios"
)

// Plan is one run, or one generator's share of it.
type Plan struct {
	Phases []scenarios.Phase
	Seed   uint64
	Share  Share
	Clock  session.Clock
	Book   *measure.Book
	// Workers is how many recorders of the book the guests share.
	Workers int
	// MaxLive is how many guests the machine can hold at a time, 0 for any number.
	// An arrival past it is dropped, and counted.
	MaxLive int
	// Precise has arrivals waited for with the system's own timer, where there is
	// one that is better than Go's. It keeps real time, whatever time the rest keeps.
	Precise bool
	// Grace is how long guests may go on after the last arrival; then they are stopped.
	Grace time.Duration
	// Play plays one guest and returns when its part is over, or soon after ctx has ended.
	Play func(ctx context.Context, g session.Guest) session.Fate
	// Started hears when each guest was meant to start, and when it did. It may be nil.
	Started func(intended, actual time.Duration)
	// Tick is called as each second of the clock ends, one call at a time. It may be nil.
	Tick func(at time.Duration, now Tally)
}

// Share is the K-th of N generators, K from 0. The zero Share is the whole run.
type Share struct{ K, N int }

func (s Share) whole() bool { return s.N <= 1 }

// Of returns how many of all arrivals are the share's own.
func (s Share) Of(all int) int {
	if s.whole() {
		return all
	}
	return schedule.Owned(all, s.K, s.N)
}

// ShareOf returns the share that a part of a run is; nil is the whole run.
func ShareOf(p *results.Part) Share {
	if p == nil {
		return Share{}
	}
	return Share{K: p.Share - 1, N: p.Of}
}

// Tally accounts for guests. Once the run is over and was not interrupted,
// Arrived = Completed + Failed + Unmatched + Dropped.
type Tally struct {
	Arrived   int // were due so far, dropped ones included
	Dropped   int // never started, because MaxLive guests were live
	Live      int
	Completed int
	Failed    int // Unfinished included
	Unmatched int
	// Unfinished guests were stopped when the grace was over.
	Unfinished int
	// Stopped guests were cut short by an interrupt: no part of any of the above
	// but Arrived.
	Stopped     int
	Phase       int // position in the phases; their number when all are over
	Interrupted bool
}

// Validate reports why a plan cannot be run.
func (p Plan) Validate() error {
	switch {
	case p.Play == nil || p.Book == nil:
		return errors.New("a plan needs Play and Book")
	case p.Workers < 1:
		return fmt.Errorf("%d workers: at least 1", p.Workers)
	case p.MaxLive < 0 || p.Grace < 0:
		return fmt.Errorf("at most %d guests and a grace of %v: neither may be negative", p.MaxLive, p.Grace)
	case p.Share.N > 1 && (p.Share.K < 0 || p.Share.K >= p.Share.N):
		return fmt.Errorf("share %d of %d: shares count from 0", p.Share.K, p.Share.N)
	}
	return schedule.Validate(Schedule(p.Phases))
}

// Schedule is what the schedule knows of the phases. A closed phase is a pause
// to it: its guests come when others have gone.
func Schedule(phases []scenarios.Phase) []schedule.Phase {
	all := make([]schedule.Phase, len(phases))
	for i, p := range phases {
		s := schedule.Phase{For: p.For, Poisson: p.Spacing == scenarios.Poisson}
		switch p.Shape {
		case scenarios.Rate:
			s.From, s.To = p.From, p.From
		case scenarios.Ramp:
			s.From, s.To = p.From, p.To
		case scenarios.Burst:
			s.Guests = p.Guests
		}
		all[i] = s
	}
	return all
}

// arrivals are the share's own.
func (p Plan) arrivals() iter.Seq[schedule.Arrival] {
	all := schedule.Arrivals(Schedule(p.Phases), p.Seed)
	if p.Share.whole() {
		return all
	}
	return schedule.Share(all, p.Share.K, p.Share.N)
}

// guest makes an arrival a guest.
func (p Plan) guest(index, phase int, at time.Duration) session.Guest {
	r := p.Book.Recorder(index % p.Workers)
	if !p.Phases[phase].Record {
		r = p.Book.Warmup(index % p.Workers)
	}
	return session.Guest{Index: index, Intended: at, Recorder: r}
}
