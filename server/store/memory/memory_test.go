package memory_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/realtime/realtimetest"
	"guestload/server/store/memory"
)

// clock is a time that a test moves.
type clock struct {
	mu struct {
		sync.Mutex
		now time.Time
	}
}

func newClock() *clock {
	c := new(clock)
	c.mu.now = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	return c
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.now = c.mu.now.Add(d)
}

func TestMemoryKeepsTheContract(t *testing.T) {
	realtimetest.Run(t, func(*testing.T) realtimetest.Harness {
		c := newClock()
		m := memory.New("here", c.Now)
		return realtimetest.Harness{
			Instances: []realtimetest.Instance{{Name: "here", Sessions: m.Sessions, Presence: m.Presence, Matcher: m.Matcher}},
			Age:       func(_ string, d time.Duration) { c.advance(d) },
		}
	})
}

func TestSweepDropsWhatHasExpired(t *testing.T) {
	c := newClock()
	m := memory.New("here", c.Now)
	create := func() guest.Session {
		s := guest.New(uuid.NewString(), "Bob", guest.Profile{}, c.Now())
		if err := m.Sessions.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	check := func(dropped, alive int) {
		t.Helper()
		if got := m.Sessions.Sweep(); got != dropped {
			t.Errorf("%d dropped, want %d", got, dropped)
		}
		if got, err := m.Presence.Stats(t.Context()); err != nil || got.TotalUsers != alive {
			t.Errorf("%d alive, %v; want %d", got.TotalUsers, err, alive)
		}
	}
	for range 100 {
		create()
	}
	active := create()
	c.advance(guest.Lifetime - 1)
	check(0, 101)
	if _, err := m.Sessions.Patch(t.Context(), active.SessionID, guest.Profile{}.Patch(c.Now())); err != nil {
		t.Fatal(err)
	}
	create()
	c.advance(1)
	check(100, 2)
	check(0, 2)
	if _, err := m.Sessions.Get(t.Context(), active.SessionID); err != nil {
		t.Errorf("an active session was dropped: %v", err)
	}
}

// Pair ids name rooms in logs and on other instances: those of a process that
// was started again, under the same name, are others.
func TestPairIDsAreUniqueOverRestarts(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		m := memory.New("here", time.Now)
		for range 2 {
			for _, id := range []string{"guest_a", "guest_b"} {
				pair, err := m.Matcher.Search(t.Context(), guest.Searcher{ID: id})
				if err != nil {
					t.Fatal(err)
				}
				if pair.ID != "" && (seen[pair.ID] || !strings.HasPrefix(pair.ID, "here-")) {
					t.Errorf("pair id %q", pair.ID)
				}
				seen[pair.ID] = true
			}
			if _, err := m.Matcher.Leave(t.Context(), "guest_a"); err != nil {
				t.Fatal(err)
			}
		}
	}
}
