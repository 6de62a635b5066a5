package fleet

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"guestload/results"
)

// lookEvery is how often Redis is asked what it has spent: so much is lost of
// one that is killed by somebody else.
const lookEvery = time.Second

// Redis is the client of a Redis that the meter asks.
type Redis interface {
	// Connect connects unless it is connected. An error that has a method
	// Permanent() bool and returns true from it means that no later attempt can succeed.
	Connect(ctx context.Context) error
	// Info returns the answer to INFO everything of each master.
	Info(ctx context.Context) ([]string, error)
	// String is the address without user and password.
	String() string
	Close()
}

// Meter watches what a Redis spends, over its restarts: of a cluster the masters
// together.
type Meter struct {
	redis Redis
	end   context.CancelFunc
	done  sync.WaitGroup

	closing sync.Once
	closed  chan struct{} // the connections to Redis are; once closing is done

	mu struct {
		sync.Mutex
		nodes map[string]*life // by run id: each start of a process is one
		now   float64          // bytes resident of all nodes together
		peak  float64          // the most of it
	}
}

// life is one Redis process, as it was first and last seen.
type life struct{ first, last spending }

// spending is what a Redis counts since its start.
type spending struct{ cpu, commands, scripts float64 }

// newMeter begins to watch. What Redis had spent before counts for nothing; one
// that is away now and comes later counts from its start.
func newMeter(ctx context.Context, url string, open func(url string) (Redis, error)) (*Meter, error) {
	redis, err := open(url)
	if err != nil {
		return nil, err
	}
	m := &Meter{redis: redis}
	m.mu.nodes = make(map[string]*life)
	m.look(ctx)
	for _, l := range m.mu.nodes {
		l.first = l.last
	}
	watching, end := context.WithCancel(context.Background())
	m.end = end
	m.done.Go(func() { m.watch(watching) })
	return m, nil
}

// reachTime is how long Redis may take to answer before a run.
const reachTime = 4 * time.Second

// reach returns an error of one line where Redis cannot be used. The error quotes
// no password.
func (m *Meter) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	err := m.redis.Connect(ctx)
	if err == nil {
		return nil
	}
	why := strings.Join(strings.Fields(err.Error()), " ")
	var permanent interface{ Permanent() bool }
	if errors.As(err, &permanent) && permanent.Permanent() {
		return fmt.Errorf("--redis-url: the Redis at %s cannot be used: %s", m.redis, why)
	}
	return fmt.Errorf("--redis-url: no Redis answers at %s (%s): start it, or correct the URL", m.redis, why)
}

func (m *Meter) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// look notes what Redis says now; one that does not answer says nothing.
func (m *Meter) look(ctx context.Context) {
	texts, err := m.redis.Info(ctx)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var resident float64
	for _, text := range texts {
		id, s, memory := readInfo(text)
		resident += memory
		if m.mu.nodes[id] == nil {
			m.mu.nodes[id] = &life{}
		}
		m.mu.nodes[id].last = s
	}
	m.mu.now, m.mu.peak = resident, max(m.mu.peak, resident)
}

// readInfo reads the answer to INFO: the process's run id, what it has spent, and
// its resident memory in bytes. What only keeps connections alive or looks at
// Redis is no command.
func readInfo(text string) (id string, s spending, resident float64) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "run_id":
			id = value
		case "used_cpu_sys", "used_cpu_user":
			s.cpu += number(value)
		case "used_memory_rss":
			resident = number(value)
		}
		name, isCommand := strings.CutPrefix(key, "cmdstat_")
		if !isCommand {
			continue
		}
		calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
		switch name {
		case "ping", "info", "hello":
			continue
		case "eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro":
			s.scripts += number(calls)
		}
		s.commands += number(calls)
	}
	return id, s, resident
}

func number(s string) float64 {
	n, _ := strconv.ParseFloat(s, 64) // Redis writes numbers
	return n
}

// lookTime is how long Redis may take to say at the end what it has spent.
const lookTime = time.Second

// stop looks once more and ends; close follows. A second call does nothing.
func (m *Meter) stop(ctx context.Context) {
	if m.end == nil {
		return
	}
	last, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	m.look(last)
	m.end()
	m.done.Wait()
	m.end = nil
}

// close closes the connections to Redis. The client waits for seconds for one that hangs,
// and goes on doing so by itself once ctx or lookTime has passed: a run does not wait.
func (m *Meter) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	m.closing.Do(func() {
		m.closed = make(chan struct{})
		go func() {
			m.redis.Close()
			close(m.closed)
		}()
	})
	select {
	case <-m.closed:
	case <-ctx.Done():
	}
}

// usage is what was spent while the meter watched, nil where there was no Redis,
// or it never answered.
func (m *Meter) usage() *results.Usage {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.mu.nodes) == 0 {
		return nil
	}
	u := &results.Usage{RSSPeakMB: m.mu.peak / 1e6}
	for _, l := range m.mu.nodes {
		u.CPUSec += l.last.cpu - l.first.cpu
		u.CommandsPerSession += l.last.commands - l.first.commands
		u.ScriptsPerSession += l.last.scripts - l.first.scripts
	}
	return u
}
