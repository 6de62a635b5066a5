package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// A trip to Redis costs it more than most commands do: it is woken, reads, and
// writes. So single commands share trips. One goes at once where none has gone
// within tripEvery, and else with all that come until then, or when tripSize wait.
const (
	tripEvery = time.Millisecond
	tripSize  = 8
)

// tripClient is a client whose single commands share trips, and which counts what
// it sends. Cached reads are sent at once, and counted by their cache.
type tripClient struct {
	rueidis.Client
	sent *atomic.Int64

	mu struct {
		sync.Mutex
		waiting []*tripCall
		last    time.Time // when the last trip began
	}
}

// tripCall is a command on its way, and where its result goes.
type tripCall struct {
	command rueidis.Completed
	result  chan rueidis.RedisResult
}

// Do sends a command, soon. One that may take longer than the others goes alone.
func (t *tripClient) Do(ctx context.Context, command rueidis.Completed) rueidis.RedisResult {
	t.sent.Add(1)
	now := time.Now()
	if until, ok := ctx.Deadline(); !ok || until.Sub(now) > replyTimeout {
		return t.Client.Do(ctx, command)
	}
	t.mu.Lock()
	rest := tripEvery - now.Sub(t.mu.last)
	if len(t.mu.waiting) == 0 && rest <= 0 {
		t.mu.last = now
		t.mu.Unlock()
		return t.Client.Do(ctx, command)
	}
	c := &tripCall{command, make(chan rueidis.RedisResult, 1)}
	t.mu.waiting = append(t.mu.waiting, c)
	switch len(t.mu.waiting) {
	case 1:
		time.AfterFunc(rest, t.leave)
	case tripSize:
		calls := t.take(now)
		t.mu.Unlock()
		t.send(calls)
		return <-c.result
	}
	t.mu.Unlock()
	select {
	case result := <-c.result:
		return result
	case <-ctx.Done():
		return rueidis.NewErrorResult(ctx.Err())
	}
}

// leave begins a trip with who waits.
func (t *tripClient) leave() {
	t.mu.Lock()
	calls := t.take(time.Now())
	t.mu.Unlock()
	if len(calls) > 0 {
		t.send(calls)
	}
}

// take returns who waits, for a trip that begins now. The caller holds t.mu.
func (t *tripClient) take(now time.Time) []*tripCall {
	calls := t.mu.waiting
	t.mu.waiting, t.mu.last = nil, now
	return calls
}

// send makes the trip. What each caller allows for the answer has begun already,
// so nobody waits longer for it than a single command may.
func (t *tripClient) send(calls []*tripCall) {
	ctx, cancel := context.WithTimeout(context.Background(), replyTimeout)
	defer cancel()
	commands := make(rueidis.Commands, len(calls))
	for i, c := range calls {
		commands[i] = c.command
	}
	for i, result := range t.Client.DoMulti(ctx, commands...) {
		calls[i].result <- result
	}
}

// DoMulti sends commands in a trip of their own.
func (t *tripClient) DoMulti(ctx context.Context, commands ...rueidis.Completed) []rueidis.RedisResult {
	t.sent.Add(int64(len(commands)))
	return t.Client.DoMulti(ctx, commands...)
}

// Nodes are the clients of single nodes, counted together.
func (t *tripClient) Nodes() map[string]rueidis.Client {
	nodes := t.Client.Nodes()
	for addr, node := range nodes {
		nodes[addr] = &tripClient{Client: node, sent: t.sent}
	}
	return nodes
}
