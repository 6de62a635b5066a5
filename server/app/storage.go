package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"guestload/server/guest"
	"guestload/server/httpd"
	"guestload/server/realtime"
	"guestload/server/store/failover"
	"guestload/server/store/memory"
	"guestload/server/store/redis"
)

// storage is where this server keeps its guests.
type storage struct {
	sessions realtime.Sessions
	presence realtime.Presence
	matcher  realtime.Matcher
	broker   realtime.Broker                             // nil: there is no other instance
	state    httpd.Storage                               // nil: memory
	adopt    func(guest.Session) error                   // nil: a token alone is not accepted
	redis    *redis.Client                               // nil: memory
	unsaved  *unsaved                                    // nil: memory
	run      func(ctx context.Context, n *realtime.Node) // works until ctx ends
	retire   func(ctx context.Context) error             // announces the end of this instance
}

// unsaved counts the sessions that Redis does not have yet, and messages that were lost.
type unsaved struct{ sessions, lost func() int64 }

// openStorage opens Redis where its URL is given, and memory otherwise. A Redis
// that is away for now is no error, one that can never work is. tokens is how long a
// token is valid.
func openStorage(ctx context.Context, url, instance string, tokens time.Duration, log *slog.Logger) (*storage, error) {
	if url == "" {
		return inMemory(instance, log), nil
	}
	redis, err := redis.New(url)
	if err != nil {
		return nil, fmt.Errorf("--redis-url: %w", err)
	}
	f := failover.New(failover.Config{Redis: redis, Instance: instance, Now: time.Now, Tokens: tokens, Log: log})
	if err := f.Start(ctx); err != nil {
		redis.Close()
		return nil, fmt.Errorf("redis %s: %w", redis, err)
	}
	return &storage{
		sessions: f.Sessions, presence: f.Presence, matcher: f.Matcher, broker: f.Broker,
		state: f, redis: redis,
		adopt:   func(g guest.Session) error { return f.Sessions.Adopt(context.Background(), g) },
		unsaved: &unsaved{sessions: func() int64 { return int64(f.Sessions.Dirty()) }, lost: f.Broker.Lost},
		run: func(ctx context.Context, n *realtime.Node) {
			f.Run(ctx, n)
			redis.Close()
		},
		retire: f.Presence.Retire,
	}, nil
}

// NewRedis returns a client of the Redis at url, for those who watch it from outside.
// It does not connect. Errors quote no password.
func NewRedis(url string) (*redis.Client, error) { return redis.New(url) }

// inMemory is storage in this process alone.
func inMemory(instance string, log *slog.Logger) *storage {
	m := memory.New(instance, time.Now)
	return &storage{
		sessions: m.Sessions, presence: m.Presence, matcher: m.Matcher,
		run:    func(ctx context.Context, _ *realtime.Node) { m.Sessions.Run(ctx, log) },
		retire: func(context.Context) error { return nil },
	}
}

// name is what the log calls it.
func (s *storage) name() string {
	if s.state == nil {
		return "memory"
	}
	return s.state.State()
}
