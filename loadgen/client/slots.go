package client

import (
	"context"
	"fmt"
	"time"

	"guestload/loadgen/session"
)

// slots bound how many requests are under way, each with a connection of its
// own. The pool could do so itself, but would not tell how long a request
// waited: a request that waits has not been sent, and a stalled server would
// pass for a slow one.
type slots chan struct{}

// take waits for a slot, in the order of coming, and returns for how long.
func (s slots) take(ctx context.Context, deadline time.Time) (waited time.Duration, err error) {
	select {
	case s <- struct{}{}:
		return 0, nil
	default:
	}
	begin := time.Now()
	timer := time.NewTimer(deadline.Sub(begin))
	defer timer.Stop()
	select {
	case s <- struct{}{}:
		return time.Since(begin), nil
	case <-timer.C:
		return 0, fmt.Errorf("%w: all %d connections were busy", session.ErrTimeout, cap(s))
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (s slots) give() { <-s }
