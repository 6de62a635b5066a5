package target

import (
	"context"
	"time"
)

// Poll calls ask at once and then at this interval, until it returns true or ctx ends.
func Poll(ctx context.Context, every time.Duration, ask func() (enough bool)) {
	again := time.NewTicker(every)
	defer again.Stop()
	for ctx.Err() == nil && !ask() {
		select {
		case <-again.C:
		case <-ctx.Done():
		}
	}
}
