package failover

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"guestload/server/guest"
	"guestload/server/redisproc"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// TestOutageLosesNothing takes Redis away in each way, changes everything that
// can change meanwhile, and looks at what Redis has afterwards.
func TestOutageLosesNothing(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		name     string
		off, on  func(*redisproc.Server) error
		restarts bool
	}{
		{"killed and restarted empty", (*redisproc.Server).Kill, func(s *redisproc.Server) error { return s.Restart(context.Background()) }, true},
		{"frozen", (*redisproc.Server).Freeze, (*redisproc.Server).Thaw, false},
	} {
		t.Run(how.name, func(t *testing.T) {
			s := redistest.Standalone(t)
			w := runFailover(t, s.URL(), "here", time.Now)
			ctx := t.Context()
			w.started()
			still, renamed, deleted, comes, goes := w.create(), w.create(), w.create(), w.create(), w.create()
			for _, g := range []guest.Session{still, goes} {
				if _, _, err := w.Presence.Join(ctx, g.SessionID); err != nil {
					t.Fatal(err)
				}
			}
			stranger := redistest.NewGuest()
			_, err := s.Do("SET", redis.SessionKey(stranger.SessionID), string(stranger.AppendJSON(nil)), "EX", "7200")
			redistest.Must(t, err)

			began := time.Now()
			redistest.Must(t, how.off(s))
			w.rename(renamed.SessionID, "At_once") // meets the outage
			fell := w.await(StateFallback)
			t.Logf("fallback after %v", fell.at.Sub(began).Round(time.Millisecond))
			if d := fell.at.Sub(began); d > time.Second {
				t.Errorf("fallback took %v", d)
			}
			w.rename(renamed.SessionID, "Renamed")
			redistest.Must(t, w.Sessions.Delete(ctx, deleted.SessionID))
			_, _, err = w.Presence.Join(ctx, comes.SessionID)
			redistest.Must(t, err)
			redistest.Must(t, w.Presence.Leave(ctx, goes.SessionID))
			fresh := w.create()
			if _, err := w.Sessions.Get(ctx, stranger.SessionID); !errors.Is(err, guest.ErrUnavailable) {
				t.Errorf("stranger: %v, want ErrUnavailable", err)
			}
			claims := stranger
			claims.Location, claims.Gender = nil, ""
			redistest.Must(t, w.Sessions.Adopt(ctx, claims))
			w.rename(stranger.SessionID, "Adopted")
			if page, _, err := w.Presence.Online(ctx, "", 10); err != nil || len(page) != 2 {
				t.Errorf("online in fallback: %d, %v, want 2", len(page), err)
			}

			redistest.Must(t, how.on(s))
			back := time.Now()
			took := w.await(StateRedis)
			t.Logf("redis after %v", took.at.Sub(back).Round(time.Millisecond))
			for _, g := range []struct {
				session guest.Session
				name    string
			}{{still, still.Username}, {renamed, "Renamed"}, {comes, comes.Username}, {goes, goes.Username}, {fresh, fresh.Username}, {stranger, "Adopted"}} {
				got, ttl := stored(t, s, g.session.SessionID)
				if got.Username != g.name {
					t.Errorf("Redis has %q, want %q", got.Username, g.name)
				}
				if ttl < guest.Lifetime-time.Minute || ttl > guest.Lifetime {
					t.Errorf("%s lives for %v, want %v", g.name, ttl, guest.Lifetime)
				}
			}
			if got, _ := stored(t, s, stranger.SessionID); !how.restarts && string(got.Location) != string(stranger.Location) {
				t.Errorf("the adopted guest's location is %q, want %q", got.Location, stranger.Location)
			}
			if got, _ := stored(t, s, deleted.SessionID); got.ID != "" {
				t.Error("the deleted guest is back")
			}
			if n, err := s.Do("GET", "active_user_count"); err != nil || n != "2" {
				t.Errorf("active_user_count = %v, %v, want 2", n, err)
			}
			stats, err := w.Presence.Stats(ctx)
			if err != nil || stats.OnlineUsers != 2 || stats.ActiveUsers != 2 {
				t.Errorf("Stats = %+v, %v", stats, err)
			}
			if n := w.Sessions.Dirty(); n != 0 {
				t.Errorf("%d sessions are still owed", n)
			}
		})
	}
}

