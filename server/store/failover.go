package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/guest"
)

// The states of a Failover.
const (
	StateRedis      = "redis"      // Redis is the truth
	StateFallback   = "fallback"   // Redis is away: this instance serves the guests it knows from memory
	StateRecovering = "recovering" // Redis is back, and is being told what happened meanwhile
)

// Local is who is really here: the node of this instance. Queue and pairs are
// kept by stores, but that guests search and talk is the node's own knowledge,
// so whichever store takes over is brought to it, whatever it remembers.
type Local interface {
	// Searching reports whether the guest with this id searches here.
	Searching(id string) bool
	// Chatting reports whether the guest with this id is here and in this pair, or
	// searches and may yet learn of it.
	Chatting(id, pair string) bool
	// Resync restores every chat in the matcher and lets every searcher search
	// again, in the order of their coming; moved are guests who have joined here and
	// whom another instance had: session id → instance. Called after each change of
	// the store behind the ports.
	Resync(ctx context.Context, moved map[string]string) error
	// Release tells the partners of those guests who were on an instance that these
	// pairs are over. It may be called again with the same pair.
	Release(ctx context.Context, instance string, pairs []guest.Pair) error
	// Evict closes the sockets of guests whose sessions are gone. It must not wait.
	Evict(sessionIDs []string)
}

// FailoverConfig is what a Failover is made of; Redis, Instance and Now are required.
type FailoverConfig struct {
	Redis    *Redis
	Instance string // new for every process
	Now      func() time.Time
	Tokens   time.Duration // the longest that a token is valid; 0: guest.Lifetime
	Log      *slog.Logger
	Changed  func(from, to string, why error) // called on each change of state; it must not wait
}

// Failover is a store that survives Redis: it works on Redis, holds copies of
// what concerns this instance's guests in memory, and serves these from there
// while Redis is away. An operation that Redis does not answer is served from
// memory at once, and Redis is told later. A guest that is not known here is
// guest.ErrUnavailable then, never guest.ErrNotFound.
type Failover struct {
	Sessions *FailoverSessions
	Presence *FailoverPresence
	Matcher  *FailoverMatcher
	Broker   *FailoverBroker

	redis    *Redis
	local    Local // nil before Run
	instance string
	log      *slog.Logger
	changed  func(from, to string, why error)
	wake     chan struct{} // for Run: something is to be done

	// home tells that the matcher is Redis's; it changes under mu only.
	home atomic.Bool
	now  atomic.Pointer[string] // the state, for readers
	// back is when Redis was last used again after an outage; nil: never.
	back atomic.Pointer[time.Time]
	// reason is why Redis is not used; nil while it is.
	reason   atomic.Pointer[error]
	rarely   rarely
	beatenAt atomic.Int64 // when the lease was last renewed, Unix ms
	fresh    atomic.Bool  // the prober has seen Redis come back since govern last looked

	mu struct {
		sync.Mutex
		state    string
		up       bool          // what the prober says
		falls    uint64        // how often we fell back
		short    int           // periods with Redis in a row that ended soon, by no word of the prober
		ended    time.Time     // when the last one did
		fallen   chan struct{} // closed at the next fall
		resynced uint64        // the fall that the node has been told of
		epoch    string        // the one in which Redis holds what we wrote
		found    epoch         // the one that Redis was in when last asked
	}
}

// NewFailover makes a store over Redis, which is not asked yet.
func NewFailover(cfg FailoverConfig) *Failover {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Changed == nil {
		cfg.Changed = func(_, _ string, _ error) {}
	}
	f := &Failover{
		redis: cfg.Redis, instance: cfg.Instance, log: cfg.Log, changed: cfg.Changed,
		wake: make(chan struct{}, 1), rarely: rarely{log: cfg.Log},
	}
	memory := NewMemory(cfg.Instance, cfg.Now)
	sessions, matcher := NewRedisSessions(cfg.Redis, cfg.Now), NewRedisMatcher(cfg.Redis)
	sessions.tombstones = max(cfg.Tokens, guest.Lifetime) // a copy lives no longer either
	memory.Sessions.tombstones.lifetime = sessions.tombstones
	f.Sessions = &FailoverSessions{failover: f, redis: sessions, memory: memory.Sessions, debts: newDebts()}
	f.Presence = &FailoverPresence{failover: f, memory: memory.Presence,
		redis: NewRedisPresence(cfg.Redis, cfg.Instance, sessions, matcher)}
	f.Matcher = &FailoverMatcher{failover: f, redis: matcher, memory: memory.Matcher,
		restorer: newPairRestorer(matcher, cfg.Instance)}
	f.Broker = &FailoverBroker{failover: f, redis: NewRedisBroker(cfg.Redis)}
	f.mu.fallen = make(chan struct{})
	f.mu.falls = 1
	f.setState(StateFallback)
	return f
}

