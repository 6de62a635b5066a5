// Package usage samples what the processes of a run and the machine use, second by second.
package usage

import (
	"context"
	"sync"
	"time"

	"guestload/loadgen/capacity"
	"guestload/loadgen/proc"
	"guestload/results"
)

// Source is a process, or several of a kind together.
type Source struct {
	Name string // server, loadgen or redis; "server 1" and so on for several
	Read func(context.Context) (proc.Usage, error)
}

// Processes is the source of several processes of this machine together: the first must
// exist, others may have ended.
func Processes(name string, pids ...int) Source {
	return Source{name, func(context.Context) (all proc.Usage, err error) {
		for i, pid := range pids {
			u, failed := proc.Of(pid)
			if failed != nil && i == 0 {
				return all, failed
			}
			all.CPU, all.Resident = all.CPU+u.CPU, all.Resident+u.Resident
		}
		return all, nil
	}}
}

// Sample is what was used in one second.
type Sample struct {
	Of   map[string]results.Use // by source
	Busy capacity.Share         // of the machine's cores
	Free capacity.Share         // of the machine's memory
}

// Sampler reads its sources once a second, each in a goroutine of its own, so that a slow
// one delays no other.
type Sampler struct {
	sources []Source
	mu      struct {
		sync.Mutex
		latest map[string]results.Use // since the last call of Take
	}
	machine proc.Machine // at the last call of Take
}

// NewSampler returns a sampler of these sources.
func NewSampler(sources ...Source) *Sampler {
	s := &Sampler{sources: sources}
	s.mu.latest = map[string]results.Use{}
	s.machine, _ = proc.Here() // unknown on some systems
	return s
}

// Watch reads until ctx ends.
func (s *Sampler) Watch(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, source := range s.sources {
		all.Go(func() { s.follow(ctx, source) })
	}
}

func (s *Sampler) follow(ctx context.Context, source Source) {
	// Half a second off the ticks that call Take, so that every call finds one value.
	tick := time.NewTicker(time.Second / 2)
	defer tick.Stop()
	last, err := source.Read(ctx)
	at := time.Now()
	known := err == nil
	for {
		select {
		case <-tick.C:
			tick.Reset(time.Second)
		case <-ctx.Done():
			return
		}
		now, err := source.Read(ctx)
		if err != nil {
			continue // no answer, or the process has ended
		}
		passed := time.Since(at)
		// A lower count than before is that of a restarted process: its first second is unknown.
		if known && passed > 0 && now.CPU >= last.CPU {
			s.mu.Lock()
			s.mu.latest[source.Name] = results.Use{Cores: (now.CPU - last.CPU).Seconds() / passed.Seconds(), MemoryMB: float64(now.Resident) / 1e6}
			s.mu.Unlock()
		}
		last, at, known = now, time.Now(), true
	}
}

// Take returns what was used since the last call. One goroutine at a time calls it.
func (s *Sampler) Take() Sample {
	s.mu.Lock()
	sample := Sample{Of: s.mu.latest}
	s.mu.latest = map[string]results.Use{}
	s.mu.Unlock()
	now, err := proc.Here()
	if err != nil {
		return sample
	}
	if passed := now.All - s.machine.All; passed > 0 {
		sample.Busy = capacity.Share{Of: float64(now.Busy-s.machine.Busy) / float64(passed), Known: true}
	}
	sample.Free = capacity.Share{Of: float64(now.Free) / float64(now.Total), Known: true}
	s.machine = now
	return sample
}
