package executor

import (
	"context"
	"time"
)

// alarm wakes the goroutine that waits for arrivals.
type alarm interface {
	// sleep waits so long, more than 0. It returns false when the alarm's context
	// ended before.
	sleep(d time.Duration) bool
	close()
}

// goTimer is Go's own. On Linux it is up to a millisecond late while the process
// is idle, since it waits with epoll, which counts in milliseconds.
type goTimer struct {
	ctx   context.Context
	timer *time.Timer
}

func newGoTimer(ctx context.Context) alarm { return goTimer{ctx, time.NewTimer(time.Hour)} }

func (t goTimer) sleep(d time.Duration) bool {
	t.timer.Reset(d)
	select {
	case <-t.timer.C:
		return true
	case <-t.ctx.Done():
		return false
	}
}

func (t goTimer) close() { t.timer.Stop() }
