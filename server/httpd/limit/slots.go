package limit

import "sync"

// Slots counts what is held at the same time, by key and in total. It
// remembers only keys that hold something. Safe for concurrent use.
type Slots[K comparable] struct {
	perKey, total int // 0: no limit

	mu struct {
		sync.Mutex
		held  map[K]int
		total int
	}
}

// Verdict says which limit, if any, stands against one more slot.
type Verdict int

// The verdicts of Acquire.
const (
	Granted Verdict = iota
	KeyFull
	TotalFull
)

// NewSlots returns slots of which one key may hold perKey and all together
// total; 0 means no limit.
func NewSlots[K comparable](perKey, total int) *Slots[K] {
	s := &Slots[K]{perKey: perKey, total: total}
	s.mu.held = make(map[K]int)
	return s
}

// Acquire takes a slot for key. Each one that is granted must be released once.
func (s *Slots[K]) Acquire(key K) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.verdict(key); v != Granted {
		return v
	}
	s.mu.held[key]++
	s.mu.total++
	return Granted
}

// Release gives one of key's slots back.
func (s *Slots[K]) Release(key K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch held := s.mu.held[key]; held {
	case 0:
		return // a release too many must not lend somebody else's slot
	case 1:
		delete(s.mu.held, key)
	default:
		s.mu.held[key] = held - 1
	}
	s.mu.total--
}

// Held returns how many slots are taken.
func (s *Slots[K]) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.total
}

// Room says what Acquire would answer now, and takes nothing.
func (s *Slots[K]) Room(key K) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verdict(key)
}

func (s *Slots[K]) verdict(key K) Verdict {
	switch {
	case s.total > 0 && s.mu.total >= s.total:
		return TotalFull
	case s.perKey > 0 && s.mu.held[key] >= s.perKey:
		return KeyFull
	}
	return Granted
}
