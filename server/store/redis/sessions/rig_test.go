package sessions

import (
	"testing"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// rig is one Redis, and a way to start instances on it.
type rig struct{ redistest.Rig }

// instance is what one server process has of Redis.
type instance struct {
	redis    *redis.Client
	sessions *Store
}

// TestSessions runs everything against every kind of Redis.
func TestSessions(t *testing.T) {
	tests := []struct {
		name string
		run  func(*testing.T, rig)
	}{
		{"sessions are kept, changed and dropped", testSessionLife},
		{"a patch leaves all else byte for byte", testPatchBytes},
		{"a document that is known is swapped", testCompareAndSet},
		{"a change by another client is seen at once", testForeignChange},
		{"concurrent patches are all kept", testConcurrentPatches},
		{"own writes are never read stale", testOwnReads},
		{"restoring lets the later lastSeen win", testRestore},
		{"a deleted session cannot be written again", testDeleted},
	}
	redistest.OnEach(t, func(t *testing.T, r redistest.Rig) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r.Flush(t)
				tt.run(t, rig{r})
			})
		}
	})
}

func (r rig) start(tb testing.TB) *instance {
	tb.Helper()
	conn, err := redis.New(r.URL)
	conn = redistest.Connect(tb, conn, err)
	return &instance{redis: conn, sessions: New(conn, time.Now)}
}

func (i *instance) create(tb testing.TB) guest.Session {
	tb.Helper()
	g := redistest.NewGuest()
	redistest.Must(tb, i.sessions.Create(tb.Context(), g))
	return g
}
