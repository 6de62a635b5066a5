package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"guestload/loadgen/capacity"
	"guestload/loadgen/proc"
	"guestload/loadgen/report/page"
)

// source is a process, or several of a kind together, whose usage can be read.
type source struct {
	name string // server, loadgen or redis; "server 1" and so on where there are several
	read func(context.Context) (proc.Usage, error)
}

// gauges read once a second what the processes of a run use. Each source is read
// in a goroutine of its own: one that is slow to tell delays no other.
type gauges struct {
	sources []source
	mu      struct {
		sync.Mutex
		fresh map[string]page.Use // since take was last called
	}
	machine proc.Machine // as it was when take was last called
}

func newGauges(sources ...source) *gauges {
	g := &gauges{sources: sources}
	g.mu.fresh = map[string]page.Use{}
	g.machine, _ = proc.Here() // not every system tells
	return g
}

// watch reads until ctx ends.
func (g *gauges) watch(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, s := range g.sources {
		all.Go(func() { g.follow(ctx, s) })
	}
}

func (g *gauges) follow(ctx context.Context, s source) {
	// Half a second off the clock by which take is called, so that every call finds
	// one value.
	tick := time.NewTicker(time.Second / 2)
	defer tick.Stop()
	last, err := s.read(ctx)
	at := time.Now()
	known := err == nil
	for {
		select {
		case <-tick.C:
			tick.Reset(time.Second)
		case <-ctx.Done():
			return
		}
		now, err := s.read(ctx)
		if err != nil {
			continue // it did not tell, or has gone
		}
		passed := time.Since(at)
		// Who counts from an earlier value was started anew: its first second is not known.
		if known && passed > 0 && now.CPU >= last.CPU {
			g.mu.Lock()
			g.mu.fresh[s.name] = page.Use{Cores: (now.CPU - last.CPU).Seconds() / passed.Seconds(), MemoryMB: float64(now.Resident) / 1e6}
			g.mu.Unlock()
		}
		last, at, known = now, time.Now(), true
	}
}

// spending is what was used in one second.
type spending struct {
	of         map[string]page.Use
	busy, free capacity.Share // of the machine's cores, and of its memory
}

// take is what was used since the last call.
func (g *gauges) take() spending {
	g.mu.Lock()
	s := spending{of: g.mu.fresh}
	g.mu.fresh = map[string]page.Use{}
	g.mu.Unlock()
	now, err := proc.Here()
	if err != nil {
		return s
	}
	if passed := now.All - g.machine.All; passed > 0 {
		s.busy = capacity.Share{Of: float64(now.Busy-g.machine.Busy) / float64(passed), Known: true}
	}
	s.free = capacity.Share{Of: float64(now.Free) / float64(now.Total), Known: true}
	g.machine = now
	return s
}

// sources are the processes of a run: the generator itself, the servers where
// they are ours, with their Redis, or tell what they use.
// Other processes that play for it are given by their numbers.
func (t *target) sources(others ...int) []source {
	all := []source{{"loadgen", func(context.Context) (proc.Usage, error) { return usageOf(append([]int{os.Getpid()}, others...)) }}}
	switch {
	case t.own != nil:
		all = append(all, source{"server", func(context.Context) (proc.Usage, error) { return t.own.Use() }})
		if len(t.own.Servers) > 1 {
			for i, s := range t.own.Servers {
				all = append(all, source{fmt.Sprintf("server %d", i+1), func(context.Context) (proc.Usage, error) { return s.Use() }})
			}
		}
		if t.own.UsesRedis() {
			all = append(all, source{"redis", func(context.Context) (proc.Usage, error) { return t.own.RedisUse() }})
		}
	case t.before.known:
		all = append(all, source{"server", func(ctx context.Context) (proc.Usage, error) {
			s, err := t.spent(ctx)
			return proc.Usage{CPU: time.Duration(s.cpu * float64(time.Second)), Resident: int64(s.memory)}, err
		}})
	}
	return all
}

// usageOf is what several processes use together, of those that are left.
func usageOf(pids []int) (all proc.Usage, err error) {
	for i, pid := range pids {
		u, failed := proc.Of(pid)
		if failed != nil && i == 0 {
			return all, failed
		}
		all.CPU, all.Resident = all.CPU+u.CPU, all.Resident+u.Resident
	}
	return all, nil
}
