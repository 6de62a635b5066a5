package main

import (
	"math"
	"syscall"
	"testing"
	"time"

	"guestload/server/store/redistest/redisproc"
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
}

// start measures from here on. Call it last before the loop.
func start(b *testing.B, redis *redisproc.Server) *meter {
	b.Helper()
	m := &meter{b: b, redis: redis}
	b.ReportAllocs()
	m.their, m.asked = m.ofRedis()
	b.ResetTimer()
	m.own = spent(b)
	return m
}

// stop reports cpu-ns/op, and redis-ns/op and redis-commands/op where there is a
// Redis, those that scripts call counted too. Call it right after the loop.
func (m *meter) stop() {
	m.b.Helper()
	m.b.StopTimer()
	own := spent(m.b) - m.own
	m.b.ReportMetric(m.perOp(own), "cpu-ns/op")
	if m.redis != nil {
		their, asked := m.ofRedis()
		m.b.ReportMetric(m.perOp(their-m.their), "redis-ns/op")
		// Heartbeats come by the clock: over many operations they round away.
		m.b.ReportMetric(math.Round(100*float64(asked-m.asked)/float64(m.b.N))/100, "redis-commands/op")
	}
}

func (m *meter) perOp(d time.Duration) float64 { return float64(d) / float64(m.b.N) }

func (m *meter) ofRedis() (cpu time.Duration, commands int64) {
	m.b.Helper()
	if m.redis == nil {
		return 0, 0
	}
	cpu, err := m.redis.CPU()
	if err != nil {
		m.b.Fatal(err)
	}
	all, err := m.redis.Commands()
	if err != nil {
		m.b.Fatal(err)
	}
	for name, n := range all {
		if name != "ping" && name != "info" && name != "hello" {
			commands += n
		}
	}
	return cpu, commands
}

// loop measures op, one call after the other.
func loop(b *testing.B, op func() error) {
	b.Helper()
	m := start(b, nil)
	for b.Loop() {
		if err := op(); err != nil {
			b.Fatal(err)
		}
	}
	m.stop()
}

// crowd is how many goroutines a core talk to Redis at once, as a server's do,
// so that commands share trips.
const crowd = 8

// together measures op from many goroutines at once.
func together(b *testing.B, redis *redisproc.Server, op func() error) {
	b.Helper()
	b.SetParallelism(crowd)
	m := start(b, redis)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := op(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	m.stop()
}
