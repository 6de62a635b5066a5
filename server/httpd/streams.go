package httpd

import (
	"context"
	"fmt"
	"sync"
)

// streams are the sockets that are open.
type streams struct {
	mu struct {
		sync.Mutex
		closed   bool
		open     int
		nameless map[*stream]struct{} // have not said whose they are yet
		empty    chan struct{}        // closed when the last is gone, while somebody waits
	}
}

// enter counts a socket in, and reports whether it may stay. It must leave
// either way.
func (t *streams) enter(st *stream) bool {
	t.mu.Lock()
	t.mu.open++
	t.mu.Unlock()
	return t.unnamed(st)
}

// unnamed notes that the socket is nobody's, and reports whether it may stay.
func (t *streams) unnamed(st *stream) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.closed {
		return false
	}
	if t.mu.nameless == nil {
		t.mu.nameless = make(map[*stream]struct{})
	}
	t.mu.nameless[st] = struct{}{}
	return true
}

// named notes that the Node takes care of the socket from here.
func (t *streams) named(st *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.mu.nameless, st)
}

func (t *streams) leave(st *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.mu.nameless, st)
	if t.mu.open--; t.mu.open == 0 && t.mu.empty != nil {
		close(t.mu.empty)
		t.mu.empty = nil
	}
}

// turnAway takes no more sockets, and closes those that are nobody's yet.
func (t *streams) turnAway() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.closed = true
	for st := range t.mu.nameless {
		st.goAway()
	}
}

func (t *streams) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.mu.open == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.mu.empty == nil {
		t.mu.empty = make(chan struct{})
	}
	empty, open := t.mu.empty, t.mu.open
	t.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d sockets are still open: %w", open, ctx.Err())
	}
}
