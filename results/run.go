package results

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histogram counts whole microseconds, 0..1 h, to three digits.
type Histogram = hdrhistogram.PackedHistogram

// Range and precision of every histogram of a record, in microseconds.
const (
	highestMicros = 3_600_000_000
	digits        = 3
)

// NewHistogram returns an empty histogram of the range and precision of records.
func NewHistogram() *Histogram { return hdrhistogram.NewPacked(1, highestMicros, digits) }

// Run is a record with what it was made from: all four files but the page.
type Run struct {
	Record  Record
	Seconds []Second // in order, without a gap
}

// Second is what happened in one second of a run.
type Second struct {
	Second   int    // it covers [Second, Second+1) s from the start
	Phase    string // in which it began
	Warmup   bool   // the phase is not recorded
	Arrived  int64  // guests who arrived in it
	Done     int64  // guests who finished in it, however they fared
	Live     int64  // guests there at its end
	Messages int64  // chat messages sent in it
	// Operations by name; those that did not happen are absent.
	Operations map[string]*Times
	// Unrecorded are those of guests who came in phases that are not recorded. They are
	// shown while the run goes on, and are in no file and no figure.
	Unrecorded map[string]*Times
}

// same reports whether two readings of a second agree in all that is counted.
func (s Second) same(other Second) bool {
	if s.Second != other.Second || s.Phase != other.Phase || s.Warmup != other.Warmup || s.Arrived != other.Arrived ||
		s.Done != other.Done || s.Live != other.Live || s.Messages != other.Messages || len(s.Operations) != len(other.Operations) {
		return false
	}
	for name, t := range s.Operations {
		u := other.Operations[name]
		if u == nil || t.Response.TotalCount() != u.Response.TotalCount() || t.Failed() != u.Failed() {
			return false
		}
	}
	return true
}

// Times are one operation's successes and failures of one second.
type Times struct {
	Response, Service, Lag *Histogram
	Failures               map[string]Failures // by kind; AnyKind after Read
	Retries                int64               // requests that were sent again; 0 after Read
}

// AnyKind stands for all kinds together: the timeline keeps no kinds.
const AnyKind = "any"

// Failures are the failures of one kind.
type Failures struct {
	Count   int64
	Waited  time.Duration // all together, in full
	Longest time.Duration
}

// NewTimes returns times without samples.
func NewTimes() *Times {
	return &Times{Response: NewHistogram(), Service: NewHistogram(), Lag: NewHistogram(), Failures: map[string]Failures{}}
}

// Failed is the number of failures of all kinds.
func (t *Times) Failed() int64 {
	var n int64
	for _, f := range t.Failures {
		n += f.Count
	}
	return n
}

// add merges other into t.
func (t *Times) add(other *Times) {
	t.Response.Merge(other.Response)
	t.Service.Merge(other.Service)
	t.Lag.Merge(other.Lag)
	t.Retries += other.Retries
	for kind, f := range other.Failures {
		g := t.Failures[kind]
		t.Failures[kind] = Failures{g.Count + f.Count, g.Waited + f.Waited, max(g.Longest, f.Longest)}
	}
}

// addAll merges operations into others by name.
func addAll(to *map[string]*Times, from map[string]*Times) {
	if *to == nil {
		*to = make(map[string]*Times, len(from))
	}
	for name, t := range from {
		if (*to)[name] == nil {
			(*to)[name] = NewTimes()
		}
		(*to)[name].add(t)
	}
}

// Totals are the times of all seconds together, by operation.
func (r *Run) Totals() map[string]*Times {
	totals := map[string]*Times{}
	for _, s := range r.Seconds {
		addAll(&totals, s.Operations)
	}
	return totals
}
