package failover

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"guestload/server/store/redis"
	"guestload/server/store/redis/presence"
)

// A Redis that answers and refuses is not the truth: guests are served from memory,
// and the reason is told, until a trial finds that it refuses nothing more.

const (
	// checkEvery is how often a Redis that is used is tried, since rights and keys may
	// change under it.
	checkEvery = 30 * time.Second
	// shortPeriod is a time in which Redis was used that ended soon: the next begins
	// later, lest the state change several times a second.
	shortPeriod = 10 * time.Second
	longestRest = 5 * time.Second
	// statesLogged is how many changes of the same kind are logged in a minute.
	statesLogged = 6
)

// Reason says why Redis is not used; "" while it is.
func (f *Store) Reason() string {
	if why := f.reason.Load(); why != nil {
		return (*why).Error()
	}
	return ""
}

// Ready reports whether guests can be served. It is not so where a right, or a key,
// will keep this instance apart from the others until somebody changes it.
func (f *Store) Ready() bool {
	why := f.reason.Load()
	if why == nil {
		return true
	}
	code := redis.CodeOf(*why)
	return code != redis.CodeRights && code != redis.CodeType
}

// explain keeps why Redis is not used, nil once it is.
func (f *Store) explain(why error) {
	if why == nil {
		f.reason.Store(nil)
		return
	}
	var refusal *redis.Refusal
	if errors.As(why, &refusal) {
		why = refusal
	} else if old := f.reason.Load(); old != nil && errors.As(*old, &refusal) && redis.CodeOf(why) == refusal.Code {
		return // what a single call heard says less
	}
	f.reason.Store(&why)
}

// examine tries Redis now and then while it is used, until ctx ends.
func (f *Store) examine(ctx context.Context) {
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
			f.fall(refusal)
		}
	}
}

// failed acts on what went wrong in the background while Redis answers the prober.
func (f *Store) failed(err error) {
	if f.State() != StateRedis {
		return // why is known
	}
	f.rarely.say(slog.LevelError, "background "+redis.CodeOf(err), 1, "background work in redis failed", "error", err)
	if redis.CodeOf(err) != "" {
		f.fall(err)
	} else if since := time.Since(time.UnixMilli(f.beatenAt.Load())); since > presence.Lease {
		f.fall(errors.Join(errLeaseLost, err))
	}
}

// restFor is how long the next period with Redis is to wait yet. The caller holds
// f.mu.
func (f *Store) restFor(now time.Time) time.Duration {
	if f.mu.short < 2 {
		return 0
	}
	rest := min(longestRest, recoverPause<<min(f.mu.short, 8))
	return max(0, f.mu.ended.Add(rest).Sub(now))
}

// endPeriod notes that Redis is used no more. The caller holds f.mu.
func (f *Store) endPeriod(now time.Time) {
	f.mu.ended = now
	if back := f.back.Load(); back != nil && now.Sub(*back) < shortPeriod {
		f.mu.short++
	} else {
		f.mu.short = 0
	}
}
