package client

import (
	"context"
	"net"
	"sync"
)

// cancelGroups reset connections when their context ends, those of guests and those of
// the HTTP pool. One function waits for each context: a function for each connection
// would take as much memory as the connection itself. Safe for concurrent use.
type cancelGroups struct {
	mu struct {
		sync.Mutex
		groups map[<-chan struct{}]*cancelGroup // by Done of the context
	}
}

// cancelGroup is all connections that end with one context.
type cancelGroup struct {
	done  <-chan struct{}
	stop  func() bool
	first *stream
}

// membership is a connection's part of its group, guarded by cancelGroups.
type membership struct {
	of         *cancelGroup // nil: none; only whoever uses the connection changes it
	next, prev *stream
}

// follow moves c, which no other goroutine uses, from the group that it is in to that of
// ctx. It returns false if the former has ended, and c with it.
func (t *cancelGroups) follow(ctx context.Context, c *stream) bool {
	if p := c.group.of; p != nil {
		if p.done == ctx.Done() {
			return true // requests of all guests share one context
		}
		if t.leave(c); p.cancelled() {
			return false
		}
	}
	t.join(ctx, c)
	return true
}

// cancelled reports whether the context has ended.
func (p *cancelGroup) cancelled() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// join resets c when ctx ends, unless it leaves before.
func (t *cancelGroups) join(ctx context.Context, c *stream) {
	done := ctx.Done()
	if done == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.mu.groups[done]
	if p == nil {
		p = &cancelGroup{done: done}
		p.stop = context.AfterFunc(ctx, func() { t.cancel(p) })
		if t.mu.groups == nil {
			t.mu.groups = make(map[<-chan struct{}]*cancelGroup)
		}
		t.mu.groups[done] = p
	}
	c.group = membership{of: p, next: p.first}
	if p.first != nil {
		p.first.group.prev = c
	}
	p.first = c
}

// leave lets c outlive its context.
func (t *cancelGroups) leave(c *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, next, prev := c.group.of, c.group.next, c.group.prev
	if p == nil {
		return
	}
	c.group = membership{}
	if next != nil {
		next.group.prev = prev
	}
	if prev != nil {
		prev.group.next = next
		return
	}
	if p.first = next; next == nil {
		p.stop()
		t.drop(p)
	}
}

// cancel resets all members of p.
func (t *cancelGroups) cancel(p *cancelGroup) {
	t.mu.Lock()
	t.drop(p) // whoever joins from now on needs another
	var members []net.Conn
	for c := p.first; c != nil; c = c.group.next {
		members = append(members, c.nc)
	}
	t.mu.Unlock()
	for _, nc := range members {
		reset(nc)
	}
}

// drop forgets p. The lock is held.
func (t *cancelGroups) drop(p *cancelGroup) {
	if t.mu.groups[p.done] == p {
		delete(t.mu.groups, p.done)
	}
}
