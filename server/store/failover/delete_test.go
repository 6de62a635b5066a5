package failover

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/redisproc"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// evicted is a Local that notes whose sockets it is to close.
type evicted struct {
	quiet
	mu  sync.Mutex
	ids []string
}

func (e *evicted) Evict(ids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ids = append(e.ids, ids...)
}

func (e *evicted) has(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Contains(e.ids, id)
}

// resides looks at a session everywhere: where it is served from, if anywhere.
func resides(tb testing.TB, r redistest.Rig, all []*ward, g guest.Session) (where []string) {
	tb.Helper()
	ctx := tb.Context()
	if n := r.Do(tb, "EXISTS", redis.SessionKey(g.SessionID)); n != int64(0) {
		where = append(where, fmt.Sprintf("redis (%v)", n))
	}
	for _, w := range all {
		if _, err := w.Sessions.Get(ctx, g.SessionID); !errors.Is(err, guest.ErrNotFound) {
			where = append(where, fmt.Sprintf("%s (%v)", w.instance, err))
		}
	}
	return where
}

var outages = []struct {
	name    string
	open    func(testing.TB) redistest.Rig
	off, on func(context.Context, *redisproc.Server) error // of each node
}{
	{"frozen", redistest.Single, freeze, thaw},
	{"restarted empty", redistest.Single, kill, restart},
	{"restarted from an old file", redistest.Single, kill, restart},
	{"cluster frozen", redistest.Sharded, freeze, thaw},
	{"cluster restarted empty", redistest.Sharded, kill, restart},
}

func freeze(_ context.Context, s *redisproc.Server) error    { return s.Freeze() }
func thaw(_ context.Context, s *redisproc.Server) error      { return s.Thaw() }
func kill(_ context.Context, s *redisproc.Server) error      { return s.Kill() }
func restart(ctx context.Context, s *redisproc.Server) error { return s.Restart(ctx) }

// TestDeletedSessionsStayDeleted deletes sessions before and during each kind of
// outage, while the other instance holds a copy and has a socket of them.
func TestDeletedSessionsStayDeleted(t *testing.T) {
	t.Parallel()
	for _, how := range outages {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			r := how.open(t)
			ctx := t.Context()
			seen := []*evicted{{}, {}}
			one, two := runFailoverWith(t, r.URL, "one", time.Now, seen[0]), runFailoverWith(t, r.URL, "two", time.Now, seen[1])
			all := []*ward{one, two}
			one.started()
			two.started()
			before, during, kept := one.create(), one.create(), one.create()
			for _, g := range []guest.Session{before, during, kept} {
				_, _, err := two.Presence.Join(ctx, g.SessionID) // which holds a copy from then on
				redistest.Must(t, err)
			}
			if how.name == "restarted from an old file" {
				r.Do(t, "SAVE")
			}
			redistest.Must(t, one.Sessions.Delete(ctx, before.SessionID))
			if _, _, err := two.Presence.Join(ctx, before.SessionID); !errors.Is(err, guest.ErrNotFound) {
				t.Errorf("a deleted guest joins: %v", err)
			}
			redistest.Eventually(t, 5*time.Second, "the other instance closes its socket", func() bool { return seen[1].has(before.SessionID) })

			for _, node := range r.Nodes {
				redistest.Must(t, how.off(ctx, node))
			}
			for _, w := range all {
				w.await(StateFallback)
			}
			for _, w := range all {
				if err := w.Sessions.Adopt(ctx, before); !errors.Is(err, guest.ErrNotFound) {
					t.Errorf("%s takes a deleted guest's token in fallback: %v", w.instance, err)
				}
				if _, err := w.Sessions.Get(ctx, before.SessionID); !errors.Is(err, guest.ErrNotFound) {
					t.Errorf("%s serves a deleted guest in fallback: %v", w.instance, err)
				}
			}
			redistest.Must(t, one.Sessions.Delete(ctx, during.SessionID))
			two.rename(during.SessionID, "Unaware")
			two.rename(kept.SessionID, "Kept")
			for _, node := range r.Nodes {
				redistest.Must(t, how.on(ctx, node))
			}
			for _, w := range all {
				w.await(StateRedis)
			}
			redistest.Eventually(t, 5*time.Second, "the other instance hears of the deletion", func() bool { return seen[1].has(during.SessionID) })
			for _, g := range []guest.Session{before, during} {
				redistest.Eventually(t, 5*time.Second, "it is nowhere", func() bool { return len(resides(t, r, all, g)) == 0 })
				for _, w := range all {
					if err := w.Sessions.Adopt(ctx, g); !errors.Is(err, guest.ErrNotFound) {
						t.Errorf("%s takes a deleted guest's token after the outage: %v", w.instance, err)
					}
				}
			}
			for _, w := range all {
				redistest.Eventually(t, 10*time.Second, "all is written back", func() bool { return w.Sessions.Dirty() == 0 && w.State() == StateRedis })
			}
			if got, _ := stored(t, r.Owner(t, redis.SessionKey(kept.SessionID)), kept.SessionID); got.Username != "Kept" {
				t.Errorf("the other guest is %q in Redis", got.Username)
			}
			for _, g := range []guest.Session{before, during} {
				if where := resides(t, r, all, g); len(where) > 0 {
					t.Errorf("a deleted guest is at %v", where)
				}
			}
		})
	}
}

