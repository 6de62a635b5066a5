package failover

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"guestload/server/store/redis"
	"guestload/server/store/redis/presence"
)

// A Redis that replies but refuses is not used: guests are served from memory, and the
// reason is reported, until a check succeeds.

const (
	// checkEvery is how often a Redis in use is checked, since rights and keys may
	// change.
	checkEvery = 30 * time.Second
	// shortPeriod: after a shorter period with Redis, the next begins later, so that the
	// state does not change several times a second.
	shortPeriod = 10 * time.Second
	longestRest = 5 * time.Second
	// statesLogged is how many changes of the same kind are logged in a minute.
	statesLogged = 6
)

// Reason says why Redis is not in use; "" while it is.
func (f *Store) Reason() string {
	if why := f.reason.Load(); why != nil {
		return (*why).Error()
	}
	return ""
}

// Ready reports whether guests can be served. It is false if a right or a key keeps this
// instance apart from the others until somebody changes it.
func (f *Store) Ready() bool {
	why := f.reason.Load()
	if why == nil {
		return true
	}
	code := redis.CodeOf(*why)
	return code != redis.CodeRights && code != redis.CodeType
}

// setReason records why Redis is not in use, nil once it is.
func (f *Store) setReason(why error) {
	if why == nil {
		f.reason.Store(nil)
		return
	}
	var refusal *redis.Refusal
	if errors.As(why, &refusal) {
		why = refusal
	} else if old := f.reason.Load(); old != nil && errors.As(*old, &refusal) && redis.CodeOf(why) == refusal.Code {
		return // the error of a single call says less
	}
	f.reason.Store(&why)
}

// checkNowAndThen checks Redis regularly while it is in use, until ctx ends.
func (f *Store) checkNowAndThen(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if f.State() != StateRedis {
			continue
		}
		var refusal *redis.Refusal
		if err := f.redis.Check(ctx, f.instance); errors.As(err, &refusal) {
			f.fallBack(refusal)
		}
	}
}

// failed acts on an error of background work while Redis replies to the prober.
func (f *Store) failed(err error) {
	if f.State() != StateRedis {
		return // the reason is known
	}
	f.throttled.log(slog.LevelError, "background "+redis.CodeOf(err), 1, "background work in redis failed", "error", err)
	if redis.CodeOf(err) != "" {
		f.fallBack(err)
	} else if since := time.Since(time.UnixMilli(f.lastBeat.Load())); since > presence.Lease {
		f.fallBack(errors.Join(errLeaseLost, err))
	}
}

// restFor is the time until the next period with Redis may begin. The caller holds f.mu.
func (f *Store) restFor(now time.Time) time.Duration {
	if f.mu.short < 2 {
		return 0
	}
	rest := min(longestRest, recoverPause<<min(f.mu.short, 8))
	return max(0, f.mu.ended.Add(rest).Sub(now))
}

// endPeriod records that a period with Redis has ended. The caller holds f.mu.
func (f *Store) endPeriod(now time.Time) {
	f.mu.ended = now
	if back := f.back.Load(); back != nil && now.Sub(*back) < shortPeriod {
		f.mu.short++
	} else {
		f.mu.short = 0
	}
}
