package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/redistest"
	"guestload/server/store/redistest/redisproc"
	"guestload/server/store/storetest"
)

// quiet is a Local where nobody searches or talks.
type quiet struct{}

func (quiet) Searching(string) bool                               { return false }
func (quiet) Chatting(string, string) bool                        { return false }
func (quiet) Resync(context.Context, map[string]string) error     { return nil }
func (quiet) Release(context.Context, string, []guest.Pair) error { return nil }

// ward is a Failover that runs, and its changes of state.
type ward struct {
	*Failover
	tb      testing.TB
	changes chan stateChange
}

type stateChange struct {
	to  string
	at  time.Time
	why error
}

// runFailover starts an instance on a Redis for the length of a test.
func runFailover(tb testing.TB, url, name string, now func() time.Time) *ward {
	tb.Helper()
	conn, err := NewRedis(url)
	if err != nil {
		tb.Fatal(err)
	}
	w := &ward{tb: tb, changes: make(chan stateChange, 1000)}
	w.Failover = NewFailover(FailoverConfig{Redis: conn, Instance: name, Now: now,
		Changed: func(_, to string, why error) { w.changes <- stateChange{to, time.Now(), why} }})
	if err := w.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { w.Run(ctx, quiet{}) })
	tb.Cleanup(func() { stop(); run.Wait(); conn.Close() })
	return w
}

// await returns when the state is reached.
func (w *ward) await(state string) stateChange {
	w.tb.Helper()
	deadline := time.After(15 * time.Second)
	for {
		select {
		case c := <-w.changes:
			if c.to == state {
				return c
			}
		case <-deadline:
			w.tb.Fatalf("%q not reached, it is %q", state, w.State())
		}
	}
}

func (w *ward) create() guest.Session {
	w.tb.Helper()
	g := newGuest()
	if err := w.Sessions.Create(w.tb.Context(), g); err != nil {
		w.tb.Fatal(err)
	}
	return g
}

func (w *ward) rename(id, name string) {
	w.tb.Helper()
	p := guest.Patch{Fields: guest.FieldUsername | guest.FieldLastSeen,
		To: guest.Session{Username: name, LastSeen: time.Now().UTC().Truncate(time.Millisecond)}}
	if _, err := w.Sessions.Patch(w.tb.Context(), id, p); err != nil {
		w.tb.Fatalf("patch in state %s: %v", w.State(), err)
	}
}

// stored is what Redis itself has of a guest.
func stored(tb testing.TB, s *redisproc.Server, id string) (g guest.Session, ttl time.Duration) {
	tb.Helper()
	doc, err := s.Do("GET", sessionKey(id))
	if err != nil {
		tb.Fatal(err)
	}
	text, _ := doc.(string)
	if text == "" {
		return guest.Session{}, 0
	}
	if g, err = guest.ParseSession([]byte(text)); err != nil {
		tb.Fatal(err)
	}
	left, err := s.Do("PTTL", sessionKey(id))
	if err != nil {
		tb.Fatal(err)
	}
	return g, time.Duration(left.(int64)) * time.Millisecond
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func TestFailoverKeepsTheContractOnRedis(t *testing.T) {
	s := redistest.Standalone(t)
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		if _, err := s.Do("FLUSHALL"); err != nil {
			t.Fatal(err)
		}
		h := storetest.Harness{Age: func(id string, d time.Duration) {
			left, err := s.Do("PTTL", sessionKey(id))
			must(t, err)
			_, err = s.Do("PEXPIRE", sessionKey(id), fmt.Sprint(left.(int64)-d.Milliseconds()))
			must(t, err)
		}}
		for i := range 2 {
			w := runFailover(t, s.URL(), fmt.Sprintf("i%d-%s", i, uuid.NewString()), time.Now)
			h.Instances = append(h.Instances, storetest.Instance{
				Name: w.instance, Sessions: w.Sessions, Presence: w.Presence, Matcher: w.Matcher})
		}
		old := h.Age
		h.Age = func(id string, d time.Duration) {
			old(id, d)
			for _, i := range h.Instances { // what Redis answers comes after what it has told
				must(t, i.Sessions.(*FailoverSessions).failover.redis.link.Load().client.Do(t.Context(),
					i.Sessions.(*FailoverSessions).failover.redis.link.Load().client.B().Ping().Build()).Error())
			}
		}
		return h
	})
}

// omniscient is a store that knows every guest: who is not known is missing.
type omniscient struct{ *FailoverSessions }

func (o omniscient) missing(err error) error {
	if errors.Is(err, guest.ErrUnavailable) {
		return fmt.Errorf("%w (%w)", guest.ErrNotFound, errors.New(err.Error()))
	}
	return err
}

func (o omniscient) Get(ctx context.Context, id string) (guest.Session, error) {
	g, err := o.FailoverSessions.Get(ctx, id)
	return g, o.missing(err)
}

func (o omniscient) Patch(ctx context.Context, id string, p guest.Patch) (guest.Session, error) {
	g, err := o.FailoverSessions.Patch(ctx, id, p)
	return g, o.missing(err)
}

func (o omniscient) PatchAll(ctx context.Context, changes []guest.Change) []error {
	errs := o.FailoverSessions.PatchAll(ctx, changes)
	for i, err := range errs {
		errs[i] = o.missing(err)
	}
	return errs
}

func (o omniscient) Delete(ctx context.Context, id string) error {
	return o.missing(o.FailoverSessions.Delete(ctx, id))
}

func TestFailoverKeepsTheContractInFallback(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		var passed atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		w := runFailover(t, "redis://127.0.0.1:1", "alone", now)
		return storetest.Harness{
			Instances: []storetest.Instance{{Name: "alone", Sessions: omniscient{w.Sessions}, Presence: w.Presence, Matcher: w.Matcher}},
			Age:       func(_ string, d time.Duration) { passed.Add(int64(d)) },
		}
	})
}

