package failover

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// rarely logs what is the same over and over: at once when it is new, and then once a
// minute, with how often it has come since.
type rarely struct {
	log *slog.Logger
	mu  struct {
		sync.Mutex
		said map[string]*said
	}
}

// said is what was logged under a key.
type said struct {
	at     time.Time
	left   int // how often it may be logged yet in this minute
	silent int // how often it came since
}

// repeatAfter is when the same is logged again.
const repeatAfter = time.Minute

// say logs under a key, at most so many times a minute.
func (r *rarely) say(level slog.Level, key string, most int, message string, args ...any) {
	now := time.Now()
	r.mu.Lock()
	if r.mu.said == nil {
		r.mu.said = make(map[string]*said)
	}
	s := r.mu.said[key]
	if s == nil || now.Sub(s.at) >= repeatAfter {
		if s != nil && s.silent > 0 {
			args = append(args, "repeated", s.silent)
		}
		s = &said{at: now, left: most}
		r.mu.said[key] = s
	}
	s.left--
	if s.left < 0 {
		s.silent++
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	r.log.Log(context.Background(), level, message, args...)
}
