package redistest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"guestload/server/redisproc"
)

// masterSet is the name under which the Sentinel knows its master.
const masterSet = "main"

// Sentinel is a master with a replica, and a Sentinel that puts the replica in its
// place within two seconds of its death.
type Sentinel struct {
	Master, Replica *redisproc.Server // as they began
	Sentinel        *redisproc.Server

	password, own string
}

// startSentinel starts the three, and returns once the Sentinel could put the
// replica in the master's place. own is the Sentinel's own password, "" for none.
func startSentinel(ctx context.Context, config redisproc.Config, own string) (g *Sentinel, err error) {
	g = &Sentinel{password: config.Password, own: own}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start redis with a sentinel: %w", err), g.Close())
		}
	}()
	config.Args = append([]string{"--repl-diskless-sync-delay", "0"}, config.Args...)
	if config.Password != "" {
		config.Args = append(config.Args, "--masterauth", config.Password)
	}
	if g.Master, err = redisproc.Start(ctx, config); err != nil {
		return g, err
	}
	follow := config
	follow.Args = append(follow.Args[:len(follow.Args):len(follow.Args)], "--replicaof", "127.0.0.1 "+port(g.Master.Addr()))
	if g.Replica, err = redisproc.Start(ctx, follow); err != nil {
		return g, err
	}
	lines := []string{
		"sentinel monitor " + masterSet + " 127.0.0.1 " + port(g.Master.Addr()) + " 1",
		"sentinel down-after-milliseconds " + masterSet + " 500",
		"sentinel failover-timeout " + masterSet + " 2000",
	}
	if config.Password != "" {
		lines = append(lines, "sentinel auth-pass "+masterSet+" "+config.Password)
	}
	watch := redisproc.Config{Password: own, File: strings.Join(lines, "\n") + "\n", Args: []string{"--sentinel"}}
	if g.Sentinel, err = redisproc.Start(ctx, watch); err != nil {
		return g, err
	}
	return g, g.awaitReplica(ctx)
}

// URL is the redis-sentinel:// address.
func (g *Sentinel) URL() string {
	url := "redis-sentinel://" + userinfo(g.password) + g.Sentinel.Addr() + "/?master=" + masterSet
	if g.own != "" {
		url += "&sentinel_password=" + g.own
	}
	return url
}

// Close ends all three, the Sentinel first.
func (g *Sentinel) Close() error {
	var errs []error
	for _, s := range []*redisproc.Server{g.Sentinel, g.Replica, g.Master} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

func (g *Sentinel) awaitReplica(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
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