func TestRedisThatAppearsLaterIsTakenUp(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	redistest.Must(t, s.Kill())
	w := runFailover(t, s.URL(), "here", time.Now)
	if w.State() != StateFallback {
		t.Fatalf("state is %q, want fallback", w.State())
	}
	g := w.create()
	redistest.Must(t, s.Restart(t.Context()))
	w.await(StateRedis)
	if got, _ := stored(t, s, g.SessionID); got.Username != g.Username {
		t.Errorf("the guest created before is not in Redis: %+v", got)
	}
}

// TestTenOutages lets guests write all the time while Redis comes and goes, in
// the middle of recoveries too.
func TestTenOutages(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	w := runFailover(t, s.URL(), "here", time.Now)
	const writers = 8
	guests := make([]guest.Session, 400)
	for i := range guests {
		guests[i] = w.create()
	}
	last := make([]string, len(guests))
	done := make(chan struct{})
	var work sync.WaitGroup
	for k := range writers {
		work.Go(func() {
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				case <-tick.C:
				}
				i := (n*writers + k) % len(guests)
				name := fmt.Sprintf("Name_%d", n)
				p := guest.Patch{Fields: guest.FieldUsername | guest.FieldLastSeen,
					To: guest.Session{Username: name, LastSeen: time.Now().UTC().Truncate(time.Millisecond)}}
				got, err := w.Sessions.Patch(context.Background(), guests[i].SessionID, p)
				if err != nil || got.Username != name {
					t.Errorf("patch in state %s: %q, %v", w.State(), got.Username, err)
					return
				}
				if got, err := w.Sessions.Get(context.Background(), guests[i].SessionID); err != nil || got.Username != name {
					t.Errorf("read back %q, %v, want %q", got.Username, err, name)
					return
				}
				last[i] = name
			}
		})
	}
	for outage := range 10 {
		if outage%2 == 0 {
			redistest.Must(t, s.Kill())
			w.await(StateFallback)
			redistest.Must(t, s.Restart(t.Context()))
		} else {
			redistest.Must(t, s.Freeze())
			w.await(StateFallback)
			redistest.Must(t, s.Thaw())
		}
		if outage%3 == 2 {
			w.await(StateRecovering) // and no further
		} else {
			w.await(StateRedis)
		}
	}
	close(done)
	work.Wait()
	redistest.Eventually(t, 10*time.Second, "all paid", func() bool { return w.State() == StateRedis && w.Sessions.Dirty() == 0 })
	for i, g := range guests {
		got, ttl := stored(t, s, g.SessionID)
		want := last[i]
		if want == "" {
			want = g.Username
		}
		if got.Username != want || ttl < guest.Lifetime-time.Minute {
			t.Fatalf("guest %d is %q in Redis for %v, want %q", i, got.Username, ttl, want)
		}
	}
}

// TestRecoveryOfFiveThousand measures how soon Redis is the truth again, and
// takes it away in the middle once.
func TestRecoveryOfFiveThousand(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	redistest.Must(t, s.Kill())
	w := runFailover(t, s.URL(), "here", time.Now)
	guests := make([]guest.Session, 5000)
	for i := range guests {
		guests[i] = w.create()
		if _, _, err := w.Presence.Join(t.Context(), guests[i].SessionID); err != nil {
			t.Fatal(err)
		}
	}
	redistest.Must(t, s.Restart(t.Context()))
	w.await(StateRecovering)
	redistest.Must(t, s.Kill())
	w.await(StateFallback)
	redistest.Must(t, s.Restart(t.Context()))
	began, had := time.Now(), redistest.Awake(t)
	took := min(w.await(StateRedis).at.Sub(began), had())
	t.Logf("5,000 guests were back %v after Redis", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("recovery took %v", took)
	}
	if n, err := s.Do("GET", "active_user_count"); err != nil || n != "5000" {
		t.Errorf("active_user_count = %v, %v", n, err)
	}
	if n, err := s.Do("DBSIZE"); err != nil || n.(int64) < 5000 {
		t.Errorf("%v keys, %v", n, err)
	}
}
