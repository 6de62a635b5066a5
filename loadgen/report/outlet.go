package report

import (
	"context"
	"io"
	"sync"
)

// Outlet writes to an output that may be slow, stopped (Ctrl-S, a reader that does
// not read) or gone, without ever making its user wait: what is written is written
// on in the background, in its order. Safe for concurrent use.
type Outlet struct {
	mu struct {
		sync.Mutex
		pending []byte
		writing bool
		err     error         // the first; nothing is written after it
		idle    chan struct{} // closed when nothing is pending
	}
	out io.Writer
}

// NewOutlet returns an outlet to out.
func NewOutlet(out io.Writer) *Outlet {
	o := &Outlet{out: out}
	o.mu.idle = make(chan struct{})
	close(o.mu.idle)
	return o
}

// Write takes b over and returns at once. The error is the first that an earlier
// write had.
func (o *Outlet) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mu.err != nil {
		return 0, o.mu.err
	}
	o.mu.pending = append(o.mu.pending, b...)
	if !o.mu.writing && len(b) > 0 {
		o.mu.writing, o.mu.idle = true, make(chan struct{})
		go o.write()
	}
	return len(b), nil
}

// write writes until nothing is pending.
func (o *Outlet) write() {
	for {
		o.mu.Lock()
		b := o.mu.pending
		o.mu.pending = nil
		if len(b) == 0 || o.mu.err != nil {
			o.mu.writing = false
			close(o.mu.idle)
			o.mu.Unlock()
			return
		}
		o.mu.Unlock()
		if _, err := o.out.Write(b); err != nil {
			o.mu.Lock()
			o.mu.err = err
			o.mu.Unlock()
		}
	}
}

// Busy reports that something is still to be written.
func (o *Outlet) Busy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.writing
}

// Flush waits until all is written, or ctx ends. The error is the first that a write
// had, or that of ctx.
func (o *Outlet) Flush(ctx context.Context) error {
	o.mu.Lock()
	idle := o.mu.idle
	o.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.err
}
