// Package fleet is what a run brings up itself: embedded servers, each a process
// of its own, and the Redis that they share. It tells what they spent, and does
// to them what a scenario's faults ask for.
package fleet

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	"guestload/loadgen/proc"
	"guestload/results"
	"guestload/scenarios"
	"guestload/server/redisproc"
)

// OwnRedis asks for a Redis that is started for the run, and keeps nothing.
const OwnRedis = "own"

// Config says what to bring up.
type Config struct {
	Command   []string // program and first arguments that make it a server
	Instances int      // at least 1; more than 1 need Redis
	Redis     string   // a URL, OwnRedis, or "" for memory
	Dir       string   // of the logs

	// OpenRedis returns a client of the Redis at a URL, without connecting. Required
	// with Redis.
	OpenRedis func(url string) (Redis, error)
}

// Fleet runs until Stop.
type Fleet struct {
	Servers []*Server

	redis *redisproc.Server // nil: a Redis that runs already, or none
	meter *Meter            // nil: no Redis
}

// Start brings everything up, and returns once all servers listen. The URL of
// Redis goes to the servers in their environment, where nobody else reads it; no
// error quotes its password.
func Start(ctx context.Context, c Config) (*Fleet, error) {
	f := &Fleet{}
	if err := f.start(ctx, c); err != nil {
		f.Stop(ctx)
		return nil, err
	}
	return f, nil
}

func (f *Fleet) start(ctx context.Context, c Config) (err error) {
	env := []string{"JWT_SECRET=" + rand.Text() + rand.Text()} // tokens are good at each of them
	url := c.Redis
	if url == OwnRedis {
		if f.redis, err = redisproc.Start(ctx, redisproc.Config{}); err != nil {
			return err
		}
		url = f.redis.URL()
	}
	if url != "" {
		env = append(env, "REDIS_URL="+url)
		if f.meter, err = newMeter(ctx, url, c.OpenRedis); err != nil {
			return fmt.Errorf("--redis-url: %w", err)
		}
		if err := f.meter.reach(ctx); err != nil {
			return err
		}
	}
	env = append(env, proc.Share(c.Instances)...)
	f.Servers = make([]*Server, 0, c.Instances)
	for i := range c.Instances {
		s, err := startServer(ctx, c.Command, logFile(c.Dir, i, c.Instances), env)
		if err != nil {
			return err
		}
		f.Servers = append(f.Servers, s)
	}
	return nil
}

// Targets are the addresses of the servers.
func (f *Fleet) Targets() []string {
	targets := make([]string, len(f.Servers))
	for i, s := range f.Servers {
		targets[i] = s.Target
	}
	return targets
}

// Stop ends everything and returns when it is gone: gently until ctx ends, then at
// once. A second call does nothing.
func (f *Fleet) Stop(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range f.Servers {
		all.Go(func() { s.Stop(ctx) })
	}
	all.Wait()
	if f.meter != nil {
		f.meter.stop(ctx)
	}
	if f.redis != nil {
		f.redis.Close()
	}
	if f.meter != nil {
		f.meter.close(ctx)
	}
}

// Usage is what the servers spent, each and together, and Redis; nil where it is
// not known. All must have been stopped.
func (f *Fleet) Usage() (all *results.Usage, each []results.Usage, redis *results.Usage) {
	if redis = f.meter.usage(); redis != nil {
		redis.SentPerSession = f.sent()
	}
	for _, s := range f.Servers {
		u := s.usage()
		if u == nil {
			return nil, nil, redis
		}
		each = append(each, *u)
		if all == nil {
			all = &results.Usage{}
		}
		all.CPUSec += u.CPUSec
		all.RSSPeakMB += u.RSSPeakMB
	}
	return all, each, redis
}

// Dead returns the servers that ended by themselves.
func (f *Fleet) Dead() (dead []*Server) {
	for _, s := range f.Servers {
		if s.Dead() {
			dead = append(dead, s)
		}
	}
	return dead
}

// Apply does to a process what the fault says, and returns once that is done:
// a killed one is gone, a started one answers.
func (f *Fleet) Apply(ctx context.Context, fault scenarios.Fault) error {
	switch {
	case fault.Instance > 0:
		return f.Servers[fault.Instance-1].Kill(ctx)
	case fault.Action == scenarios.Kill:
		f.meter.look(ctx) // what it counted goes with it
		return f.redis.Kill()
	case fault.Action == scenarios.Start:
		return f.redis.Restart(ctx)
	case fault.Action == scenarios.Freeze:
		return f.redis.Freeze()
	default:
		return f.redis.Thaw()
	}
}
