package measure

import (
	"sync"
	"sync/atomic"
	"time"
)

// Book gathers what all workers' recorders took.
type Book struct {
	open      atomic.Int64
	recorders []*Recorder
	warmups   []*Recorder

	mu struct {
		sync.Mutex
		totals map[Op]*Operation
		warmup map[Op]int64 // successes that closed intervals hold
	}
}

// NewBook makes a book for so many workers, at least one.
func NewBook(workers int) *Book {
	b := &Book{}
	for range max(workers, 1) {
		b.recorders = append(b.recorders, newRecorder(&b.open, false))
		b.warmups = append(b.warmups, newRecorder(&b.open, true))
	}
	b.mu.totals, b.mu.warmup = map[Op]*Operation{}, map[Op]int64{}
	return b
}

// Recorder is that of one worker; numbers past the last begin again at the first.
func (b *Book) Recorder(worker int) *Recorder {
	return b.recorders[uint(worker)%uint(len(b.recorders))]
}

// Warmup is a worker's recorder for phases that are not recorded: it keeps no
// times, but counts successes and failures apart.
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
		if empty = append(empty, in); len(in.Operations) > 0 {
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
	in := Interval{Second: int(second), Operations: map[Op]*Operation{}}
	both := func(op Op) []*Operation {
		return []*Operation{ensure(in.Operations, op), ensure(b.mu.totals, op)}
	}
	for _, r := range b.recorders {
		r.drain(second+slots-1, both)
		r.drain(second, both)
		r.drainFailures(second, func(f failure, n Failures) {
			for _, o := range both(f.op) {
				o.Failures[f.kind] = o.Failures[f.kind].Add(n)
			}
		})
		r.drainRetries(second, func(op Op, n int64) {
			for _, o := range both(op) {
				o.Retries += n
			}
		})
	}
	in.Warmup = b.closeWarmup()
	return in
}

// closeWarmup returns the successes of warm-up recorders since the last interval,
// under mu.
func (b *Book) closeWarmup() map[Op]int64 {
	fresh := map[Op]int64{}
	for op := range opCount {
		var all int64
		for _, w := range b.warmups {
			all += w.successes[op].Load()
		}
		if n := all - b.mu.warmup[op]; n > 0 {
			fresh[op], b.mu.warmup[op] = n, all
		}
	}
	return fresh
}

func ensure(operations map[Op]*Operation, op Op) *Operation {
	o := operations[op]
	if o == nil {
		o = newOperation()
		operations[op] = o
	}
	return o
}

// Totals are all seconds closed so far together. The histograms are the
// caller's own.
func (b *Book) Totals() Totals {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := Totals{Operations: map[Op]*Operation{}, Warmup: Warmup{Successes: map[Op]int64{}, Failures: map[Op]map[string]Failures{}}}
	for op, o := range b.mu.totals {
		c := &Operation{o.Response.Clone(), o.Service.Clone(), o.Lag.Clone(), map[string]Failures{}, o.Retries}
		for kind, f := range o.Failures {
			c.Failures[kind] = f
		}
		t.Operations[op] = c
	}
	for i, r := range b.recorders {
		w := b.warmups[i]
		t.Skewed += r.skewed.Load() + w.skewed.Load()
		t.Displaced += r.displaced.Load()
		for op := range opCount {
			if n := w.successes[op].Load(); n > 0 {
				t.Warmup.Successes[op] += n
			}
		}
		w.copyFailures(t.Warmup.Failures)
		t.Warmup.Retries += w.totalRetries()
	}
	return t
}

func (r *Recorder) copyFailures(to map[Op]map[string]Failures) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for f, n := range r.mu.failed {
		if to[f.op] == nil {
			to[f.op] = map[string]Failures{}
		}
		to[f.op][f.kind] = to[f.op][f.kind].Add(n)
	}
}