// State is how guests are served at the moment; see the constants.
func (f *Failover) State() string { return *f.now.Load() }

// Start reaches for Redis once. Where Redis is away it starts in fallback, and
// Run takes Redis up when it appears; an error wraps ErrMisconfigured.
func (f *Failover) Start(ctx context.Context) error {
	err := f.redis.Connect(ctx)
	if errors.Is(err, ErrMisconfigured) {
		return err
	}
	if err == nil {
		err = f.redis.trial(ctx, f.instance)
	}
	var now epoch
	if err == nil {
		now, err = f.redis.epoch(ctx)
	}
	if err == nil {
		err = f.beat(ctx)
	}
	if err != nil {
		f.explain(err)
		f.rarely.say(slog.LevelWarn, "not recovered "+codeOf(err), 1, "redis cannot be used: starting in fallback", "redis", f.redis.String(), "error", err)
		return nil
	}
	f.explain(nil)
	f.mu.Lock()
	f.mu.epoch, f.mu.found, f.mu.up, f.mu.resynced = now.id, now, true, f.mu.falls
	f.home.Store(true)
	report := f.setState(StateRedis)
	f.mu.Unlock()
	report(nil)
	return nil
}

// setState is called with f.mu held, and its result without.
func (f *Failover) setState(state string) (report func(why error)) {
	from := f.mu.state
	f.mu.state = state
	f.now.Store(&state)
	return func(why error) {
		if from == state {
			return
		}
		if why != nil {
			f.rarely.say(slog.LevelWarn, "storage "+from+state+codeOf(why), statesLogged, "storage changed", "from", from, "to", state, "why", why)
		} else {
			f.rarely.say(slog.LevelInfo, "storage "+from+state, statesLogged, "storage changed", "from", from, "to", state)
		}
		f.changed(from, state, why)
	}
}

// hear is told by the prober.
func (f *Failover) hear(up bool, why error) {
	f.mu.Lock()
	f.mu.up = up
	f.mu.Unlock()
	if !up {
		f.fall(why)
		f.mu.Lock()
		f.mu.short = 0 // it says for itself when Redis is back
		f.mu.Unlock()
	}
	f.fresh.Store(up)
	f.poke()
}

// fall goes to fallback, at once for every operation from now on.
func (f *Failover) fall(why error) { f.fallFrom(0, why) }

// fallFrom is fall unless we fell back since a fall, 0 for in any case.
func (f *Failover) fallFrom(falls uint64, why error) {
	f.mu.Lock()
	if falls != 0 && f.mu.falls != falls {
		f.mu.Unlock()
		return
	}
	f.mu.falls++
	f.home.Store(false)
	if f.mu.state == StateRedis {
		f.endPeriod(time.Now())
	}
	f.explain(why)
	report := f.setState(StateFallback)
	close(f.mu.fallen)
	f.mu.fallen = make(chan struct{})
	f.mu.Unlock()
	report(why)
	f.poke()
}

// advance goes to a state unless we fell back since.
func (f *Failover) advance(falls uint64, state string) error {
	f.mu.Lock()
	if f.mu.falls != falls {
		f.mu.Unlock()
		return errFell
	}
	report := f.setState(state)
	f.mu.Unlock()
	report(nil)
	return nil
}

var errFell = fmt.Errorf("%w: redis went away again", guest.ErrUnavailable)

func (f *Failover) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// direct reports whether Redis is to be asked, where nothing is owed to it.
func (f *Failover) direct() bool { return *f.now.Load() != StateFallback }

// othersTake is how long after this instance another may still be writing back what
// Redis has missed.
const othersTake = 5 * time.Second

// complete reports whether Redis has all, as far as can be known: what it does not
// find is not there.
func (f *Failover) complete() bool {
	back := f.back.Load()
	return f.State() == StateRedis && (back == nil || time.Since(*back) > othersTake)
}

// fallen is closed once we fall back after this call; at once where we have.
func (f *Failover) fallen() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.state == StateFallback {
		done := make(chan struct{})
		close(done)
		return done
	}
	return f.mu.fallen
}

func unavailable(err error) bool { return errors.Is(err, guest.ErrUnavailable) }
