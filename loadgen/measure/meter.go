package measure

import (
	"context"
	"math"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"guestload/results/series"
)

// ProbeEvery is how often Watch looks whether timers still fire in time.
const ProbeEvery = 10 * time.Millisecond

// Meter watches the generator itself: how late it starts guests, how late its
// timers fire, what garbage collection and its own work cost. Safe for
// concurrent use.
type Meter struct {
	starts, probes atomicHistogram
	early, lost    atomic.Int64
	begun          time.Time
	cpu            time.Duration
	pauses, waits  *metrics.Float64Histogram // as they were at the beginning
	gcCPU          float64
}

// NewMeter begins to measure now.
func NewMeter() *Meter {
	m := &Meter{begun: time.Now()}
	m.cpu, _ = processCPU()
	m.pauses, m.waits, m.gcCPU = readRuntime()
	return m
}

// Started notes when a guest was meant to start and when it did, as offsets
// from the start of the run.
func (m *Meter) Started(intended, actual time.Duration) {
	m.note(&m.starts, actual-intended)
}

func (m *Meter) note(h *atomicHistogram, late time.Duration) {
	switch {
	case late < 0:
		m.early.Add(1)
	case late > series.Highest:
		m.lost.Add(1)
	default:
		h.add(late)
	}
}

// Watch fires a timer every ProbeEvery, notes how late it came and tells heard, until
// ctx ends. A generator short of CPU is seen here even while no guest starts. heard may be nil.
func (m *Meter) Watch(ctx context.Context, heard func(late time.Duration)) {
	due := time.Now().Add(ProbeEvery) // before the timer is set, which then never fires too early
	timer := time.NewTimer(ProbeEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		late := now.Sub(due)
		m.note(&m.probes, late)
		if heard != nil {
			heard(late)
		}
		due = now.Add(ProbeEvery)
		timer.Reset(ProbeEvery)
	}
}

// Health is the state of the generator since NewMeter.
type Health struct {
	Starts      Lateness // of guests; those more than series.Highest late are Lost
	Probes      Lateness // of timers
	Early       int64    // guests started before their time: a bug
	Lost        int64    // later than series.Highest
	Pauses      Lateness // stops of the whole generator, for garbage collection and the like
	Scheduling  Lateness // how long goroutines that could run waited for a thread
	CPU         time.Duration
	CPUShare    float64 // of the cores that the generator may use, 0..1
	GCShare     float64 // of the generator's CPU time that went into garbage collection
	PeakMemory  int64   // bytes resident, 0 where the system does not tell
	Elapsed     time.Duration
	Parallelism int // cores that the generator may use
}

// Lateness sums up a distribution of delays.
type Lateness struct {
	Count         int64
	P50, P99, Max time.Duration
}

// Health reads the meter.
func (m *Meter) Health() Health {
	h := Health{
		Starts: lateness(&m.starts), Probes: lateness(&m.probes),
		Early: m.early.Load(), Lost: m.lost.Load(),
		Elapsed: time.Since(m.begun), Parallelism: runtime.GOMAXPROCS(0), PeakMemory: peakMemory(),
	}
	cpu, _ := processCPU()
	h.CPU = cpu - m.cpu
	if h.Elapsed > 0 {
		h.CPUShare = h.CPU.Seconds() / h.Elapsed.Seconds() / float64(h.Parallelism)
	}
	pauses, waits, gc := readRuntime()
	h.Pauses, h.Scheduling = since(m.pauses, pauses), since(m.waits, waits)
	if h.CPU > 0 {
		h.GCShare = min((gc-m.gcCPU)/h.CPU.Seconds(), 1)
	}
	return h
}

func lateness(h *atomicHistogram) Lateness {
	all := series.NewHistogram()
	h.copyTo(all)
	return Lateness{all.TotalCount(), percentile(all, 50), percentile(all, 99), percentile(all, 100)}
}

const (
	pausesMetric = "/sched/pauses/total/gc:seconds"
	waitsMetric  = "/sched/latencies:seconds"
	gcCPUMetric  = "/cpu/classes/gc/total:cpu-seconds"
)

// readRuntime reads the three metrics anew, into memory of its own.
func readRuntime() (pauses, waits *metrics.Float64Histogram, gcCPU float64) {
	read := []metrics.Sample{{Name: pausesMetric}, {Name: waitsMetric}, {Name: gcCPUMetric}}
	metrics.Read(read)
	histogram := func(v metrics.Value) *metrics.Float64Histogram {
		if v.Kind() != metrics.KindFloat64Histogram {
			return &metrics.Float64Histogram{}
		}
		return v.Float64Histogram()
	}
	if read[2].Value.Kind() == metrics.KindFloat64 {
		gcCPU = read[2].Value.Float64()
	}
	return histogram(read[0].Value), histogram(read[1].Value), gcCPU
}

// since sums up what a runtime histogram counted between two readings.
func since(before, after *metrics.Float64Histogram) Lateness {
	counts := make([]uint64, len(after.Counts))
	var total int64
	for i, n := range after.Counts {
		if i < len(before.Counts) {
			n -= before.Counts[i]
		}
		counts[i] = n
		total += int64(n)
	}
	at := func(percent float64) time.Duration {
		wanted, seen := series.Rank(percent, total), int64(0)
		for i, n := range counts {
			if seen += int64(n); seen >= wanted {
				return bucketCeiling(after.Buckets, i)
			}
		}
		return 0
	}
	return Lateness{total, at(50), at(99), at(100)}
}

// bucketCeiling is the upper bound of a bucket, its lower one where that is infinite.
func bucketCeiling(bounds []float64, i int) time.Duration {
	seconds := bounds[i+1]
	if math.IsInf(seconds, 1) {
		seconds = bounds[i]
	}
	return time.Duration(seconds * float64(time.Second))
}
