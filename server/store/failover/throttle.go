package failover

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// throttledLog logs repeated lines rarely: at once when new, then once a minute, with the
// number of repetitions.
type throttledLog struct {
	to *slog.Logger
	mu struct {
		sync.Mutex
		logged map[string]*logged
	}
}

// logged is what was logged under a key.
type logged struct {
	at         time.Time
	left       int // how many more lines this minute may have
	suppressed int // since then
}

// repeatAfter is when the same line is logged again.
const repeatAfter = time.Minute

// log logs under a key, at most so many lines a minute.
func (t *throttledLog) log(level slog.Level, key string, most int, message string, args ...any) {
	now := time.Now()
	t.mu.Lock()
	if t.mu.logged == nil {
		t.mu.logged = make(map[string]*logged)
	}
	l := t.mu.logged[key]
	if l == nil || now.Sub(l.at) >= repeatAfter {
		if l != nil && l.suppressed > 0 {
			args = append(args, "repeated", l.suppressed)
		}
		l = &logged{at: now, left: most}
		t.mu.logged[key] = l
	}
	l.left--
	if l.left < 0 {
		l.suppressed++
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	t.to.Log(context.Background(), level, message, args...)
}
