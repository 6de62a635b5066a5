package failover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/guest"
	"guestload/server/store/memory"
	"guestload/server/store/redis"
	"guestload/server/store/redis/broker"
	"guestload/server/store/redis/matcher"
	"guestload/server/store/redis/presence"
	"guestload/server/store/redis/sessions"
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
	matcher.Local
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

// Config is what a Failover is made of; Redis, Instance and Now are required.
type Config struct {
	Redis    *redis.Client
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
type Store struct {
	Sessions *Sessions
	Presence *Presence
	Matcher  *Matcher
	Broker   *Broker

	redis    *redis.Client
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
		found    redis.Epoch   // the one that Redis was in when last asked
	}
}

// New makes a store over Redis, which is not asked yet.
func New(cfg Config) *Store {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Changed == nil {
		cfg.Changed = func(_, _ string, _ error) {}
	}
	f := &Store{
		redis: cfg.Redis, instance: cfg.Instance, log: cfg.Log, changed: cfg.Changed,
		wake: make(chan struct{}, 1), rarely: rarely{log: cfg.Log},
	}
	m := memory.New(cfg.Instance, cfg.Now)
	documents, matches := sessions.New(cfg.Redis, cfg.Now), matcher.New(cfg.Redis)
	documents.Tombstones = max(cfg.Tokens, guest.Lifetime) // a copy lives no longer either
	m.Sessions.KeepTombstones(documents.Tombstones)
	f.Sessions = &Sessions{failover: f, redis: documents, memory: m.Sessions, debts: newDebts()}
	f.Presence = &Presence{failover: f, memory: m.Presence,
		redis: presence.New(cfg.Redis, cfg.Instance, documents, matches)}
	f.Matcher = &Matcher{failover: f, redis: matches, memory: m.Matcher}
	f.Broker = &Broker{failover: f, redis: broker.New(cfg.Redis)}
	f.mu.fallen = make(chan struct{})
	f.mu.falls = 1
	f.setState(StateFallback)
	return f
}

// State is how guests are served at the moment; see the constants.
func (f *Store) State() string { return *f.now.Load() }

// Start reaches for Redis once. Where Redis is away it starts in fallback, and
// Run takes Redis up when it appears; an error wraps redis.ErrMisconfigured.
func (f *Store) Start(ctx context.Context) error {
	err := f.redis.Connect(ctx)
	if errors.Is(err, redis.ErrMisconfigured) {
		return err
	}
	if err == nil {
		err = f.redis.Check(ctx, f.instance)
	}
	var now redis.Epoch
	if err == nil {
		now, err = f.redis.Epoch(ctx)
	}
	if err == nil {
		err = f.beat(ctx)
	}
	if err != nil {
		f.explain(err)
		f.rarely.say(slog.LevelWarn, "not recovered "+redis.CodeOf(err), 1, "redis cannot be used: starting in fallback", "redis", f.redis.String(), "error", err)
		return nil
	}
	f.explain(nil)
	f.mu.Lock()
	f.mu.epoch, f.mu.found, f.mu.up, f.mu.resynced = now.ID, now, true, f.mu.falls
	f.home.Store(true)
	report := f.setState(StateRedis)
	f.mu.Unlock()
	report(nil)
	return nil
}

// setState is called with f.mu held, and its result without.
func (f *Store) setState(state string) (report func(why error)) {
	from := f.mu.state
	f.mu.state = state
	f.now.Store(&state)
	return func(why error) {
		if from == state {
			return
		}
		if why != nil {
			f.rarely.say(slog.LevelWarn, "storage "+from+state+redis.CodeOf(why), statesLogged, "storage changed", "from", from, "to", state, "why", why)
		} else {
			f.rarely.say(slog.LevelInfo, "storage "+from+state, statesLogged, "storage changed", "from", from, "to", state)
		}
		f.changed(from, state, why)
	}
}

// hear is told by the prober.
func (f *Store) hear(up bool, why error) {
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
func (f *Store) fall(why error) { f.fallFrom(0, why) }

// fallFrom is fall unless we fell back since a fall, 0 for in any case.
func (f *Store) fallFrom(falls uint64, why error) {
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
func (f *Store) advance(falls uint64, state string) error {
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

func (f *Store) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// direct reports whether Redis is to be asked, where nothing is owed to it.
func (f *Store) direct() bool { return *f.now.Load() != StateFallback }

// othersTake is how long after this instance another may still be writing back what
// Redis has missed.
const othersTake = 5 * time.Second

// complete reports whether Redis has all, as far as can be known: what it does not
// find is not there.
func (f *Store) complete() bool {
	back := f.back.Load()
	return f.State() == StateRedis && (back == nil || time.Since(*back) > othersTake)
}

// fallen is closed once we fall back after this call; at once where we have.
func (f *Store) fallen() <-chan struct{} {
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
