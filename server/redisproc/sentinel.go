package redisproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// masterSet is the name under which the Sentinel of a Group knows its master.
const masterSet = "main"

// Group is a master with a replica, and a Sentinel that puts the replica in its
// place within two seconds of its death.
type Group struct {
	Master, Replica *Server // as they began
	Sentinel        *Server
}

// StartGroup starts the three, and returns once the Sentinel could put the
// replica in the master's place.
func StartGroup(ctx context.Context, config Config) (g *Group, err error) {
	g = &Group{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start redis with a sentinel: %w", err), g.Close())
		}
	}()
	config.Args = append([]string{"--repl-diskless-sync-delay", "0"}, config.Args...)
	if config.Password != "" {
		config.Args = append(config.Args, "--masterauth", config.Password)
	}
	if g.Master, err = Start(ctx, config); err != nil {
		return g, err
	}
	follow := config
	follow.Args = append(follow.Args[:len(follow.Args):len(follow.Args)], "--replicaof", "127.0.0.1 "+strconv.Itoa(g.Master.port))
	if g.Replica, err = Start(ctx, follow); err != nil {
		return g, err
	}
	if g.Sentinel, err = Start(ctx, Config{Password: config.SentinelPassword, watches: g.Master}); err != nil {
		return g, err
	}
	return g, g.awaitReplica(ctx)
}

// URL is the redis-sentinel:// address.
func (g *Group) URL() string {
	url := "redis-sentinel://" + g.Master.userinfo() + g.Sentinel.Addr() + "/?master=" + masterSet
	if p := g.Sentinel.config.Password; p != "" {
		url += "&sentinel_password=" + p
	}
	return url
}

// Close ends all three, the Sentinel first.
func (g *Group) Close() error {
	var errs []error
	for _, s := range []*Server{g.Sentinel, g.Replica, g.Master} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

func (g *Group) awaitReplica(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*startPatience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		reply, err := g.Sentinel.Do("SENTINEL", "REPLICAS", masterSet)
		if err == nil && strings.Contains(fmt.Sprint(reply), "master-link-status ok") {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("its replica does not follow: %w", ctx.Err())
		}
	}
}

// sentinelFile is a Sentinel's configuration, which it writes itself.
func (s *Server) sentinelFile() string { return filepath.Join(s.dir, "sentinel.conf") }

func (s *Server) writeSentinelFile() error {
	lines := []string{
		"port " + strconv.Itoa(s.port), "bind 127.0.0.1", "dir " + s.dir, "loglevel warning",
		fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 1", masterSet, s.config.watches.port),
		"sentinel down-after-milliseconds " + masterSet + " 500",
		"sentinel failover-timeout " + masterSet + " 2000",
	}
	if p := s.config.watches.config.Password; p != "" {
		lines = append(lines, "sentinel auth-pass "+masterSet+" "+p)
	}
	if s.config.Password != "" {
		lines = append(lines, "requirepass "+s.config.Password)
	}
	return os.WriteFile(s.sentinelFile(), []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}
