package measure

import (
	"time"

	"guestload/results/series"
	"guestload/scenarios/operation"
)

// Sample is one success. Times are offsets from the start of the run, all of
// the same monotonic clock, Intended ≤ Sent ≤ Done.
type Sample struct {
	Op       operation.Op
	Intended time.Duration // when the schedule, or the cause plus think time, wanted it
	Sent     time.Duration // when it was sent
	Done     time.Duration // when the answer was there
}

// Overflow is the kind of failure that a success slower than series.Highest becomes.
const Overflow = "overflow"

// Succeeded reports whether the operation ever did, in warm-up or after it.
func (t Totals) Succeeded(op operation.Op) bool {
	o, w := t.Operations[op], t.Warmup[op]
	return o != nil && o.Count() > 0 || w != nil && w.Count() > 0
}

// Failed reports whether the operation ever did, in warm-up or after it.
func (t Totals) Failed(op operation.Op) bool {
	o, w := t.Operations[op], t.Warmup[op]
	return o != nil && o.Failed() > 0 || w != nil && w.Failed() > 0
}

// Interval is one second of the run. Operations that did not happen are absent.
// A sample taken in the very moment when its second was closed may be split
// over two intervals; in the totals all is together.
type Interval struct {
	Second     int // it covers [Second, Second+1) s from the start of the run
	Operations map[operation.Op]*series.Times
	Warmup     map[operation.Op]*series.Times // of guests who are not recorded
}

// Totals are all intervals closed so far, and what belongs to none.
type Totals struct {
	Operations map[operation.Op]*series.Times
	// Skewed samples had a negative time, or an operation that does not exist: a
	// bug in loadgen. They are in no histogram and make a run invalid.
	Skewed int64
	// Displaced samples came when their second was closed, or two seconds ahead of
	// the one that Tick waits for: they count, in the nearest second still open.
	Displaced int64
	// Warmup is what was done by guests who are not recorded.
	Warmup map[operation.Op]*series.Times
}
