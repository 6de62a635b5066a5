package failover

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/redisproc"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// fault takes a Redis away from an instance in some way, and gives it back, or
// another in its place.
type fault struct {
	url     string
	off, on func() error
	stored  func(key string) *redisproc.Server // who has a key afterwards
	mends   time.Duration                      // how long coming back may take
	after   func(w *ward)                      // nil: nothing
}

// TestFaultsLoseNothing goes through every fault, with guests who change,
// search, come and go meanwhile, and looks at what Redis has afterwards.
func TestFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*testing.T) fault{
		"network dropped":                   dropNetwork,
		"master killed, replica takes over": loseMaster(kill, restart),
		"master frozen, replica takes over": loseMaster(freeze, thaw),
		"master of a cluster killed":        loseShard(kill, restart),
		"master of a cluster frozen":        loseShard(freeze, thaw),
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); testFault(t, begin(t)) })
	}
}

func testFault(t *testing.T, f fault) {
	w := runFailover(t, f.url, "here-"+uuid.NewString(), time.Now)
	ctx := t.Context()
	w.started()
	search := func(g guest.Session) guest.Pair {
		t.Helper()
		p, err := w.Matcher.Search(ctx, guest.Searcher{ID: g.ID, Username: g.Username, Instance: w.instance})
		if err != nil && !errors.Is(err, guest.ErrPaired) {
			t.Errorf("search in state %s: %v", w.State(), err)
		}
		return p
	}
	const many = 60 // so that each shard of a cluster has some
	var guests []guest.Session
	for i := range many {
		guests = append(guests, w.create())
		if i%2 == 0 {
			_, _, err := w.Presence.Join(ctx, guests[i].SessionID)
			redistest.Must(t, err)
		}
	}

	began, had := time.Now(), redistest.Awake(t)
	redistest.Must(t, f.off())
	w.rename(guests[0].SessionID, "At_once")
	fell := w.await(StateFallback).at.Sub(began)
	t.Logf("fallback after %v", fell.Round(time.Millisecond))
	if fell = min(fell, had()); fell > time.Second {
		t.Errorf("fallback took %v, want 1 s at most", fell)
	}
	for i, g := range guests {
		w.rename(g.SessionID, fmt.Sprintf("Name_%d", i))
	}
	deleted, goes, comes, fresh := guests[many-1], guests[many-2], guests[many-3], w.create()
	redistest.Must(t, w.Sessions.Delete(ctx, deleted.SessionID))
	redistest.Must(t, w.Presence.Leave(ctx, goes.SessionID))
	_, _, err := w.Presence.Join(ctx, comes.SessionID)
	redistest.Must(t, err)
	if p := search(guests[0]); p.ID != "" {
		t.Errorf("the first searcher met %+v", p)
	}
	if p := search(guests[1]); p.Partner(guests[1].ID).ID != guests[0].ID {
		t.Errorf("in fallback the two met %+v", p)
	}
	if stats, err := w.Presence.Stats(ctx); err != nil || stats.OnlineUsers != many/2 || stats.ConnectedUsers != 1 {
		t.Errorf("Stats in fallback = %+v, %v", stats, err)
	}

	redistest.Must(t, f.on())
	back := time.Now()
	recovering := w.await(StateRecovering)
	inRedis := w.await(StateRedis)
	t.Logf("recovering %v, redis %v after the mend", recovering.at.Sub(back).Round(time.Millisecond), inRedis.at.Sub(back).Round(time.Millisecond))
	if took := inRedis.at.Sub(back); took > f.mends {
		t.Errorf("Redis was taken up after %v, want %v", took, f.mends)
	}
	redistest.Eventually(t, 10*time.Second, "all is paid", func() bool { return w.Sessions.Dirty() == 0 && w.State() == StateRedis })
	for i, g := range append(guests[:many-1:many-1], fresh) {
		want := fmt.Sprintf("Name_%d", i)
		if g.SessionID == fresh.SessionID {
			want = fresh.Username
		}
		got, ttl := stored(t, f.stored(redis.SessionKey(g.SessionID)), g.SessionID)
		if got.Username != want || ttl < guest.Lifetime-time.Minute || ttl > guest.Lifetime {
			t.Errorf("Redis has %q for %v, want %q", got.Username, ttl, want)
		}
	}
	if got, _ := stored(t, f.stored(redis.SessionKey(deleted.SessionID)), deleted.SessionID); got.ID != "" {
		t.Error("the deleted guest is back")
	}
	counter := w.keys().Counter
	if n, err := f.stored(counter).Do("GET", counter); err != nil || n != fmt.Sprint(many/2) {
		t.Errorf("%s = %v, %v, want %d", counter, n, err, many/2)
	}
	if stats, err := w.Presence.Stats(ctx); err != nil || stats.OnlineUsers != many/2 || stats.AvailableUsers != 0 {
		t.Errorf("Stats = %+v, %v", stats, err)
	}
	if p := search(guests[2]); p.ID != "" {
		t.Errorf("somebody waited in Redis who does not search: %+v", p)
	}
	if p := search(guests[3]); p.Partner(guests[3].ID).ID != guests[2].ID {
		t.Errorf("after the return the two met %+v", p)
	}
	if f.after != nil {
		f.after(w)
	}
}

func dropNetwork(t *testing.T) fault {
	s := redistest.Standalone(t)
	tunnel := redistest.NewTunnel(t, s.Addr())
	return fault{
		url: "redis://" + tunnel.Addr(), mends: 3 * time.Second,
		off:    func() error { tunnel.Cut(); return nil },
		on:     func() error { tunnel.Mend(); return nil },
		stored: func(string) *redisproc.Server { return s },
	}
}

// loseMaster lets a Sentinel put the replica in the master's place, no sooner than
// the mend, and brings the old master back in the end.
func loseMaster(off, on func(context.Context, *redisproc.Server) error) func(*testing.T) fault {
	return func(t *testing.T) fault {
		g := redistest.Group(t, redisproc.Config{Password: "sesame"}, "")
		votes := func(n string) error {
			_, err := g.Sentinel.Do("SENTINEL", "SET", "main", "quorum", n)
			return err
		}
		return fault{
			url: g.URL(), mends: 15 * time.Second,
			off:    func() error { return errors.Join(votes("2"), off(t.Context(), g.Master)) },
			on:     func() error { return votes("1") },
			stored: func(string) *redisproc.Server { return g.Replica },
			after: func(w *ward) {
				redistest.Must(t, on(t.Context(), g.Master))
				late := w.create()
				redistest.Eventually(t, 20*time.Second, "the old master follows the new one", func() bool {
					got, err := g.Master.Do("GET", redis.SessionKey(late.SessionID))
					return err == nil && got != nil
				})
				redistest.Eventually(t, 10*time.Second, "the new master is asked", func() bool { return w.State() == StateRedis && w.Sessions.Dirty() == 0 })
				if got, _ := stored(t, g.Replica, late.SessionID); got.Username != late.Username {
					t.Errorf("the new master does not have the guest who came last: %+v", got)
				}
			},
		}
	}
}

// loseShard takes away the node that has the queue, and a third of all else.
func loseShard(off, on func(context.Context, *redisproc.Server) error) func(*testing.T) fault {
	return func(t *testing.T) fault {
		r := redistest.Sharded(t)
		lost := r.Owner(t, redis.MatchQueue)
		return fault{
			url: r.URL, mends: 20 * time.Second,
			off:    func() error { return off(t.Context(), lost) },
			on:     func() error { return on(t.Context(), lost) },
			stored: func(key string) *redisproc.Server { return r.Owner(t, key) },
		}
	}
}
