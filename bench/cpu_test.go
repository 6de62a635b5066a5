package main

import (
	"math"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"guestload/server/redisproc"
)

// spent is the CPU time that this process has used so far, in user and kernel
// mode: the steadiest figure there is on a machine that others use as well.
func spent(tb testing.TB) time.Duration { return rusage(tb, syscall.RUSAGE_SELF) }

// spentByThread is that of the calling thread alone.
func spentByThread(tb testing.TB) time.Duration { return rusage(tb, syscall.RUSAGE_THREAD) }

func rusage(tb testing.TB, who int) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		tb.Fatalf("getrusage: %v", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// meter measures one loop of a benchmark.
type meter struct {
	b     *testing.B
	redis *redisproc.Server // nil where none is involved
	own   time.Duration
	their time.Duration
	asked int64 // commands of redis so far
	steady
}

// start measures from here on. Call it last before the loop. What the set-up left
// to be collected is collected first, or it would be paid for by the loop.
func start(b *testing.B, redis *redisproc.Server) *meter {
	b.Helper()
	m := &meter{b: b, redis: redis, steady: steady{cpu: func() time.Duration { return spent(b) }}}
	b.ReportAllocs()
	runtime.GC()
	m.their, m.asked = m.ofRedis()
	b.ResetTimer()
	m.own = spent(b)
	m.begin()
	return m
}

// stop reports cpu-ns/op, of the fastest slices where the loop called tick, and
// where there is a Redis its redis-ns/op and redis-commands/op, those that scripts
// call counted too. It returns the CPU time of an operation in ns, Redis's
// included. Call it right after the loop.
func (m *meter) stop() (perOp float64) {
	m.b.Helper()
	m.b.StopTimer()
	all := spent(m.b) - m.own
	own := fastest(m.costs, m.perOp(all))
	m.b.ReportMetric(own, "cpu-ns/op")
	if m.redis != nil {
		their, asked := m.ofRedis()
		m.b.ReportMetric(m.perOp(their-m.their), "redis-ns/op")
		reportCommands(m.b, asked-m.asked)
		own += m.perOp(their - m.their)
	}
	return own
}

// reportCommands reports redis-commands/op, in whole tenths: heartbeats come by the
// clock, and add a hundredth or two.
func reportCommands(b *testing.B, asked int64) {
	b.ReportMetric(math.Floor(10*float64(asked)/float64(b.N))/10, "redis-commands/op")
}

func (m *meter) perOp(d time.Duration) float64 { return float64(d) / float64(m.b.N) }

func (m *meter) ofRedis() (cpu time.Duration, asked int64) {
	m.b.Helper()
	if m.redis == nil {
		return 0, 0
	}
	return redisSpent(m.b, m.redis)
}

// redisSpent is what a Redis has spent so far, and how many commands it was asked
// for, but for those that look after it.
func redisSpent(tb testing.TB, redis *redisproc.Server) (cpu time.Duration, asked int64) {
	tb.Helper()
	cpu, err := redis.CPU()
	if err != nil {
		tb.Fatal(err)
	}
	all, err := redis.Commands()
	if err != nil {
		tb.Fatal(err)
	}
	for name, n := range all {
		if name != "ping" && name != "info" && name != "hello" {
			asked += n
		}
	}
	return cpu, asked
}

// loop measures op, one call after the other, and returns its CPU time in ns.
func loop(b *testing.B, op func() error) float64 {
	b.Helper()
	m := start(b, nil)
	for b.Loop() {
		if err := op(); err != nil {
			b.Fatal(err)
		}
		m.tick()
	}
	return m.stop()
}

// crowd is how many goroutines a core talk to Redis at once, as a server's do,
// so that commands share a flush.
const crowd = 32

// together measures op from many goroutines at once, and returns its CPU time in
// ns, Redis's included.
func together(b *testing.B, redis *redisproc.Server, op func() error) float64 {
	b.Helper()
	b.SetParallelism(crowd)
	m := start(b, redis)
	var ticking sync.Mutex
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := op(); err != nil {
				b.Error(err)
				return
			}
			ticking.Lock()
			m.tick()
			ticking.Unlock()
		}
	})
	return m.stop()
}
