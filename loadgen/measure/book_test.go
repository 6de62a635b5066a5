package measure

import (
	"slices"
	"sync"
	"testing"
	"time"

	"guestload/results/series"
	"guestload/scenarios/operation"
)

const ms = time.Millisecond

// sample is one of fetch that began at, was sent lag later and took so long from there.
func sample(at, lag, service time.Duration) Sample {
	return Sample{Op: operation.Fetch, Intended: at, Sent: at + lag, Done: at + lag + service}
}

func TestResponseServiceAndLagAreKeptApart(t *testing.T) {
	b := NewBook(1)
	b.Recorder(0).Success(sample(0, 300*ms, 5*ms))
	in := b.Tick(time.Second)
	if len(in) != 1 || in[0].Second != 0 {
		t.Fatalf("got %v", in)
	}
	o := in[0].Operations[operation.Fetch]
	for _, c := range []struct {
		name string
		h    *series.Histogram
		want int64
	}{{"response", o.Response, 305_000}, {"service", o.Service, 5_000}, {"lag", o.Lag, 300_000}} {
		if c.h.TotalCount() != 1 || c.h.CountAtValue(c.want) != 1 {
			t.Errorf("%s: max %d µs, want %d", c.name, c.h.Max(), c.want)
		}
	}
}

func TestSamplesBelongToTheSecondOfTheirDone(t *testing.T) {
	b := NewBook(2)
	r := b.Recorder(1)
	r.Success(sample(900*ms, 0, 99*ms))   // second 0
	r.Success(sample(900*ms, 0, 101*ms))  // second 1
	r.Success(sample(900*ms, 0, 1200*ms)) // second 2
	if in := b.Tick(999 * ms); len(in) != 0 {
		t.Fatalf("nothing has ended at 999 ms, got %v", in)
	}
	in := b.Tick(3500 * ms)
	if len(in) != 3 {
		t.Fatalf("got %d intervals, want 3", len(in))
	}
	for second, i := range in {
		if i.Second != second || i.Operations[operation.Fetch].Count() != 1 {
			t.Errorf("second %d: %+v", second, i)
		}
	}
	if more := b.Tick(3900 * ms); len(more) != 0 {
		t.Errorf("second 3 is still open, got %v", more)
	}
}

func TestStragglersAndThoseFarAheadAreCountedNearby(t *testing.T) {
	b := NewBook(1)
	r := b.Recorder(0)
	b.Tick(5 * time.Second)
	r.Success(sample(2*time.Second, 0, ms))  // its second is closed
	r.Success(sample(30*time.Second, 0, ms)) // Tick is 25 s behind
	r.Failure(operation.Fetch, "timeout", time.Second, 2*time.Second)
	var seconds []int
	for _, in := range b.Finish(5 * time.Second) {
		if o := in.Operations[operation.Fetch]; o != nil {
			seconds = append(seconds, in.Second)
		}
	}
	if !slices.Equal(seconds, []int{5, 7}) {
		t.Errorf("counted in seconds %v, want 5 and 7", seconds)
	}
	if got := b.Totals(); got.Displaced != 3 || got.Operations[operation.Fetch].Count() != 2 {
		t.Errorf("displaced %d, counted %d", got.Displaced, got.Operations[operation.Fetch].Count())
	}
}

func TestFinishReturnsEverySecondOnceAndInOrder(t *testing.T) {
	b := NewBook(1)
	b.Recorder(0).Success(sample(0, 0, 1500*ms))
	b.Recorder(0).Success(sample(0, 0, 2500*ms))
	var got []int
	for _, in := range b.Finish(200 * ms) {
		got = append(got, in.Second)
	}
	if !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("got seconds %v", got)
	}
}

func TestFailuresAreNoSamples(t *testing.T) {
	b := NewBook(1)
	r := b.Recorder(0)
	r.Failure(operation.Create, "timeout", 5*time.Second, 500*ms)
	r.Failure(operation.Create, "timeout", 7*time.Second, 600*ms)
	r.Failure(operation.Create, "refused", 2*ms, 1600*ms)
	in := b.Tick(2 * time.Second)
	if got := in[0].Operations[operation.Create].Failures["timeout"]; got != (series.Failures{Count: 2, Waited: 12 * time.Second, Longest: 7 * time.Second}) {
		t.Errorf("second 0: %+v", got)
	}
	if got := in[1].Operations[operation.Create]; got.Count() != 0 || got.Failed() != 1 {
		t.Errorf("second 1: %d samples, %d failures", got.Count(), got.Failed())
	}
	if got := b.Totals().Operations[operation.Create]; got.Failed() != 3 || got.Response.TotalCount() != 0 {
		t.Errorf("totals: %d failures, %d samples", got.Failed(), got.Response.TotalCount())
	}
}

