package presence

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redis/matcher"
	"guestload/server/store/redis/sessions"
	"guestload/server/store/redistest"
)

// rig is one Redis, and a way to start instances on it.
type rig struct{ redistest.Rig }

// instance is what one server process has of Redis.
type instance struct {
	name     string
	redis    *redis.Client
	sessions *sessions.Store
	presence *Presence
	matcher  *matcher.Matcher
}

func (i *instance) link() *redis.Link {
	l, err := i.redis.Up()
	if err != nil {
		panic(err)
	}
	return l
}

func (i *instance) keys() redis.Keys { return i.link().Keys }

// TestPresence runs everything against every kind of Redis.
func TestPresence(t *testing.T) {
	tests := []struct {
		name string
		run  func(*testing.T, rig)
	}{
		{"a document that is not ours harms nobody else", testForeignDocuments},
		{"presence follows the latest socket", testPresence},
		{"the online list is stable under change", testOnlinePages},
		{"the online list is read from copies", testOnlineCopies},
		{"the counter is never below zero", testCounter},
		{"statistics count what there is", testStats},
		{"keys of other programs are no sessions", testForeignKeys},
		{"no request scans the keys", testNoScans},
		{"a dead instance is cleaned up after", testReaping},
		{"an instance that comes back is told", testComeback},
		{"an instance that is back in the middle of its cleaning keeps the rest", testComebackMidway},
		{"the sweep finds ghosts", testSweep},
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
	i := &instance{name: "i-" + uuid.NewString(), redis: conn, sessions: sessions.New(conn, time.Now), matcher: matcher.New(conn)}
	i.presence = New(conn, i.name, i.sessions, i.matcher)
	redistest.Eventually(tb, 10*time.Second, "a lease", func() bool { _, err := i.presence.Beat(tb.Context()); return err == nil })
	return i
}

func (i *instance) create(tb testing.TB) guest.Session {
	tb.Helper()
	g := redistest.NewGuest()
	redistest.Must(tb, i.sessions.Create(tb.Context(), g))
	return g
}

// join is what a server does when a guest's socket has been opened.
func (i *instance) join(tb testing.TB) guest.Session {
	tb.Helper()
	g := i.create(tb)
	_, _, err := i.presence.Join(tb.Context(), g.SessionID)
	redistest.Must(tb, err)
	g, err = i.sessions.Patch(tb.Context(), g.SessionID, guest.Patch{
		Fields: guest.FieldIsOnline | guest.FieldSocketID,
		To:     guest.Session{IsOnline: true, SocketID: "socket_" + uuid.NewString()},
	})
	redistest.Must(tb, err)
	return g
}

func (i *instance) searcher(id string) guest.Searcher {
	return guest.Searcher{ID: id, Username: "u_" + id, Instance: i.name}
}
