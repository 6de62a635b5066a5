package failover

import (
	"context"
	"time"

	"guestload/server/store/redis"
)

// retryPause is the pause before a failed call is repeated, in which the prober may
// report an outage. A search that may have been executed is settled by repeating it in
// the same store, not in the other.
const retryPause = 150 * time.Millisecond

// How often a call is repeated before it counts as an outage. A Redis that refuses (it is
// full, or a replica) still replies to the prober. The prober judges silence better, since
// this process may be starved of CPU: silentTries take longer than the prober needs to
// detect any outage, even of a single connection.
const (
	refusedTries = 3
	silentTries  = 4
)

// retryUntilDown repeats a call to which Redis did not reply, until the store falls back:
// a single late reply on an overloaded machine is no outage, and treating it as one would
// add load.
func retryUntilDown(ctx context.Context, fellBack func() <-chan struct{}, do func() error) error {
	for try := 0; ; try++ {
		err := do()
		if !unavailable(err) || ctx.Err() != nil || try >= silentTries || try >= refusedTries && redis.Replied(err) {
			return err
		}
		wait := time.NewTimer(retryPause)
		select {
		case <-fellBack():
			wait.Stop()
			return err
		case <-wait.C:
		}
	}
}
