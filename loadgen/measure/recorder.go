package measure

import (
	"sync"
	"sync/atomic"
	"time"

	"guestload/results/series"
	"guestload/scenarios/operation"
)

// slots is how many seconds a recorder keeps apart: the open one, two ahead of
// it for a Tick that comes late, and the one just closed for stragglers.
const (
	slots = 4
	ahead = 2
)

// Recorder takes the samples of one worker's guests. Safe for concurrent use;
// guests on different cores do best with recorders of their own. A nil
// Recorder takes everything and keeps nothing.
type Recorder struct {
	open  *atomic.Int64 // the second that the next Tick closes
	cells [slots][operation.Count]atomic.Pointer[times]

	skewed, displaced atomic.Int64

	mu struct {
		sync.Mutex
		failed  map[failure]series.Failures
		retried map[retry]int64
	}
	_ [64]byte // no two workers' counters share a cache line
}

// times are the three histograms of one operation.
type times struct{ response, service, lag atomicHistogram }

type failure struct {
	second int64
	op     operation.Op
	kind   string
}

type retry struct {
	second int64
	op     operation.Op
}

func newRecorder(open *atomic.Int64) *Recorder {
	r := &Recorder{open: open}
	r.mu.failed = map[failure]series.Failures{}
	r.mu.retried = map[retry]int64{}
	return r
}

// Success counts one sample in the second of its Done.
func (r *Recorder) Success(s Sample) {
	if r == nil {
		return
	}
	response, service, lag := s.Done-s.Intended, s.Done-s.Sent, s.Sent-s.Intended
	if service|lag < 0 || s.Op >= operation.Count {
		r.skewed.Add(1)
		return
	}
	if response > series.Highest {
		r.Failure(s.Op, Overflow, response, s.Done)
		return
	}
	cell := &r.cells[r.second(s.Done)%slots][s.Op]
	t := cell.Load()
	if t == nil {
		cell.CompareAndSwap(nil, new(times))
		t = cell.Load()
	}
	t.response.add(response)
	t.service.add(service)
	t.lag.add(lag)
}

// Failure counts one failure: after waiting so long, at an offset from the
// start of the run. It is in no histogram. The kind is a short word of a small set, such as
// "timeout": each is kept apart.
func (r *Recorder) Failure(op operation.Op, kind string, waited, at time.Duration) {
	if r == nil {
		return
	}
	if waited < 0 || op >= operation.Count {
		r.skewed.Add(1)
		return
	}
	f := failure{int64(r.second(at)), op, kind}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.failed[f] = r.mu.failed[f].Add(series.Failures{Count: 1, Waited: waited, Longest: waited})
}

// Retried counts n requests of an operation that were sent again, at an offset
// from the start of the run.
func (r *Recorder) Retried(op operation.Op, n int, at time.Duration) {
	if r == nil || op >= operation.Count {
		return
	}
	again := retry{int64(r.second(at)), op}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.retried[again] += int64(n)
}

// second is the one in which a sample of that time is counted.
func (r *Recorder) second(at time.Duration) uint64 {
	second, open := int64(at/time.Second), r.open.Load()
	if uint64(second-open) > ahead { // before, or too far ahead
		r.displaced.Add(1)
		second = min(max(second, open), open+ahead)
	}
	return uint64(second)
}

// drain moves what is in the slot of one second into the operations.
func (r *Recorder) drain(second int64, of func(operation.Op) []*series.Times) {
	for op := range operation.Count {
		t := r.cells[second%slots][op].Load()
		if t == nil || t.lag.empty() {
			continue
		}
		var response, service, lag []*series.Histogram
		for _, o := range of(op) {
			response, service, lag = append(response, o.Response), append(service, o.Service), append(lag, o.Lag)
		}
		// In the reverse of Success's order: a sample whose lag is taken is in the others
		// already. The other way round its response could stay behind with no lag, and lost.
		t.lag.drain(lag...)
		t.service.drain(service...)
		t.response.drain(response...)
	}
}

// drainFailures moves the failures up to and including one second into visit.
func (r *Recorder) drainFailures(second int64, visit func(failure, series.Failures)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for f, n := range r.mu.failed {
		if f.second <= second {
			visit(f, n)
			delete(r.mu.failed, f)
		}
	}
}

// drainRetries moves the retries up to and including one second into visit.
func (r *Recorder) drainRetries(second int64, visit func(operation.Op, int64)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for again, n := range r.mu.retried {
		if again.second <= second {
			visit(again.op, n)
			delete(r.mu.retried, again)
		}
	}
}