// TestTokenOfNoSessionMakesNone: its signature is good, so it is served while nobody
// can know; but Redis has lost nothing, and has none.
func TestTokenOfNoSessionMakesNone(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("instance starts without Redis: %v", late), func(t *testing.T) {
			t.Parallel()
			s := redistest.Standalone(t)
			ctx := t.Context()
			first := runFailover(t, s.URL(), "first", time.Now)
			seen := &evicted{}
			w := first
			if !late {
				w = runFailoverWith(t, s.URL(), "here", time.Now, seen)
				w.started()
			}
			first.started()
			redistest.Must(t, s.Freeze())
			if late {
				w = runFailoverWith(t, s.URL(), "here", time.Now, seen)
			} else {
				w.await(StateFallback)
			}
			never, fresh := redistest.NewGuest(), w.create()
			redistest.Must(t, w.Sessions.Adopt(ctx, never))
			w.rename(never.SessionID, "Nobody")
			_, _, err := w.Presence.Join(ctx, never.SessionID)
			redistest.Must(t, err)
			redistest.Must(t, s.Thaw())
			w.await(StateRedis)
			redistest.Eventually(t, 2*othersTake, "its socket is closed", func() bool { return seen.has(never.SessionID) })
			redistest.Eventually(t, 5*time.Second, "it is nowhere", func() bool { return len(resides(t, redistest.Only(s), []*ward{w, first}, never)) == 0 })
			if n := w.Sessions.Dirty(); n != 0 {
				t.Errorf("%d sessions are owed", n)
			}
			if got, _ := stored(t, s, fresh.SessionID); got.Username != fresh.Username {
				t.Error("the guest who was created meanwhile is gone too")
			}
		})
	}
}

// TestSessionThatRedisLostNoDataOfIsGone: somebody else has deleted the document
// without a tombstone, while this instance could not see it.
func TestSessionThatRedisLostNoDataOfIsGone(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	tunnel := redistest.NewTunnel(t, s.Addr())
	seen := &evicted{}
	w := runFailoverWith(t, "redis://"+tunnel.Addr(), "here", time.Now, seen)
	w.started()
	g, other := w.create(), w.create()
	tunnel.Cut()
	w.await(StateFallback)
	w.rename(g.SessionID, "Unaware")
	_, err := s.Do("DEL", redis.SessionKey(g.SessionID))
	redistest.Must(t, err)
	fresh := w.create()
	tunnel.Mend()
	w.await(StateRedis)
	redistest.Eventually(t, 5*time.Second, "it is nowhere", func() bool { return len(resides(t, redistest.Only(s), []*ward{w}, g)) == 0 })
	if !seen.has(g.SessionID) {
		t.Error("its socket stays open")
	}
	for _, there := range []guest.Session{other, fresh} {
		if got, _ := stored(t, s, there.SessionID); got.Username != there.Username {
			t.Errorf("%s is gone too", there.Username)
		}
	}
}

