package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/rueidis"

	"guestload/server/guest"
)

// The prober's intervals. It detects a kill at once, and a hang after at most one
// interval and both timeouts: 550 ms if Redis is in use, 700 ms if it is not. Frequent
// probes cause no false alarms and cost little in a process that runs anyway. An idle
// process must be woken for each, which costs more than the probe: with 20 a second, an
// idle server took four times the CPU.
const (
	probeEvery    = 50 * time.Millisecond
	idleEvery     = 200 * time.Millisecond
	probeTimeout  = 200 * time.Millisecond
	secondTimeout = 300 * time.Millisecond
	// pulseEvery is the interval in which a waiting prober counts its own CPU time.
	pulseEvery = 10 * time.Millisecond
)

// errReconnected: Redis replies, but a connection was lost in between, so operations
// have failed, and Redis may have restarted empty.
var errReconnected = errors.New("connection lost")

// errSilent: Redis did not reply although this process had time to receive it.
var errSilent = errors.New("no answer")

// Watch connects, probes Redis until ctx ends, and calls report with the first state and
// with every change: up, or down and why. The error wraps guest.ErrUnavailable or
// ErrMisconfigured. A connection that broke and came back between two probes is reported
// as down and up, since operations may have failed and Redis may have lost its data.
// Operations are admitted before report(true) and refused before report(false); report
// runs on Watch's goroutine and delays the next probe.
func (r *Client) Watch(ctx context.Context, report func(up bool, why error)) {
	rest := time.NewTimer(probeEvery)
	defer rest.Stop()
	w := &watch{
		ask: r.ask, pulse: pulse, losses: r.Cache.losses.Load, sent: r.sent.Load, classify: r.classify,
		report: func(up bool, why error) {
			l := r.link.Load()
			if up {
				l.setUp(true)
				r.down.Store(nil)
			} else {
				r.down.Store(&why)
				if l != nil {
					l.setUp(false)
				}
			}
			report(up, why)
		},
	}
	for ctx.Err() == nil {
		w.look(ctx)
		rest.Reset(w.pause())
		select {
		case <-rest.C:
		case <-r.probeNow:
		case <-r.Cache.lost:
		case <-ctx.Done():
		}
	}
}

// watch is the state of the prober, and its dependencies.
type watch struct {
	ask      func(ctx context.Context, returning bool) error // probes Redis
	pulse    func() (ticks <-chan time.Time, stop func())
	losses   func() int64 // connections lost so far
	sent     func() int64 // commands so far, without those of the prober
	classify func(error) error
	report   func(up bool, why error)

	begun bool
	up    bool
	lost  int64 // losses that were reported
	seen  int64 // sent at the last probe
}

func (w *watch) look(ctx context.Context) {
	lost := w.losses()
	err := w.check(ctx)
	if ctx.Err() != nil {
		return
	}
	switch {
	case err != nil:
		w.turn(false, err)
	case w.up && lost != w.lost:
		w.turn(false, fmt.Errorf("%w: %w", guest.ErrUnavailable, errReconnected))
		w.turn(true, nil)
	default:
		w.turn(true, nil)
	}
	w.lost = lost
}

// pause is the time until the next probe: short if Redis is in use or down, when guests
// depend on the result. A single command may be the instance's own heartbeat.
func (w *watch) pause() time.Duration {
	sent := w.sent()
	used := sent-w.seen > 1
	w.seen = sent
	if used || !w.up {
		return probeEvery
	}
	return idleEvery
}

// check probes twice before it reports Redis down: the first failure may be momentary,
// or of a connection that was closed while idle. A refused connection needs no second
// probe.
func (w *watch) check(ctx context.Context) error {
	err := w.try(ctx, probeTimeout)
	if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
		err = w.try(ctx, secondTimeout)
	}
	if err != nil {
		return w.classify(err)
	}
	return nil
}

// try probes once. It counts the timeout in pulses, not by the clock: in a process that
// is starved of CPU, the reply may have arrived long ago, and a late pulse counts like
// any other. So Redis is blamed only for time in which this process ran.
func (w *watch) try(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ticks, stop := w.pulse()
	defer stop()
	answer, returning := make(chan error, 1), w.begun && !w.up
	go func() { answer <- w.ask(ctx, returning) }()
	for waited := time.Duration(0); waited < patience; waited += pulseEvery {
		select {
		case err := <-answer:
			return err
		case <-ticks:
		}
	}
	select {
	case err := <-answer:
		return err
	default:
		return fmt.Errorf("%w within %v", errSilent, patience)
	}
}

// pulse ticks every pulseEvery; missed ticks are dropped.
func pulse() (ticks <-chan time.Time, stop func()) {
	t := time.NewTicker(pulseEvery)
	return t.C, t.Stop
}

// ask connects if needed and probes Redis over the prober's own connection, where
// nothing is queued before the probe. A Redis that returns must also reply over the
// connection that commands use.
func (r *Client) ask(ctx context.Context, returning bool) error {
	if err := r.Connect(ctx); err != nil {
		return err
	}
	l := r.link.Load()
	if err := probe(ctx, l); err != nil || !returning {
		return err
	}
	for _, node := range l.Masters() {
		if err := node.Do(ctx, node.B().Ping().Build()).Error(); err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) turn(up bool, why error) {
	if w.begun && w.up == up {
		return
	}
	w.begun, w.up = true, up
	w.report(up, why)
}

// probe reports whether Redis replies. In a cluster, each master must reply and report
// the state ok; a node that was a replica may fail.
func probe(ctx context.Context, l *Link) error {
	if !l.Cluster {
		return l.prober.Do(ctx, l.prober.B().Ping().Build()).Error()
	}
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	for addr, node := range l.prober.Nodes() {
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
