package failover

import (
	"context"
	"time"

	"guestload/server/store/redis"
)

// A call that fails waits this long for the prober's verdict and is done again: a
// search that may have happened is settled by another in the same place, and by
// none in the other.
const verdict = 150 * time.Millisecond

// How often a call is done again before it calls the outage itself. Redis that
// refuses (it is full, a replica, not ours to write) answers the prober all the
// same. Of silence the prober is the better judge, since we may be the ones who
// get no time to run: silentTries take longer than any outage needs to be known,
// that of a connection of ours alone included.
const (
	refusedTries = 3
	silentTries  = 4
)

// insist does again what Redis did not answer, until we have fallen back: a
// single answer that came late, on a machine that has too much to do, is no
// outage, and to make one of it gives that machine more to do.
func insist(ctx context.Context, fallen func() <-chan struct{}, do func() error) error {
	for try := 0; ; try++ {
		err := do()
		if !unavailable(err) || ctx.Err() != nil || try >= silentTries || try >= refusedTries && redis.Replied(err) {
			return err
		}
		wait := time.NewTimer(verdict)
		select {
		case <-fallen():
			wait.Stop()
			return err
		case <-wait.C:
		}
	}
}
