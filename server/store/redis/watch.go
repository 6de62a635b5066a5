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

// The prober's times. A kill is known at once, a hang after at most a pause and
// both timeouts: 550 ms where Redis is used, 700 where it is not. To ask often is
// the part of the sum that no false alarm is to be feared of, and costs little in a
// process that runs anyway. One that sleeps has to be woken for it, which costs more
// than the question: at 20 a second an idle server took four times the CPU.
const (
	probeEvery    = 50 * time.Millisecond
	idleEvery     = 200 * time.Millisecond
	probeTimeout  = 200 * time.Millisecond
	secondTimeout = 300 * time.Millisecond
	// pulseEvery is how often a waiting prober makes sure that it runs at all.
	pulseEvery = 10 * time.Millisecond
)

// errReconnected: Redis answers, but the connection was lost in between, so
// operations have failed, and it may have restarted empty.
var errReconnected = errors.New("connection lost")

// errSilent: Redis did not answer although we were there to hear it.
var errSilent = errors.New("no answer")

// Watch connects, probes Redis until ctx ends, and tells report of every change,
// first of the state it begins with: up, or down and why. Down wraps
// guest.ErrUnavailable, or ErrMisconfigured. A connection that broke and came
// back between two probes is told as down and up again, since operations may
// have failed and Redis may have lost its data. Operations are admitted before
// report(true) and refused before report(false); report runs on Watch's own
// goroutine and holds up the probing.
func (r *Client) Watch(ctx context.Context, report func(up bool, why error)) {
	rest := time.NewTimer(probeEvery)
	defer rest.Stop()
	w := &watch{
		ask: r.ask, pulse: pulse, losses: r.Cache.losses.Load, sent: r.sent.Load, classify: r.classify,
		report: func(up bool, why error) {
			l := r.link.Load()
			if up {
				l.turn(true)
				r.down.Store(nil)
			} else {
				r.down.Store(&why)
				if l != nil {
					l.turn(false)
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
		case <-r.suspect:
		case <-r.Cache.lost:
		case <-ctx.Done():
		}
	}
}

// watch is what the prober knows, and how it asks.
type watch struct {
	ask      func(ctx context.Context, returning bool) error // whether Redis answers
	pulse    func() (ticks <-chan time.Time, stop func())
	losses   func() int64 // connections lost so far
	sent     func() int64 // commands so far, those of the prober not among them
	classify func(error) error
	report   func(up bool, why error)

	begun bool
	up    bool
	lost  int64 // the losses that have been told
	seen  int64 // what had been sent at the last look
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

// pause is how long to wait for the next look: not long where guests may wait for
// what it finds, since Redis is used, or away. One command alone may be the beat of
// this instance.
func (w *watch) pause() time.Duration {
	sent := w.sent()
	used := sent-w.seen > 1
	w.seen = sent
	if used || !w.up {
		return probeEvery
	}
	return idleEvery
}

// check asks twice before it calls Redis down: the first failure may be that of
// a connection which had been closed while idle, or of a moment. Only where
// nobody listens any more a second question is of no use.
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

// try asks once. Its patience is counted in pulses of its own, not by the clock:
// on a machine that leaves us no time to run, the answer may have been here for
// long, and a late pulse counts no more than one that is on time. So silence is
// held against Redis only as far as we were there to hear it.
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

// pulse beats at pulseEvery; beats that nobody was there for do not come later.
func pulse() (ticks <-chan time.Time, stop func()) {
	t := time.NewTicker(pulseEvery)
	return t.C, t.Stop
}

// ask connects where that has not been done, and asks Redis over the prober's
// own connection, where nothing waits before the question. One that returns must
// also answer over the connection that is used.
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

// probe reports whether Redis answers; of a cluster, each master must, and call
// the cluster's state ok. A node that was a replica may fail.
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
