package session

import (
	"context"
	"sync/atomic"
	"time"

	"guestload/loadgen/measure"
	"guestload/loadgen/verify"
	"guestload/scenarios"
)

// Clock counts from the start of the run. Several generators of one run share the epoch.
type Clock struct{ Epoch time.Time }

// Now is the time since the start of the run.
func (c Clock) Now() time.Duration { return time.Since(c.Epoch) }

// At is the moment at an offset from the start of the run.
func (c Clock) At(offset time.Duration) time.Time { return c.Epoch.Add(offset) }

// Setting configures a World.
type Setting struct {
	Backend  Backend
	Clock    Clock
	Verifier *verify.Verifier // nil: one of the contract
	Scripts  []scenarios.Script
	Feeds    map[string]scenarios.Feed
	Paths    map[string]string // from the contract's paths to the backend's own, where they differ
	Seed     uint64
	Timeout  time.Duration           // of an acknowledgement, a leave, a cancellation; 10 s where 0
	Without  map[scenarios.Kind]bool // steps that are left out since the backend does not have them
	// Failed is called for every failure of a guest, with the operation or step, by several
	// guests at a time. It may be nil.
	Failed func(what string, err error)
	// Apart reports whether a guest is played by a generator with another epoch, so that the
	// delivery time of its messages is unknown. nil: none is.
	Apart func(guest int) bool
	// Guests is how many guests arrive in total, 0 if that is unknown. If it is known, a search
	// ends soon after the last guest who could be found has left.
	Guests int
}

// World is what the guests of a run share: who is searching, how late messages were sent,
// the first failures. Safe for concurrent use.
type World struct {
	Setting
	weights  float64
	noticed  time.Duration // after which a guest has been told that its partner fell silent
	patience time.Duration
	seekers  seekers
	lags     lags
	failures firstFailures
	work     work
	// Guests whom a fault has disconnected, and those of them who came back.
	cutOffs, returns atomic.Int64
	gone             atomic.Int64 // guests whose part is over
}

const (
	defaultTimeout = 10 * time.Second
	// noticedLate is how much later than the contract's limit a guest may be told that its
	// partner fell silent, before the guest gives up by itself.
	noticedLate = 15 * time.Second
)

// NewWorld returns the World of a run. Scripts has at least one script.
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
	Unmatched // found no partner, and none was available
	Stopped   // the run ended first
)

// Play plays one guest from beginning to end, on the caller's goroutine, or until ctx ends.
func (w *World) Play(ctx context.Context, g Guest) Fate {
	return newPlayer(w, g).play(ctx)
}

// FirstFailures describes the first failure of each operation and kind, in the order in which
// they happened.
func (w *World) FirstFailures() []string { return w.failures.all() }

// script draws the guest's script by weight.
func (w *World) script(d *random) *scenarios.Script {
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

// path returns the backend's path for one of the contract.
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
