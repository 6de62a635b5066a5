package session

import (
	"fmt"
	"sync"
	"time"
)

// maxFailures bounds the descriptions; all failures are counted elsewhere.
const maxFailures = 20

// firstFailures keeps the first failure of each operation and kind.
type firstFailures struct {
	mu struct {
		sync.Mutex
		seen map[[2]string]bool
		list []string
	}
}

func (s *firstFailures) add(what, kind string, guest int, at time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]string{what, kind}
	if s.mu.seen[key] || len(s.mu.list) == maxFailures {
		return
	}
	if s.mu.seen == nil {
		s.mu.seen = make(map[[2]string]bool)
	}
	s.mu.seen[key] = true
	s.mu.list = append(s.mu.list, fmt.Sprintf("first %s of %s: guest %d after %v: %v", kind, what, guest, at.Round(time.Millisecond), err))
}

func (s *firstFailures) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mu.list...)
}
