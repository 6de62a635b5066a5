package target

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"guestload/loadgen/session"
)

const (
	// askTime is how long /health and /metrics of a target may each take. They are asked
	// before a run and after it, so a silent target prolongs it by so much.
	askTime = time.Second
	// countsTime is how long the target's counts may take, over all of its instances.
	countsTime = 2 * time.Second
)

const (
	statsPath   = "/api/users/stats"
	socketsPath = "/api/socket/stats"
)

// unknownWithout is what stays unknown without the response to each request.
var unknownWithout = []struct{ path, what string }{
	{"/health", "how the target stores its guests"},
	{"/metrics", "what the server used"},
	{statsPath, "whether anything was left behind at the end"},
	{socketsPath, "whether sockets or rooms were left behind at the end"},
}

// unanswered is what a target did not answer in time. Safe for concurrent use.
type unanswered struct {
	mu struct {
		sync.Mutex
		after map[string]time.Duration // by path
	}
}

// note notes a request that failed with err after its time limit. A request that an interrupt
// of ctx cut short says nothing about the target.
func (s *unanswered) note(ctx context.Context, path string, after time.Duration, err error) {
	if errors.Is(ctx.Err(), context.Canceled) || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, session.ErrTimeout) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.after == nil {
		s.mu.after = map[string]time.Duration{}
	}
	s.mu.after[path] = after
}

// Unread says what is unknown because the target did not answer.
func (t *Target) Unread() (all []string) {
	t.unanswered.mu.Lock()
	defer t.unanswered.mu.Unlock()
	for _, u := range unknownWithout {
		if after, silent := t.unanswered.mu.after[u.path]; silent {
			all = append(all, fmt.Sprintf("GET %s was not answered within %v: %s may not be known", t.Path(u.path), after, u.what))
		}
	}
	return all
}
