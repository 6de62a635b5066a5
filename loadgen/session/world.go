package session

import (
	"context"
	"sync/atomic"
	"time"

	"guestload/loadgen/measure"
	"guestload/loadgen/verify"
	"guestload/scenarios"
)

// Clock counts from the run's start. Several generators of one run share the epoch.
type Clock struct{ Epoch time.Time }

// Now is the time since the run's start.
func (c Clock) Now() time.Duration { return time.Since(c.Epoch) }

// At is the moment that lies so long after the run's start.
func (c Clock) At(offset time.Duration) time.Time { return c.Epoch.Add(offset) }

// Setting is what all guests of a run have in common.
type Setting struct {
	Backend  Backend
	Clock    Clock
	Verifier *verify.Verifier // nil: one of the contract
	Scripts  []scenarios.Script
	Feeds    map[string]scenarios.Feed
	Paths    map[string]string // from the contract's paths to the backend's own, where they differ
	Seed     uint64
	Timeout  time.Duration           // of an acknowledgement, a leave, a cancellation; 10 s where 0
	Without  map[scenarios.Kind]bool // steps that the backend does not know: they are left out
	// Failed hears of every failure of a guest: the operation or step, and why. It may be
	// nil, and is called by several guests at a time.
	Failed func(what string, err error)
	// Apart tells guests of generators that have another epoch: how long their messages
	// were under way is not known. nil: nobody is.
	Apart func(guest int) bool
	// Guests is how many guests come in all. Where it is known, a search ends soon after
	// nobody is left who could be found; where it is 0, it takes all the time it may.
	Guests int
}

// World is a run as its guests share it: who searches right now, how late
// messages were sent, what went wrong first. Safe for concurrent use.
type World struct {
	Setting
	weights  float64
	noticed  time.Duration // after which a guest has been told that its partner fell silent
	patience time.Duration
	crowd    crowd
	lags     lags
	stories  stories
	work     work
	// Guests whom a fault has cut off, and who came back.
	cutOffs, returns atomic.Int64
	gone             atomic.Int64 // guests whose part is over
}

const (
	defaultTimeout = 10 * time.Second
	// noticedLate is how much later than the contract's limit a guest may be told that its
	// partner fell silent, before the guest gives up by itself.
	noticedLate = 15 * time.Second
)

// NewWorld opens a run. Scripts has one script at least.
func NewWorld(s Setting) *World {
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	if s.Verifier == nil {
		s.Verifier = verify.New(verify.Contract())
	}
	w := &World{Setting: s, noticed: s.Verifier.Limits().Vanished + noticedLate}
	w.patience = w.noticed + longestThink(s.Scripts)
	w.work.played = make([]atomic.Bool, len(s.Scripts))
	for _, script := range s.Scripts {
		w.weights += script.Weight
	}
	return w
}

// Guest is one arrival.
type Guest struct {
	Index    int           // over the whole run, and all generators of it
	Intended time.Duration // start, since the run's start
	Recorder *measure.Recorder
}

// Fate is how a guest's part in the run ended.
type Fate uint8

// The fates.
const (
	Completed Fate = iota
	Failed
	Unmatched // found nobody, and nobody was there to be found
	Stopped   // the run ended first
)

// String names the fate.
func (f Fate) String() string {
	return [...]string{"completed", "failed", "unmatched", "stopped"}[f]
}

// Play plays one guest from beginning to end, on the caller's goroutine. When
// ctx ends, so does the guest.
func (w *World) Play(ctx context.Context, g Guest) Fate {
	return newPlayer(w, g).play(ctx)
}

// Stories tells the first failures of each operation and kind, in the order in
// which they happened.
func (w *World) Stories() []string { return w.stories.all() }

// script draws the guest's script by weight.
func (w *World) script(d *dice) *scenarios.Script {
	at := d.Float64() * w.weights
	for i := range w.Scripts {
		if at -= w.Scripts[i].Weight; at < 0 {
			return &w.Scripts[i]
		}
	}
	return &w.Scripts[len(w.Scripts)-1]
}

// number is the position of a script that script returned.
func (w *World) number(script *scenarios.Script) int {
	for i := range w.Scripts {
		if &w.Scripts[i] == script {
			return i
		}
	}
	return 0
}

// path is the backend's own name of one of the contract's.
func (w *World) path(contract string) string {
	if own, ok := w.Paths[contract]; ok {
		return own
	}
	return contract
}

// longestThink is about the longest time that any guest thinks about a message.
func longestThink(scripts []scenarios.Script) time.Duration {
	var longest float64
	for _, script := range scripts {
		for _, step := range script.Steps {
			if step.Kind == scenarios.Chat {
				longest = max(longest, longestOf(step.Think))
			}
		}
	}
	return time.Duration(min(longest, 24*3600) * float64(time.Second))
}

// longestOf is exceeded at most once in 10,000 draws.
func longestOf(d scenarios.Draw) float64 {
	v := d.A
	switch d.Form {
	case scenarios.Range:
		v = d.B
	case scenarios.Exponential:
		v = 9.3 * d.A
	case scenarios.LogNormal:
		v = d.A * lognormalTail(d.B)
	case scenarios.List:
		for _, x := range d.Values {
			v = max(v, x)
		}
	}
	if d.Max > 0 {
		v = min(v, d.Max)
	}
	return v
}
