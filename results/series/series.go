// Package series is what a run measures, second by second: the same types from the first
// sample to the record, also between processes.
package series

import (
	"maps"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Range and precision of every histogram.
const (
	Resolution = time.Microsecond
	Highest    = time.Hour
	digits     = 3
)

// Histogram counts whole microseconds, 0..1 h, to three digits. It is sparse: a second of
// one operation takes some hundred bytes.
type Histogram = hdrhistogram.PackedHistogram

// NewHistogram returns an empty histogram.
func NewHistogram() *Histogram { return hdrhistogram.NewPacked(1, Highest.Microseconds(), digits) }

// Percentiles are the values, in microseconds, that so many percent of the samples
// do not exceed; 0 where there are none. Ranks are rounded up, as by every other
// implementation of HdrHistogram: hdrhistogram-go rounds to the nearest, and its p90
// of six samples is the fifth.
func Percentiles(h *Histogram, percents ...float64) []int64 {
	total := h.TotalCount()
	if total == 0 {
		return make([]int64, len(percents))
	}
	asked := make([]float64, len(percents))
	for i, percent := range percents {
		asked[i] = 100 * float64(Rank(percent, total)) / float64(total)
	}
	return h.ValueAtPercentilesSlice(asked)
}

// Rank is the place, from 1, of the sample that so many percent of total samples do not
// exceed: the nearest rank, rounded up.
func Rank(percent float64, total int64) int64 {
	return max(int64(math.Ceil(math.Nextafter(percent/100*float64(total), 0))), 1) // 99.00000000000001 of 100 is 99
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

// Same reports whether two readings of a second agree in all that is counted.
func (s Second) Same(other Second) bool {
	if s.Second != other.Second || s.Phase != other.Phase || s.Warmup != other.Warmup || s.Arrived != other.Arrived ||
		s.Done != other.Done || s.Live != other.Live || s.Messages != other.Messages || len(s.Operations) != len(other.Operations) {
		return false
	}
	for name, t := range s.Operations {
		u := other.Operations[name]
		if u == nil || t.Count() != u.Count() || t.Failed() != u.Failed() {
			return false
		}
	}
	return true
}

// Times are the successes and failures of one operation over some time.
type Times struct {
	Response *Histogram          // done - intended
	Service  *Histogram          // done - sent
	Lag      *Histogram          // sent - intended
	Failures map[string]Failures // by kind; AnyKind after results.Read
	Retries  int64               // requests that were sent again; 0 after results.Read
}

// AnyKind stands for all kinds together: the timeline keeps no kinds.
const AnyKind = "any"

// Failures are the failures of one kind.
type Failures struct {
	Count   int64
	Waited  time.Duration // all together, in full
	Longest time.Duration
}

// Add returns both together.
func (f Failures) Add(g Failures) Failures {
	return Failures{f.Count + g.Count, f.Waited + g.Waited, max(f.Longest, g.Longest)}
}

// NewTimes returns times without samples.
func NewTimes() *Times {
	return &Times{Response: NewHistogram(), Service: NewHistogram(), Lag: NewHistogram(), Failures: map[string]Failures{}}
}

// Histograms are Response, Service and Lag.
func (t *Times) Histograms() [3]*Histogram { return [...]*Histogram{t.Response, t.Service, t.Lag} }

// Count is the number of successes.
func (t *Times) Count() int64 { return t.Response.TotalCount() }

// Failed is the number of failures of all kinds.
func (t *Times) Failed() int64 {
	var n int64
	for _, f := range t.Failures {
		n += f.Count
	}
	return n
}

// Clone returns a copy.
func (t *Times) Clone() *Times {
	return &Times{t.Response.Clone(), t.Service.Clone(), t.Lag.Clone(), maps.Clone(t.Failures), t.Retries}
}

// Add merges other into t.
func (t *Times) Add(other *Times) {
	for i, h := range t.Histograms() {
		h.Merge(other.Histograms()[i])
	}
	t.Retries += other.Retries
	for kind, f := range other.Failures {
		t.Failures[kind] = t.Failures[kind].Add(f)
	}
}

// AddAll merges operations into others by name.
func AddAll(to *map[string]*Times, from map[string]*Times) {
	if *to == nil {
		*to = make(map[string]*Times, len(from))
	}
	for name, t := range from {
		if (*to)[name] == nil {
			(*to)[name] = NewTimes()
		}
		(*to)[name].Add(t)
	}
}
