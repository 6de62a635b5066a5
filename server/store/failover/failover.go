// Package failover keeps guests in Redis, and serves them from memory while Redis is down.
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

// The states of a Store.
const (
	StateRedis      = "redis"      // Redis is in use
	StateFallback   = "fallback"   // Redis is down: guests of this instance are served from memory
	StateRecovering = "recovering" // Redis is back: changes are being written back
)

// Local is the node of this instance, which knows who searches and talks here. Whichever
// store takes over the queue and pairs is corrected to its knowledge.
type Local interface {
	matcher.Local
	// Resync restores every chat in the matcher and has every searcher search again, in
	// the order of arrival. moved are guests who have joined here and whom another
	// instance had: session id → instance. It is called after each change of the store.
	Resync(ctx context.Context, moved map[string]string) error
	// Release tells the partners of guests on the instance that these pairs are over. It
	// may be called again with the same pair.
	Release(ctx context.Context, instance string, pairs []guest.Pair) error
	// Evict closes the sockets of guests whose sessions are gone. It must not wait.
	Evict(sessionIDs []string)
}

// Config configures a Store; Redis, Instance and Now are required.
type Config struct {
	Redis    *redis.Client
	Instance string // unique for every process
	Now      func() time.Time
	Tokens   time.Duration // longest validity of a token; 0: guest.Lifetime
	Log      *slog.Logger
	Changed  func(from, to string, why error) // called on each change of state; must not wait
}

// Store survives outages of Redis: it uses Redis, keeps copies of this instance's guests
// in memory, and serves these while Redis is down. An operation to which Redis does not
// reply is served from memory at once, and written back later. An unknown guest is
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
	wake     chan struct{} // wakes Run

	// inRedis: queue and pairs are in Redis. It changes under mu only.
	inRedis atomic.Bool
	now     atomic.Pointer[string] // the state, for readers
	// back is when the last outage ended; nil: there was none.
	back atomic.Pointer[time.Time]
	// reason is why Redis is not in use; nil while it is.
	reason    atomic.Pointer[error]
	throttled throttledLog
	lastBeat  atomic.Int64 // when the lease was last renewed, Unix ms
	fresh     atomic.Bool  // the prober saw Redis come back since govern last ran

	mu struct {
		sync.Mutex
		state     string
		up        bool          // by the prober
		fallbacks uint64        // so far
		short     int           // periods with Redis in a row that ended soon, not by the prober
		ended     time.Time     // when the last period ended
		fellBack  chan struct{} // closed at the next fallback
		resynced  uint64        // the fallback after which the node resynchronised
		epoch     string        // in which Redis has what this instance wrote
		found     redis.Epoch   // of Redis when last asked
	}
}

// New makes a store over Redis; it does not connect.
func New(cfg Config) *Store {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Changed == nil {
		cfg.Changed = func(_, _ string, _ error) {}
	}
	f := &Store{
		redis: cfg.Redis, instance: cfg.Instance, log: cfg.Log, changed: cfg.Changed,
		wake: make(chan struct{}, 1), throttled: throttledLog{to: cfg.Log},
	}
	m := memory.New(cfg.Instance, cfg.Now)
	documents, matches := sessions.New(cfg.Redis, cfg.Now), matcher.New(cfg.Redis)
	documents.Tombstones = max(cfg.Tokens, guest.Lifetime) // copies do not live longer either
	m.Sessions.KeepTombstones(documents.Tombstones)
	f.Sessions = &Sessions{failover: f, redis: documents, memory: m.Sessions, dirtySet: newDirtySet()}
	f.Presence = &Presence{failover: f, memory: m.Presence,
		redis: presence.New(cfg.Redis, cfg.Instance, documents, matches)}
	f.Matcher = &Matcher{failover: f, redis: matches, memory: m.Matcher}
	f.Broker = &Broker{failover: f, redis: broker.New(cfg.Redis)}
	f.mu.fellBack = make(chan struct{})
	f.mu.fallbacks = 1
	f.setState(StateFallback)
	return f
}

// State is how guests are served; see the constants.
func (f *Store) State() string { return *f.now.Load() }

// Start connects to Redis once. If Redis is down, the store starts in fallback, and Run
// uses Redis once it appears; an error wraps redis.ErrMisconfigured.
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
		f.setReason(err)
		f.throttled.log(slog.LevelWarn, "not recovered "+redis.CodeOf(err), 1, "redis cannot be used: starting in fallback", "redis", f.redis.String(), "error", err)
		return nil
	}
	f.setReason(nil)
	f.mu.Lock()
	f.mu.epoch, f.mu.found, f.mu.up, f.mu.resynced = now.ID, now, true, f.mu.fallbacks
	f.inRedis.Store(true)
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
			f.throttled.log(slog.LevelWarn, "storage "+from+state+redis.CodeOf(why), statesLogged, "storage changed", "from", from, "to", state, "why", why)
		} else {
			f.throttled.log(slog.LevelInfo, "storage "+from+state, statesLogged, "storage changed", "from", from, "to", state)
		}
		f.changed(from, state, why)
	}
}

// probed is called by the prober.
func (f *Store) probed(up bool, why error) {
	f.mu.Lock()
	f.mu.up = up
	f.mu.Unlock()
	if !up {
		f.fallBack(why)
		f.mu.Lock()
		f.mu.short = 0 // the prober reports when Redis is back
		f.mu.Unlock()
	}
	f.fresh.Store(up)
	f.poke()
}

// fallBack enters fallback: every later operation is served from memory.
func (f *Store) fallBack(why error) { f.fallBackFrom(0, why) }

// fallBackFrom is fallBack unless that has happened since the given fallback; 0 is
// unconditional.
func (f *Store) fallBackFrom(fallbacks uint64, why error) {
	f.mu.Lock()
	if fallbacks != 0 && f.mu.fallbacks != fallbacks {
		f.mu.Unlock()
		return
	}
	f.mu.fallbacks++
	f.inRedis.Store(false)
	if f.mu.state == StateRedis {
		f.endPeriod(time.Now())
	}
	f.setReason(why)
	report := f.setState(StateFallback)
	close(f.mu.fellBack)
	f.mu.fellBack = make(chan struct{})
	f.mu.Unlock()
	report(why)
	f.poke()
}

// advance enters a state unless the store fell back since.
func (f *Store) advance(fallbacks uint64, state string) error {
	f.mu.Lock()
	if f.mu.fallbacks != fallbacks {
		f.mu.Unlock()
		return errFellBack
	}
	report := f.setState(state)
	f.mu.Unlock()
	report(nil)
	return nil
}

var errFellBack = fmt.Errorf("%w: redis went away again", guest.ErrUnavailable)

func (f *Store) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// direct reports whether to ask Redis about sessions that are not dirty.
func (f *Store) direct() bool { return *f.now.Load() != StateFallback }

// othersTake is how much longer than this instance others may need to write back.
const othersTake = 5 * time.Second

// complete reports whether Redis presumably has all sessions: what it does not have does
// not exist.
func (f *Store) complete() bool {
	back := f.back.Load()
	return f.State() == StateRedis && (back == nil || time.Since(*back) > othersTake)
}

// fellBack is closed at the next fallback; at once while in fallback.
func (f *Store) fellBack() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.state == StateFallback {
		done := make(chan struct{})
		close(done)
		return done
	}
	return f.mu.fellBack
}

func unavailable(err error) bool { return errors.Is(err, guest.ErrUnavailable) }
