// Package realtimetest is the contract of a store as a test suite: what the ports
// of package realtime promise, tested on every implementation alike.
package realtimetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/realtime"
)

// Matcher is realtime.Matcher without Restore, which has tests where it is implemented.
type Matcher interface {
	Search(ctx context.Context, s guest.Searcher) (guest.Pair, error)
	Leave(ctx context.Context, id string) (guest.Pair, error)
	LeaveAt(ctx context.Context, id, instance string) (guest.Pair, error)
	Move(ctx context.Context, id, pair, instance string) (moved bool, err error)
}

// Instance is what one server process holds of a store.
type Instance struct {
	Name     string
	Sessions realtime.Sessions
	Presence realtime.Presence
	Matcher  Matcher
}

// Harness is a store under test: empty, and of its own for each test.
type Harness struct {
	// Instances share one backend. A store that is shared gives two or more; one
	// that lives in a single process gives one, and is spared what takes two.
	Instances []Instance
	// Age lets d pass for a session, as if nothing had happened to it meanwhile.
	// It may let time pass for others too.
	Age func(sessionID string, d time.Duration)
}

// first and other are two instances, the same one twice where there is but one.
func (h Harness) first() Instance { return h.Instances[0] }
func (h Harness) other() Instance { return h.Instances[len(h.Instances)-1] }

// Run asks a store everything. open is called once a test, and once before, to
// see whether the store is shared.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	isShared := len(open(t).Instances) > 1
	for _, c := range []struct {
		name   string
		shared bool // takes two instances
		test   func(t *testing.T, h Harness)
	}{
		{"session is read as it was created", false, sessionIsReadAsCreated},
		{"session ids are unique", false, sessionIDsAreUnique},
		{"missing sessions are not found", false, missingSessions},
		{"patch changes the named fields alone", false, patchChangesNamedFields},
		{"patches of many sessions at once", false, patchesOfMany},
		{"concurrent patches lose nothing", false, concurrentPatches},
		{"own writes are read", false, ownWritesAreRead},
		{"activity renews a session", false, activityRenews},
		{"expired sessions are gone", false, expiredSessionsAreGone},
		{"ids of expired sessions are free", false, expiredIDsAreFree},

		{"presence is idempotent", false, presenceIsIdempotent},
		{"presence takes session ids only", false, presenceTakesSessionIDs},
		{"many leave at once", false, manyLeaveAtOnce},
		{"guest belongs to the latest instance", true, guestBelongsToLatest},
		{"pages list everybody once", false, pagesListEverybody},
		{"pages are stable while others come and go", false, pagesAreStable},
		{"pages show current sessions", false, pagesShowCurrentSessions},
		{"bad cursors and limits are refused", false, badPagesAreRefused},
		{"stats count", false, statsCount},

		{"matcher does as its model", false, matcherDoesAsItsModel},
		{"the last partner is avoided", false, theLastPartnerIsAvoided},
		{"searching again keeps the place", false, searchingAgainKeepsPlace},
		{"searching in a pair returns it", false, searchingInAPair},
		{"leaving is told once", false, leavingIsToldOnce},
		{"leaving an instance leaves what is recorded for it", false, leavingAnInstance},
		{"moving in a pair", false, movingInAPair},
		{"a storm of searchers pairs everybody", false, stormPairsEverybody},
		{"a storm with wishes pairs whom it can", false, stormWithWishes},
		{"a storm of comers and goers loses nobody", false, stormOfComersAndGoers},
	} {
		if c.shared && !isShared {
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// newSession is a guest like no other.
func newSession() guest.Session {
	return guest.New(uuid.NewString(), "Guest_1", guest.Profile{}, time.Now())
}

// create stores a new guest.
func (i Instance) create(t *testing.T) guest.Session {
	t.Helper()
	s := newSession()
	if err := i.Sessions.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// join stores a new guest and opens its socket.
func (i Instance) join(t *testing.T) guest.Session {
	t.Helper()
	s := i.create(t)
	if _, _, err := i.Presence.Join(t.Context(), s.SessionID); err != nil {
		t.Fatal(err)
	}
	return s
}

// stats counts.
func (i Instance) stats(t *testing.T) guest.Stats {
	t.Helper()
	s, err := i.Presence.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// crowd makes searchers, on the instances by turns.
type crowd struct {
	h Harness
	n atomic.Int64
}

func (c *crowd) searcher() (guest.Searcher, Instance) {
	n := c.n.Add(1)
	i := c.h.Instances[n%int64(len(c.h.Instances))]
	return guest.Searcher{
		ID:       guest.IDPrefix + uuid.NewString(),
		Username: fmt.Sprintf("Guest_%d", n),
		Instance: i.Name,
	}, i
}