func TestUnknownGuestsAreNotMissingInFallback(t *testing.T) {
	w := runFailover(t, "redis://127.0.0.1:1", "alone", time.Now)
	g := newGuest()
	_, err := w.Sessions.Get(t.Context(), g.SessionID)
	_, err2 := w.Sessions.Patch(t.Context(), g.SessionID, guest.Active(time.Now()))
	for _, err := range []error{err, err2, w.Sessions.Delete(t.Context(), g.SessionID)} {
		if !errors.Is(err, guest.ErrUnavailable) || errors.Is(err, guest.ErrNotFound) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	}
	g = w.create()
	must(t, w.Sessions.Delete(t.Context(), g.SessionID))
	if _, err := w.Sessions.Get(t.Context(), g.SessionID); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("of a guest deleted here: %v, want ErrNotFound", err)
	}
	if err := w.Sessions.Adopt(g); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("adopted a deleted guest: %v", err)
	}
}

func TestWrongPasswordIsAnErrorAtStart(t *testing.T) {
	s := redistest.StandaloneWith(t, redisproc.Config{Password: "right"})
	conn, err := NewRedis("redis://:wrong@" + s.Addr())
	must(t, err)
	defer conn.Close()
	f := NewFailover(FailoverConfig{Redis: conn, Instance: "i", Now: time.Now})
	if err := f.Start(t.Context()); !errors.Is(err, ErrMisconfigured) {
		t.Errorf("Start: %v, want ErrMisconfigured", err)
	}
}

// TestOutageLosesNothing takes Redis away in each way, changes everything that
// can change meanwhile, and looks at what Redis has afterwards.
func TestOutageLosesNothing(t *testing.T) {
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
			if w.State() != StateRedis {
				t.Fatalf("state is %q", w.State())
			}
			still, renamed, deleted, comes, goes := w.create(), w.create(), w.create(), w.create(), w.create()
			for _, g := range []guest.Session{still, goes} {
				if _, err := w.Presence.Join(ctx, g.SessionID); err != nil {
					t.Fatal(err)
				}
			}
			stranger := newGuest()
			_, err := s.Do("SET", sessionKey(stranger.SessionID), string(stranger.AppendJSON(nil)), "EX", "7200")
			must(t, err)

			began := time.Now()
			must(t, how.off(s))
			w.rename(renamed.SessionID, "At_once") // meets the outage
			fell := w.await(StateFallback)
			t.Logf("fallback after %v", fell.at.Sub(began).Round(time.Millisecond))
			if d := fell.at.Sub(began); d > time.Second {
				t.Errorf("fallback took %v", d)
			}
			w.rename(renamed.SessionID, "Renamed")
			must(t, w.Sessions.Delete(ctx, deleted.SessionID))
			_, err = w.Presence.Join(ctx, comes.SessionID)
			must(t, err)
			must(t, w.Presence.Leave(ctx, goes.SessionID))
			fresh := w.create()
			if _, err := w.Sessions.Get(ctx, stranger.SessionID); !errors.Is(err, guest.ErrUnavailable) {
				t.Errorf("stranger: %v, want ErrUnavailable", err)
			}
			claims := stranger
			claims.Location, claims.Gender = nil, ""
			must(t, w.Sessions.Adopt(claims))
			w.rename(stranger.SessionID, "Adopted")
			if page, _, err := w.Presence.Online(ctx, "", 10); err != nil || len(page) != 2 {
				t.Errorf("online in fallback: %d, %v, want 2", len(page), err)
			}

			must(t, how.on(s))
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
			if n := w.Sessions.Owed(); n != 0 {
				t.Errorf("%d sessions are still owed", n)
			}
		})
	}
}

func TestRedisThatAppearsLaterIsTakenUp(t *testing.T) {
	s := redistest.Standalone(t)
	must(t, s.Kill())
	w := runFailover(t, s.URL(), "here", time.Now)
	if w.State() != StateFallback {
		t.Fatalf("state is %q, want fallback", w.State())
	}
	g := w.create()
	must(t, s.Restart(t.Context()))
	w.await(StateRedis)
	if got, _ := stored(t, s, g.SessionID); got.Username != g.Username {
		t.Errorf("the guest created before is not in Redis: %+v", got)
	}
}

// TestTenOutages lets guests write all the time while Redis comes and goes, in
// the middle of recoveries too.
func TestTenOutages(t *testing.T) {
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
			must(t, s.Kill())
			w.await(StateFallback)
			must(t, s.Restart(t.Context()))
		} else {
			must(t, s.Freeze())
			w.await(StateFallback)
			must(t, s.Thaw())
		}
		if outage%3 == 2 {
			w.await(StateRecovering) // and no further
		} else {
			w.await(StateRedis)
		}
	}
	close(done)
	work.Wait()
	eventually(t, 10*time.Second, "all paid", func() bool { return w.State() == StateRedis && w.Sessions.Owed() == 0 })
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
	s := redistest.Standalone(t)
	must(t, s.Kill())
	w := runFailover(t, s.URL(), "here", time.Now)
	guests := make([]guest.Session, 5000)
	for i := range guests {
		guests[i] = w.create()
		if _, err := w.Presence.Join(t.Context(), guests[i].SessionID); err != nil {
			t.Fatal(err)
		}
	}
	must(t, s.Restart(t.Context()))
	w.await(StateRecovering)
	must(t, s.Kill())
	w.await(StateFallback)
	must(t, s.Restart(t.Context()))
	began := time.Now()
	took := w.await(StateRedis).at.Sub(began)
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
