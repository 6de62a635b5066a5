package session

import (
	"fmt"
	"sync"
	"time"
)

// maxStories bounds what is told; all failures are counted elsewhere.
const maxStories = 20

// stories keeps the first failure of each operation and kind.
type stories struct {
	mu struct {
		sync.Mutex
		told map[[2]string]bool
		list []string
	}
}

func (s *stories) add(what, kind string, guest int, at time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]string{what, kind}
	if s.mu.told[key] || len(s.mu.list) == maxStories {
		return
	}
	if s.mu.told == nil {
		s.mu.told = make(map[[2]string]bool)
	}
	s.mu.told[key] = true
	s.mu.list = append(s.mu.list, fmt.Sprintf("first %s of %s: guest %d after %v: %v", kind, what, guest, at.Round(time.Millisecond), err))
}

func (s *stories) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mu.list...)
}
