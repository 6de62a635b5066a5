package matcher

import (
	"testing"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// rig is one Redis, and a way to start instances on it.
type rig struct{ redistest.Rig }

// instance is what one server process has of Redis.
type instance struct {
	name    string
	redis   *redis.Client
	matcher *Matcher
}

func (i *instance) link() *redis.Link {
	l, err := i.redis.Up()
	if err != nil {
		panic(err)
	}
	return l
}

// TestMatcher runs everything against every kind of Redis.
func TestMatcher(t *testing.T) {
	tests := []struct {
		name string
		run  func(*testing.T, rig)
	}{
		{"guests are matched first come, first served", testMatching},
		{"a search after a lost answer finds its pair", testSearchAgain},
		{"two instances match two thousand once each", testMatchStorm},
		{"what is not so any more is pruned", testPurge},
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
	return &instance{name: "i-" + uuid.NewString(), redis: conn, matcher: New(conn)}
}

func (i *instance) searcher(id string) guest.Searcher {
	return guest.Searcher{ID: id, Username: "u_" + id, Instance: i.name}
}
