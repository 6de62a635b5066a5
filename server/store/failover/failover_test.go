package failover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/realtime/realtimetest"
	"guestload/server/redisproc"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// quiet is a Local where nobody searches or talks.
type quiet struct{}

func (quiet) Searching(string) bool                               { return false }
func (quiet) Chatting(string, string) bool                        { return false }
func (quiet) Resync(context.Context, map[string]string) error     { return nil }
func (quiet) Release(context.Context, string, []guest.Pair) error { return nil }
func (quiet) Evict([]string)                                      {}

// ward is a Failover that runs, and its changes of state.
type ward struct {
	*Store
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
	return runFailoverWith(tb, url, name, now, quiet{})
}

func runFailoverWith(tb testing.TB, url, name string, now func() time.Time, local Local, set ...func(*Config)) *ward {
	tb.Helper()
	conn, err := redis.New(url)
	if err != nil {
		tb.Fatal(err)
	}
	w := &ward{tb: tb, changes: make(chan stateChange, 1000)}
	config := Config{Redis: conn, Instance: name, Now: now,
		Changed: func(_, to string, why error) { w.changes <- stateChange{to, time.Now(), why} }}
	for _, s := range set {
		s(&config)
	}
	w.Store = New(config)
	if err := w.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { w.Run(ctx, local) })
	tb.Cleanup(func() { stop(); run.Wait(); conn.Close() })
	return w
}

// keys are the names of keys in the instance's Redis.
func (w *ward) keys() redis.Keys {
	return redis.NewKeys(strings.HasPrefix(w.redis.String(), "redis-cluster"))
}

// started waits until Redis is in use. On a busy machine Start may find no time for it.
func (w *ward) started() {
	w.tb.Helper()
	redistest.Eventually(w.tb, 15*time.Second, "redis is used", func() bool { return w.State() == StateRedis })
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
	g := redistest.NewGuest()
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
	doc, err := s.Do("GET", redis.SessionKey(id))
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
	left, err := s.Do("PTTL", redis.SessionKey(id))
	if err != nil {
		tb.Fatal(err)
	}
	return g, time.Duration(left.(int64)) * time.Millisecond
}

func TestFailoverKeepsTheContractOnRedis(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	realtimetest.Run(t, func(t *testing.T) realtimetest.Harness {
		if _, err := s.Do("FLUSHALL"); err != nil {
			t.Fatal(err)
		}
		h := realtimetest.Harness{Age: func(id string, d time.Duration) {
			left, err := s.Do("PTTL", redis.SessionKey(id))
			redistest.Must(t, err)
			_, err = s.Do("PEXPIRE", redis.SessionKey(id), fmt.Sprint(left.(int64)-d.Milliseconds()))
			redistest.Must(t, err)
		}}
		for i := range 2 {
			w := runFailover(t, s.URL(), fmt.Sprintf("i%d-%s", i, uuid.NewString()), time.Now)
			h.Instances = append(h.Instances, realtimetest.Instance{
				Name: w.instance, Sessions: w.Sessions, Presence: w.Presence, Matcher: w.Matcher})
		}
		old := h.Age
		h.Age = func(id string, d time.Duration) {
			old(id, d)
			for _, i := range h.Instances { // what Redis answers comes after what it has told
				l, err := i.Sessions.(*Sessions).failover.redis.Up()
				redistest.Must(t, err)
				redistest.Must(t, l.Client.Do(t.Context(), l.Client.B().Ping().Build()).Error())
			}
		}
		return h
	})
}

// omniscient is a store that knows every guest: who is not known is missing.
type omniscient struct{ *Sessions }

func (o omniscient) missing(err error) error {
	if errors.Is(err, guest.ErrUnavailable) {
		return fmt.Errorf("%w (%w)", guest.ErrNotFound, errors.New(err.Error()))
	}
	return err
}

func (o omniscient) Get(ctx context.Context, id string) (guest.Session, error) {
	g, err := o.Sessions.Get(ctx, id)
	return g, o.missing(err)
}

func (o omniscient) Patch(ctx context.Context, id string, p guest.Patch) (guest.Session, error) {
	g, err := o.Sessions.Patch(ctx, id, p)
	return g, o.missing(err)
}

func (o omniscient) PatchAll(ctx context.Context, changes []guest.Change) []error {
	errs := o.Sessions.PatchAll(ctx, changes)
	for i, err := range errs {
		errs[i] = o.missing(err)
	}
	return errs
}

func (o omniscient) Delete(ctx context.Context, id string) error {
	return o.missing(o.Sessions.Delete(ctx, id))
}

func TestFailoverKeepsTheContractInFallback(t *testing.T) {
	t.Parallel()
	realtimetest.Run(t, func(t *testing.T) realtimetest.Harness {
		var passed atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		w := runFailover(t, "redis://127.0.0.1:1", "alone", now)
		return realtimetest.Harness{
			Instances: []realtimetest.Instance{{Name: "alone", Sessions: omniscient{w.Sessions}, Presence: w.Presence, Matcher: w.Matcher}},
			Age:       func(_ string, d time.Duration) { passed.Add(int64(d)) },
		}
	})
}

func TestUnknownGuestsAreNotMissingInFallback(t *testing.T) {
	t.Parallel()
	w := runFailover(t, "redis://127.0.0.1:1", "alone", time.Now)
	g := redistest.NewGuest()
	_, err := w.Sessions.Get(t.Context(), g.SessionID)
	_, err2 := w.Sessions.Patch(t.Context(), g.SessionID, guest.Profile{}.Patch(time.Now()))
	for _, err := range []error{err, err2, w.Sessions.Delete(t.Context(), g.SessionID)} {
		if !errors.Is(err, guest.ErrUnavailable) || errors.Is(err, guest.ErrNotFound) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	}
	g = w.create()
	redistest.Must(t, w.Sessions.Delete(t.Context(), g.SessionID))
	if _, err := w.Sessions.Get(t.Context(), g.SessionID); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("of a guest deleted here: %v, want ErrNotFound", err)
	}
	if err := w.Sessions.Adopt(t.Context(), g); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("adopted a deleted guest: %v", err)
	}
}

func TestWrongPasswordIsAnErrorAtStart(t *testing.T) {
	t.Parallel()
	s := redistest.StandaloneWith(t, redisproc.Config{Password: "right"})
	conn, err := redis.New("redis://:wrong@" + s.Addr())
	redistest.Must(t, err)
	defer conn.Close()
	f := New(Config{Redis: conn, Instance: "i", Now: time.Now})
	if err := f.Start(t.Context()); !errors.Is(err, redis.ErrMisconfigured) {
		t.Errorf("Start: %v, want redis.ErrMisconfigured", err)
	}
}
