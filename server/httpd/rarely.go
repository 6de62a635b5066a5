package httpd

import (
	"sync/atomic"
	"time"
)

// rarely spaces out log lines that clients can provoke.
type rarely struct {
	every time.Duration // 0: a minute
	last  atomic.Int64  // Unix nanoseconds; 0 for never
}

// due reports whether it is time for the next line, and if so notes that it is written.
func (r *rarely) due(now time.Time) bool {
	every := r.every
	if every == 0 {
		every = time.Minute
	}
	last := r.last.Load()
	if last != 0 && now.UnixNano()-last < int64(every) {
		return false
	}
	return r.last.CompareAndSwap(last, now.UnixNano())
}