// TestFlushedRedisIsFilledAgain: nobody is disconnected by FLUSHALL, and it loses
// neither documents nor deletions.
func TestFlushedRedisIsFilledAgain(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	ctx := t.Context()
	one, two := runFailover(t, s.URL(), "one", time.Now), runFailover(t, s.URL(), "two", time.Now)
	one.started()
	two.started()
	stays, goes := one.create(), one.create()
	_, _, err := two.Presence.Join(ctx, stays.SessionID)
	redistest.Must(t, err)
	redistest.Must(t, one.Sessions.Delete(ctx, goes.SessionID))
	redistest.Eventually(t, 5*time.Second, "the other instance hears of the deletion", func() bool {
		return two.Sessions.memory.HasTombstone(goes.SessionID)
	})
	_, err = s.Do("FLUSHALL")
	redistest.Must(t, err)
	redistest.Eventually(t, 5*time.Second, "the guest is back, and the deletion", func() bool {
		n, err := s.Do("ZSCORE", one.keys().Tombstones, goes.SessionID)
		got, _ := stored(t, s, stays.SessionID)
		return err == nil && n != nil && got.Username == stays.Username
	})
	if where := resides(t, redistest.Only(s), []*ward{one, two}, goes); len(where) > 0 {
		t.Errorf("the deleted guest is at %v", where)
	}
}

// TestRandomDeletionsInOutagesStayDeleted: three instances, one of them behind a
// network that breaks, and a Redis that freezes, restarts and is flushed.
func TestRandomDeletionsInOutagesStayDeleted(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	s := redistest.Standalone(t)
	tunnel := redistest.NewTunnel(t, s.Addr())
	ctx := t.Context()
	all := []*ward{
		runFailover(t, "redis://"+tunnel.Addr(), "cut-"+uuid.NewString(), time.Now),
		runFailover(t, s.URL(), "one-"+uuid.NewString(), time.Now),
		runFailover(t, s.URL(), "two-"+uuid.NewString(), time.Now),
	}
	type fate struct {
		guest.Session
		inRedis *ward
		deleted bool
	}
	var fates []*fate
	act := func(n int) {
		for range n {
			w := all[draw.IntN(len(all))]
			if len(fates) == 0 || draw.IntN(3) == 0 {
				fates = append(fates, &fate{Session: w.create(), inRedis: w})
				continue
			}
			f := fates[draw.IntN(len(fates))]
			if f.deleted {
				continue
			}
			if draw.IntN(2) == 0 {
				w = f.inRedis // where it is known in any case
			}
			switch draw.IntN(3) {
			case 0:
				_, _, _ = w.Presence.Join(ctx, f.SessionID)
			case 1:
				_, _ = w.Sessions.Patch(ctx, f.SessionID, guest.Profile{}.Patch(time.Now()))
			case 2:
				err := w.Sessions.Delete(ctx, f.SessionID)
				if errors.Is(err, guest.ErrUnavailable) && w.Sessions.Adopt(ctx, f.Session) == nil {
					err = w.Sessions.Delete(ctx, f.SessionID)
				}
				f.deleted = err == nil || errors.Is(err, guest.ErrNotFound) // flushed, and to come back no more
			}
		}
	}
	faults := []struct {
		name    string
		off, on func() error
	}{
		{"frozen", s.Freeze, s.Thaw},
		{"restarted", s.Kill, func() error { return s.Restart(ctx) }},
		{"flushed", func() error { _, err := s.Do("FLUSHALL"); return err }, func() error { return nil }},
		{"one cut off", func() error { tunnel.Cut(); return nil }, func() error { tunnel.Mend(); return nil }},
	}
	settled := func() bool {
		return !slices.ContainsFunc(all, func(w *ward) bool { return w.State() != StateRedis || w.Sessions.Dirty() > 0 || !w.complete() })
	}
	for range 3 {
		act(60)
		f := faults[draw.IntN(len(faults))]
		t.Log(f.name)
		redistest.Must(t, f.off())
		act(60) // some of it before the outage is known
		if f.name != "flushed" {
			all[0].await(StateFallback)
		}
		act(60)
		redistest.Must(t, f.on())
		act(20)
		redistest.Eventually(t, 20*time.Second, "all is settled", settled)
	}
	for _, f := range fates {
		if f.deleted {
			redistest.Eventually(t, 5*time.Second, "a deleted guest is nowhere", func() bool { return len(resides(t, redistest.Only(s), all, f.Session)) == 0 })
		} else if got, _ := stored(t, s, f.SessionID); got.ID == "" {
			t.Errorf("%s, who was not deleted, is gone", f.SessionID)
		}
	}
}
