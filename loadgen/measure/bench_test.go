package measure

import (
	"sync/atomic"
	"testing"
	"time"

	"guestload/scenarios/operation"
)

// spread gives latencies that do not all fall into one bucket.
func spread(i int) Sample {
	intended := time.Duration(i) * time.Microsecond
	sent := intended + time.Duration(i%7)*time.Microsecond
	return Sample{Op: operation.Op(i % 3), Intended: intended % time.Second, Sent: sent % time.Second, Done: sent%time.Second + time.Duration(i*7919%4_000_000)}
}

var samples = func() (s [4096]Sample) {
	for i := range s {
		s[i] = spread(i)
	}
	return s
}()

// BenchmarkSuccess is one core and one recorder.
func BenchmarkSuccess(b *testing.B) {
	r := NewBook(1).Recorder(0)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Success(samples[i%len(samples)])
		i++
	}
}

// BenchmarkSuccessParallel is every core with a recorder of its own, as workers are.
func BenchmarkSuccessParallel(b *testing.B) {
	book := NewBook(8)
	var worker atomic.Int32
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := book.Recorder(int(worker.Add(1)))
		for i := 0; pb.Next(); i++ {
			r.Success(samples[i%len(samples)])
		}
	})
}

// BenchmarkSuccessShared is every core on one recorder, without a pause.
func BenchmarkSuccessShared(b *testing.B) {
	r := NewBook(1).Recorder(0)
	b.ReportAllocs()
	var seed atomic.Int32
	b.RunParallel(func(pb *testing.PB) {
		for i := int(seed.Add(1)) * 1237; pb.Next(); i++ {
			r.Success(samples[i%len(samples)])
		}
	})
}

// BenchmarkTick closes a second that holds three operations of two workers.
func BenchmarkTick(b *testing.B) {
	book := NewBook(2)
	at := time.Duration(0)
	for b.Loop() {
		for i, s := range samples {
			s.Intended, s.Sent, s.Done = s.Intended+at, s.Sent+at, s.Done+at
			book.Recorder(i).Success(s)
		}
		at += time.Second
		book.Tick(at)
	}
}