func TestWhatIsOutOfRangeIsSeen(t *testing.T) {
	b := NewBook(1)
	r := b.Recorder(0)
	r.Success(sample(0, 0, series.Highest))                                     // just within
	r.Success(sample(0, 0, series.Highest+1))                                   // overflow
	r.Success(Sample{Op: operation.Fetch, Intended: 2 * ms, Sent: 1, Done: 9})  // sent before intended
	r.Success(Sample{Op: operation.Fetch, Intended: 0, Sent: 5 * ms, Done: ms}) // done before sent
	r.Success(Sample{Op: 200, Done: ms})
	r.Failure(operation.Fetch, "timeout", -ms, 0)
	b.Finish(series.Highest)
	got := b.Totals()
	if got.Skewed != 4 {
		t.Errorf("skewed %d, want 4", got.Skewed)
	}
	if o := got.Operations[operation.Fetch]; o.Count() != 1 || o.Failures[Overflow].Count != 1 || o.Failures[Overflow].Longest != series.Highest+1 {
		t.Errorf("count %d, failures %v", o.Count(), o.Failures)
	}
}

func TestWarmupIsKeptApart(t *testing.T) {
	b := NewBook(1)
	w := b.Warmup(0)
	w.Success(sample(0, 0, ms))
	w.Failure(operation.Connect, "refused", ms, ms)
	var each []int64
	keep := func(all []Interval) {
		for _, in := range all {
			n := int64(0)
			if o := in.Warmup[operation.Fetch]; o != nil {
				n = o.Count()
			}
			each = append(each, n)
			if len(in.Operations) > 0 {
				t.Errorf("recorded: %v", in.Operations)
			}
		}
	}
	keep(b.Tick(2 * time.Second))
	w.Success(sample(0, 0, 2000*ms))
	w.Success(sample(0, 0, 2000*ms))
	keep(b.Finish(2 * time.Second))
	if want := []int64{1, 0, 2}; !slices.Equal(each, want) {
		t.Errorf("intervals hold %d successes of the warm-up, want %d", each, want)
	}
	got := b.Totals()
	if len(got.Operations) != 0 || got.Warmup[operation.Fetch].Count() != 3 || got.Warmup[operation.Connect].Failures["refused"].Count != 1 {
		t.Errorf("got %+v", got)
	}
	var none *Recorder
	none.Success(sample(0, 0, ms))
	none.Failure(operation.Connect, "refused", ms, ms)
}

func TestNothingIsLostWhileSecondsClose(t *testing.T) {
	const workers, guests, each = 2, 4, 5_000
	b := NewBook(workers)
	begun := time.Now()
	var wg sync.WaitGroup
	for g := range guests {
		wg.Go(func() {
			for i := range each {
				at := time.Duration(i) * ms // 5 s, in much less
				b.Recorder(g).Success(sample(at, 0, time.Duration(i)*time.Microsecond))
				if i%100 == 0 {
					b.Recorder(g).Failure(operation.Fetch, "timeout", ms, at)
				}
			}
		})
	}
	var counted, failed int64
	add := func(intervals []Interval) {
		for _, in := range intervals {
			if o := in.Operations[operation.Fetch]; o != nil {
				counted += o.Count()
				failed += o.Failed()
			}
		}
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for at := time.Duration(0); ; at += 250 * ms {
		select {
		case <-done:
			add(b.Finish(at))
			totals := b.Totals().Operations[operation.Fetch]
			if want := int64(guests * each); counted != want || totals.Count() != want || totals.Lag.TotalCount() != want {
				t.Errorf("intervals hold %d, totals %d, want %d (%v)", counted, totals.Count(), want, time.Since(begun))
			}
			if want := int64(guests * each / 100); failed != want || totals.Failed() != want {
				t.Errorf("failures: %d and %d, want %d", failed, totals.Failed(), want)
			}
			return
		default:
			add(b.Tick(at))
		}
	}
}

func TestSuccessDoesNotAllocate(t *testing.T) {
	r := NewBook(1).Recorder(0)
	r.Success(sample(0, 0, ms))
	if n := testing.AllocsPerRun(1000, func() { r.Success(sample(0, 0, ms)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOpsHaveNamesThatParse(t *testing.T) {
	for _, op := range operation.All() {
		if got, err := operation.Parse(op.String()); err != nil || got != op {
			t.Errorf("%v: got %v, %v", op, got, err)
		}
	}
	if _, err := operation.Parse("conect"); err == nil {
		t.Error("an unknown operation was accepted")
	}
	if got := operation.Op(99).String(); got != "op(99)" {
		t.Errorf("got %q", got)
	}
}

func TestRetriesBelongToTheirOperationAndSecond(t *testing.T) {
	b := NewBook(2)
	b.Recorder(0).Retried(operation.Fetch, 1, 500*ms)
	b.Recorder(1).Retried(operation.Fetch, 2, 1500*ms)
	b.Warmup(0).Retried(operation.Fetch, 4, 0)
	in := b.Tick(2 * time.Second)
	if len(in) != 2 || in[0].Operations[operation.Fetch].Retries != 1 || in[1].Operations[operation.Fetch].Retries != 2 {
		t.Errorf("%+v", in)
	}
	b.Recorder(0).Retried(operation.Fetch, 8, 2500*ms)
	b.Finish(2600 * ms)
	if got := b.Totals(); got.Operations[operation.Fetch].Retries != 11 || got.Warmup[operation.Fetch].Retries != 4 {
		t.Errorf("in all %d, warm-up %d; want 11 and 4", got.Operations[operation.Fetch].Retries, got.Warmup[operation.Fetch].Retries)
	}
}
