package client

import "sync"

const (
	smallBuffer = 2 << 10
	// keptBuffer is the largest that goes back to the pool.
	keptBuffer = 64 << 10
)

// inbox is what was read and not yet understood: buf[r:w].
type inbox struct {
	buf  []byte
	r, w int
}

func (in *inbox) unread() []byte { return in.buf[in.r:in.w] }

func (in *inbox) empty() bool { return in.r == in.w }

// room returns where to read to: at least half a small buffer, made by moving
// what is unread to the front, or by growing.
func (in *inbox) room() []byte {
	if in.r > 0 {
		in.w = copy(in.buf, in.unread())
		in.r = 0
	}
	if len(in.buf)-in.w < smallBuffer/2 {
		grown := make([]byte, 2*len(in.buf))
		copy(grown, in.buf[:in.w])
		in.buf = grown
	}
	return in.buf[in.w:]
}

// inboxes lends inboxes to connections that have something to read.
type inboxes struct{ pool sync.Pool }

func (p *inboxes) get() *inbox {
	if in, ok := p.pool.Get().(*inbox); ok {
		return in
	}
	return &inbox{buf: make([]byte, smallBuffer)}
}

func (p *inboxes) put(in *inbox) {
	if len(in.buf) <= keptBuffer {
		in.r, in.w = 0, 0
		p.pool.Put(in)
	}
}

// buffers lends memory to build frames in.
type buffers struct{ pool sync.Pool }

func (p *buffers) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, smallBuffer)
	return &b
}

func (p *buffers) put(b *[]byte) {
	if cap(*b) <= keptBuffer {
		p.pool.Put(b)
	}
}
