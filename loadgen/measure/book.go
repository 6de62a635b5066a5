package measure

import (
	"sync"
	"sync/atomic"
	"time"

	"guestload/results/series"
	"guestload/scenarios/operation"
)

// Book gathers what all workers' recorders took.
type Book struct {
	open      atomic.Int64
	recorders []*Recorder
	warmups   []*Recorder

	mu struct {
		sync.Mutex
		totals, warmup map[operation.Op]*series.Times
	}
}

// NewBook makes a book for so many workers, at least one.
func NewBook(workers int) *Book {
	b := &Book{}
	for range max(workers, 1) {
		b.recorders = append(b.recorders, newRecorder(&b.open))
		b.warmups = append(b.warmups, newRecorder(&b.open))
	}
	b.mu.totals, b.mu.warmup = map[operation.Op]*series.Times{}, map[operation.Op]*series.Times{}
	return b
}

// Recorder is that of one worker; numbers past the last begin again at the first.
func (b *Book) Recorder(worker int) *Recorder {
	return b.recorders[uint(worker)%uint(len(b.recorders))]
}

// Warmup is a worker's recorder for phases that are not recorded: what it takes is
// kept apart.
func (b *Book) Warmup(worker int) *Recorder {
	return b.warmups[uint(worker)%uint(len(b.warmups))]
}

// Tick closes the seconds that have ended at an offset from the start of the
// run, and returns them in order: none when called again within a second,
// several when called late. Each second is returned once, empty ones too.
func (b *Book) Tick(at time.Duration) []Interval {
	b.mu.Lock()
	defer b.mu.Unlock()
	var closed []Interval
	for end := int64(at / time.Second); b.open.Load() < end; {
		closed = append(closed, b.close())
	}
	return closed
}

// Finish closes the second that at lies in as well, and those after it that
// hold something. Call it when all guests have ended.
func (b *Book) Finish(at time.Duration) []Interval {
	closed := b.Tick(at + time.Second)
	b.mu.Lock()
	defer b.mu.Unlock()
	var empty []Interval
	for len(empty) < slots {
		in := b.close()
		if empty = append(empty, in); len(in.Operations)+len(in.Warmup) > 0 {
			closed, empty = append(closed, empty...), nil
		}
	}
	return closed
}

// close ends the open second, under mu. The slot of the second before is
// drained along with it: a recorder that was interrupted between choosing its
// slot and counting may have come after its second was closed.
func (b *Book) close() Interval {
	second := b.open.Load()
	b.open.Store(second + 1)
	in := Interval{Second: int(second), Operations: map[operation.Op]*series.Times{}, Warmup: map[operation.Op]*series.Times{}}
	drain(b.recorders, second, in.Operations, b.mu.totals)
	drain(b.warmups, second, in.Warmup, b.mu.warmup)
	return in
}

// drain moves what recorders took in a second into the operations of both.
func drain(recorders []*Recorder, second int64, interval, totals map[operation.Op]*series.Times) {
	both := func(op operation.Op) []*series.Times {
		return []*series.Times{ensure(interval, op), ensure(totals, op)}
	}
	for _, r := range recorders {
		r.drain(second+slots-1, both)
		r.drain(second, both)
		r.drainFailures(second, func(f failure, n series.Failures) {
			for _, o := range both(f.op) {
				o.Failures[f.kind] = o.Failures[f.kind].Add(n)
			}
		})
		r.drainRetries(second, func(op operation.Op, n int64) {
			for _, o := range both(op) {
				o.Retries += n
			}
		})
	}
}

func ensure(operations map[operation.Op]*series.Times, op operation.Op) *series.Times {
	o := operations[op]
	if o == nil {
		o = series.NewTimes()
		operations[op] = o
	}
	return o
}

// Totals are all seconds closed so far together. The histograms are the
// caller's own.
func (b *Book) Totals() Totals {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := Totals{Operations: copied(b.mu.totals), Warmup: copied(b.mu.warmup)}
	for i, r := range b.recorders {
		w := b.warmups[i]
		t.Skewed += r.skewed.Load() + w.skewed.Load()
		t.Displaced += r.displaced.Load()
	}
	return t
}

func copied(all map[operation.Op]*series.Times) map[operation.Op]*series.Times {
	to := make(map[operation.Op]*series.Times, len(all))
	for op, o := range all {
		to[op] = o.Clone()
	}
	return to
}
