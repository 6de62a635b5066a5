package scale

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"guestload/server/api"
)

const (
	chats     = 50                    // that go on beside the crowd
	saidEvery = 50 * time.Millisecond // in each chat
	// restless is how often somebody is created, so that there is something to tell.
	restless = 100 * time.Millisecond
	// slot is how exactly it is kept when statistics were heard.
	slot = 20 * time.Millisecond
	// growing is more than the crowd takes to come.
	growing = 2 * time.Minute
)

// Delays are those of chat messages, from due to heard, at the 99th percentile.
type Delays struct {
	During, Between time.Duration // while statistics were heard by anybody, and while not
	Messages        [2]int        // during and between
	Told            int64         // statistics that the crowd heard
}

// Broadcasts measures, for a while, how long the messages of some chats take among
// so many guests, all of whom are told the statistics.
func (a *Setup) Broadcasts(ctx context.Context, size int, length time.Duration) (d Delays, err error) {
	p, err := a.serve(ctx)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	c := NewCrowd(p.Address, false)
	defer c.Leave()
	t := &talk{began: time.Now(), told: make([]atomic.Bool, (length+growing)/slot)}
	var speakers []*Guest
	for range chats {
		g, err := t.meet(ctx, c)
		if err != nil {
			return d, fmt.Errorf("meet: %w", err)
		}
		speakers = append(speakers, g)
	}
	if err := c.Grow(ctx, size, t.overhear); err != nil {
		return d, err
	}
	during, stop := context.WithTimeout(ctx, length)
	defer stop()
	failed := make(chan error, chats+1)
	var work sync.WaitGroup
	work.Go(func() { failed <- comeOften(during, p.Address) })
	for i, g := range speakers {
		work.Go(func() { failed <- speak(during, g, time.Duration(i)*saidEvery/chats) })
	}
	work.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	return t.delays(), errors.Join(err, ctx.Err())
}

// talk is what was heard.
type talk struct {
	began time.Time
	told  []atomic.Bool // by slots since then: statistics were heard by one of the crowd
	stats atomic.Int64
	mu    struct {
		sync.Mutex
		heard []heard
	}
}

type heard struct{ due, delay time.Duration }

var (
	statsHead   = []byte(`{"event":"` + api.EventStats + `"`)
	matchedHead = []byte(`{"event":"` + api.EventMatched + `"`)
	messageHead = []byte(`{"event":"` + api.EventChatMessage + `"`)
	waitingHead = []byte(`{"event":"` + api.EventNoUsers + `"`)
)

// overhear is what one of the crowd does.
func (t *talk) overhear(payload []byte) {
	if bytes.HasPrefix(payload, statsHead) {
		t.stats.Add(1)
		if i := int(time.Since(t.began) / slot); i < len(t.told) {
			t.told[i].Store(true)
		}
	}
}

// meet lets two guests come and find each other, and returns the one who speaks.
func (t *talk) meet(ctx context.Context, c *Crowd) (*Guest, error) {
	waits, matched := make(chan struct{}, 1), make(chan struct{}, 1)
	speaker, err := c.Add(func(payload []byte) {
		switch {
		case bytes.HasPrefix(payload, waitingHead):
			waits <- struct{}{}
		case bytes.HasPrefix(payload, matchedHead):
			matched <- struct{}{}
		}
	})
	if err != nil {
		return nil, err
	}
	listener, err := c.Add(func(payload []byte) {
		if bytes.HasPrefix(payload, messageHead) {
			t.hear(payload)
		}
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for _, step := range []struct {
		who  *Guest
		told chan struct{}
	}{{speaker, waits}, {listener, matched}} {
		if err := step.who.Say(api.EventMatch, nil); err != nil {
			return nil, err
		}
		select {
		case <-step.told:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return speaker, nil
}

// A message says when it was due, in nanoseconds since the epoch, between two marks.
const mark = "@"

func (t *talk) hear(payload []byte) {
	now := time.Now()
	_, after, _ := bytes.Cut(payload, []byte(mark))
	digits, _, _ := bytes.Cut(after, []byte(mark))
	nanos, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return // counted as not heard
	}
	due := time.Unix(0, nanos)
	t.mu.Lock()
	t.mu.heard = append(t.mu.heard, heard{due.Sub(t.began), now.Sub(due)})
	t.mu.Unlock()
}

// speak says something every now and then until ctx ends.
func speak(ctx context.Context, g *Guest, offset time.Duration) error {
	due := time.Now().Add(offset)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(due)):
		}
		text := fmt.Sprintf("%s%d%[1]s%032d", mark, due.UnixNano(), 0)
		if err := g.Say(api.EventChatMessage, api.AppendText(nil, text)); err != nil {
			return err
		}
		due = due.Add(saidEvery)
	}
}

// comeOften creates sessions until ctx ends.
func comeOften(ctx context.Context, address string) error {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	tick := time.NewTicker(restless)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := Create(conn); err != nil {
			return err
		}
	}
}

func (t *talk) delays() (d Delays) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var kinds [2][]time.Duration
	for _, h := range t.mu.heard {
		kind := 1
		for i := int(h.due/slot) - 1; i <= int((h.due+h.delay)/slot)+1; i++ {
			if 0 <= i && i < len(t.told) && t.told[i].Load() {
				kind = 0
			}
		}
		kinds[kind] = append(kinds[kind], h.delay)
	}
	for i, to := range []*time.Duration{&d.During, &d.Between} {
		if n := len(kinds[i]); n > 0 {
			slices.Sort(kinds[i])
			*to = kinds[i][n*99/100]
		}
		d.Messages[i] = len(kinds[i])
	}
	d.Told = t.stats.Load()
	return d
}
