package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// replyContext ends replyTimeout after it was made. It sets its timer only when
// somebody waits on it: a read that is answered from a copy waits for nothing,
// and a timer would cost as much as the rest of it.
type replyContext struct {
	context.Context // the caller's
	deadline        time.Time

	once  sync.Once
	timer atomic.Pointer[timer]
}

type timer struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func withReplyTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	c := &replyContext{Context: ctx, deadline: time.Now().Add(replyTimeout)}
	return c, c.end
}

// Deadline is the earlier of the caller's and ours.
func (c *replyContext) Deadline() (time.Time, bool) {
	if d, ok := c.Context.Deadline(); ok && d.Before(c.deadline) {
		return d, true
	}
	return c.deadline, true
}

// Done starts the timer.
func (c *replyContext) Done() <-chan struct{} {
	c.once.Do(func() {
		ctx, cancel := context.WithDeadline(c.Context, c.deadline)
		c.timer.Store(&timer{ctx, cancel})
	})
	return c.timer.Load().ctx.Done()
}

// Err is the caller's until somebody has waited.
func (c *replyContext) Err() error {
	if t := c.timer.Load(); t != nil {
		return t.ctx.Err()
	}
	return c.Context.Err()
}

func (c *replyContext) end() {
	if t := c.timer.Load(); t != nil {
		t.cancel()
	}
}
