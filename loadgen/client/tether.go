package client

import (
	"context"
	"net"
	"sync"
)

// tethers end connections with their context, those of guests and those of the HTTP
// pool. All of one context hang together behind one function that waits for it: a
// function for each would take as much memory as the connection itself. Safe for
// concurrent use.
type tethers struct {
	mu struct {
		sync.Mutex
		posts map[<-chan struct{}]*post // by Done of the context
	}
}

// post is what the connections of one context are tied to.
type post struct {
	done  <-chan struct{}
	stop  func() bool
	first *stream
}

// tether is a connection's part of it, guarded by tethers.
type tether struct {
	post       *post // nil: not tied; only whoever uses the connection changes it
	next, prev *stream
}

// follow ties c, which no other goroutine uses, to ctx in place of the context that it
// was tied to before. It returns false if that has ended, and c with it.
func (t *tethers) follow(ctx context.Context, c *stream) bool {
	if p := c.tether.post; p != nil {
		if p.done == ctx.Done() {
			return true // requests of all guests share one context
		}
		if t.untie(c); p.pulled() {
			return false
		}
	}
	t.tie(ctx, c)
	return true
}

// pulled reports whether the context has ended.
func (p *post) pulled() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// tie resets c when ctx ends, unless it is untied before.
func (t *tethers) tie(ctx context.Context, c *stream) {
	done := ctx.Done()
	if done == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.mu.posts[done]
	if p == nil {
		p = &post{done: done}
		p.stop = context.AfterFunc(ctx, func() { t.pull(p) })
		if t.mu.posts == nil {
			t.mu.posts = make(map[<-chan struct{}]*post)
		}
		t.mu.posts[done] = p
	}
	c.tether = tether{post: p, next: p.first}
	if p.first != nil {
		p.first.tether.prev = c
	}
	p.first = c
}

// untie lets c outlive its context.
func (t *tethers) untie(c *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, next, prev := c.tether.post, c.tether.next, c.tether.prev
	if p == nil {
		return
	}
	c.tether = tether{}
	if next != nil {
		next.tether.prev = prev
	}
	if prev != nil {
		prev.tether.next = next
		return
	}
	if p.first = next; next == nil {
		p.stop()
		t.drop(p)
	}
}

// pull resets all that is tied to p.
func (t *tethers) pull(p *post) {
	t.mu.Lock()
	t.drop(p) // whoever is tied from now on needs another
	var tied []net.Conn
	for c := p.first; c != nil; c = c.tether.next {
		tied = append(tied, c.nc)
	}
	t.mu.Unlock()
	for _, nc := range tied {
		reset(nc)
	}
}

// drop forgets p. The lock is held.
func (t *tethers) drop(p *post) {
	if t.mu.posts[p.done] == p {
		delete(t.mu.posts, p.done)
	}
}
