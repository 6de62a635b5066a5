package client

import (
	"context"
	"net"
	"sync"
)

// tethers end connections with their context. All of one context hang together
// behind one function that waits for it: a function for each would take as much
// memory as the connection itself. Safe for concurrent use.
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
	first *conn
}

// tether is a connection's part of it, guarded by tethers.
type tether struct {
	post       *post // nil: not tied
	next, prev *conn
}

// tie resets c when ctx ends, unless it is untied before.
func (t *tethers) tie(ctx context.Context, c *conn) {
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
func (t *tethers) untie(c *conn) {
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
