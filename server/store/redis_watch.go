package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// The prober's times: a hang is known after at most the sum of them, 750 ms, a
// kill at once.
const (
	probeEvery    = 250 * time.Millisecond
	probeTimeout  = 200 * time.Millisecond
	secondTimeout = 300 * time.Millisecond
)

// errReconnected: Redis answers, but the connection was lost in between, so
// operations have failed, and it may have restarted empty.
var errReconnected = errors.New("connection lost")

// Watch connects, probes Redis until ctx ends, and tells report of every change,
// first of the state it begins with: up, or down and why. Down wraps
// guest.ErrUnavailable, or ErrMisconfigured. A connection that broke and came
// back between two probes is told as down and up again, since operations may
// have failed and Redis may have lost its data. Operations are admitted before
// report(true) and refused before report(false); report runs on Watch's own
// goroutine and holds up the probing.
func (r *Redis) Watch(ctx context.Context, report func(up bool, why error)) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	w := &watch{redis: r, report: report}
	for ctx.Err() == nil {
		w.look(ctx)
		select {
		case <-tick.C:
		case <-r.suspect:
		case <-r.copies.lost:
		case <-ctx.Done():
		}
	}
}

type watch struct {
	redis  *Redis
	report func(up bool, why error)

	begun  bool
	up     bool
	losses int64
}

func (w *watch) look(ctx context.Context) {
	losses := w.redis.copies.losses.Load()
	err := w.check(ctx)
	if ctx.Err() != nil {
		return
	}
	switch {
	case err != nil:
		w.turn(false, err)
	case w.up && losses != w.losses:
		w.turn(false, fmt.Errorf("%w: %w", guest.ErrUnavailable, errReconnected))
		w.turn(true, nil)
	default:
		w.turn(true, nil)
	}
	w.losses = losses
}

// check asks twice before it calls Redis down: the first failure may be that of
// a connection which had been closed while idle.
func (w *watch) check(ctx context.Context) error {
	if err := w.redis.Connect(ctx); err != nil {
		return err
	}
	l := w.redis.link.Load()
	err := probe(ctx, l, probeTimeout)
	if err != nil {
		err = probe(ctx, l, secondTimeout)
	}
	if err != nil {
		return w.redis.classify(err)
	}
	return nil
}

func (w *watch) turn(up bool, why error) {
	if w.begun && w.up == up {
		return
	}
	w.begun, w.up = true, up
	if up {
		w.redis.down.Store(nil)
	} else {
		w.redis.down.Store(&why)
	}
	w.report(up, why)
}

// probe reports whether Redis answers; of a cluster, each master must, and call
// the cluster's state ok. A node that was a replica may fail.
func probe(ctx context.Context, l *link, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !l.cluster {
		return l.client.Do(ctx, l.client.B().Ping().Build()).Error()
	}
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	for addr, node := range l.client.Nodes() {
		wg.Go(func() {
			replica, err := probeNode(ctx, node)
			if err == nil {
				l.replicas.Store(addr, replica)
				return
			}
			if was, _ := l.replicas.Load(addr); was == true {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, fmt.Errorf("node %s: %w", addr, err))
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

func probeNode(ctx context.Context, node rueidis.Client) (replica bool, err error) {
	replies := node.DoMulti(ctx, node.B().Role().Build(), node.B().ClusterInfo().Build())
	role, err := replies[0].ToArray()
	if err != nil {
		return false, err
	}
	if len(role) > 0 {
		name, _ := role[0].ToString()
		replica = name == "slave"
	}
	info, err := replies[1].ToString()
	if err != nil {
		return replica, err
	}
	if !strings.Contains(info, "cluster_state:ok") {
		return replica, errors.New("cluster state is not ok")
	}
	return replica, nil
}
