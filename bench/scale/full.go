package scale

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"guestload/loadgen/proc"
	"guestload/results"
)

// Full is how the shipped crowd went: more guests than one process can hold.
type Full struct {
	Record results.Record
	Dir    string // of the record
	// Taken is how much less memory the machine had free at the worst than before:
	// of all processes, and the kernel's for their sockets.
	Taken int64
}

// Full plays scenario crowd, with servers and a Redis of its own. Its record is
// kept with those of other runs, since no run is more expensive to repeat.
func (a *Setup) Full(ctx context.Context) (f Full, err error) {
	before, err := proc.Here()
	if err != nil {
		return f, fmt.Errorf("free memory: %w", err)
	}
	if f.Dir, err = results.NewDir(results.RunsDir, "crowd", time.Now()); err != nil {
		return f, err
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		again := time.NewTicker(time.Second)
		defer again.Stop()
		for {
			select {
			case <-watching.Done():
				return
			case <-again.C:
			}
			if now, err := proc.Here(); err == nil {
				f.Taken = max(f.Taken, before.Free-now.Free)
			}
		}
	})
	record, err := a.playTo(ctx, f.Dir, "crowd")
	stop()
	watch.Wait()
	if errors.Is(err, errViolated) {
		err = nil // it is in the record
	}
	f.Record = record
	if r := record.Resources; err == nil && (r.Server == nil || r.Loadgen == nil || r.Redis == nil) {
		err = fmt.Errorf("what the crowd took is not known: %+v", r)
	}
	return f, err
}

// Memory is the most that servers, Redis and loadgen have had, each at its own
// worst moment.
func (f Full) Memory() float64 {
	r := f.Record.Resources
	return (r.Server.RSSPeakMB + r.Loadgen.RSSPeakMB + r.Redis.RSSPeakMB) * 1e6
}

// Violations of any rule.
func (f Full) Violations() (n int64) {
	for _, v := range f.Record.Violations {
		n += v.Count
	}
	return n
}
