package failover

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// matcherInRedis is a matcher on Redis, by its prober's word.
func matcherInRedis(t *testing.T) *Store {
	t.Helper()
	conn, err := redis.New("redis://127.0.0.1:1")
	redistest.Must(t, err)
	f := New(Config{Redis: conn, Instance: "here", Now: time.Now})
	f.inRedis.Store(true)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.up = true
	f.setState(StateRedis)
	return f
}

var errTimeout = fmt.Errorf("search partner: %w: %w", guest.ErrUnavailable, errors.New("i/o timeout"))

func TestSilenceThatTheProberDoesNotSeeIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := matcherInRedis(t)
		calls := 0
		f.Matcher.ask(t.Context(), func() error {
			if calls++; calls <= silentTries {
				return errTimeout
			}
			return nil
		}, func() { t.Error("memory was asked") })
		if f.State() != StateRedis || !f.inRedis.Load() {
			t.Errorf("fell to %s after %d calls, though the prober saw Redis up", f.State(), calls)
		}
	})
}

func TestSilenceForEverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := matcherInRedis(t)
		served := false
		f.Matcher.ask(t.Context(), func() error { return errTimeout }, func() { served = true })
		if !served || f.State() != StateFallback {
			t.Errorf("served from memory: %v in state %s", served, f.State())
		}
	})
}

func TestVerdictOfTheProberEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := matcherInRedis(t)
		time.AfterFunc(retryPause+time.Millisecond, func() { f.probed(false, guest.ErrUnavailable) })
		began, served := time.Now(), false
		f.Matcher.ask(t.Context(), func() error { return errTimeout }, func() { served = true })
		if took := time.Since(began); !served || took != retryPause+time.Millisecond {
			t.Errorf("served from memory: %v after %v, want at the verdict", served, took)
		}
	})
}

// TestRedisThatTakesNoWritesIsAnOutage: it answers the prober, and refuses
// whatever changes something.
func TestRedisThatTakesNoWritesIsAnOutage(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	w := runFailover(t, s.URL(), "here", time.Now)
	before := w.create()
	_, err := s.Do("CONFIG", "SET", "maxmemory", "1")
	redistest.Must(t, err)
	began := time.Now()
	if _, err := w.Matcher.Search(t.Context(), guest.Searcher{ID: before.ID, Instance: "here"}); err != nil {
		t.Errorf("search: %v", err)
	}
	w.await(StateFallback)
	t.Logf("served from memory after %v", time.Since(began).Round(time.Millisecond))
	during := w.create()
	p, err := w.Matcher.Search(t.Context(), guest.Searcher{ID: during.ID, Instance: "here"})
	if err != nil || p.Partner(during.ID).ID != before.ID {
		t.Errorf("match in fallback: %+v, %v", p, err)
	}
	_, err = s.Do("CONFIG", "SET", "maxmemory", "0")
	redistest.Must(t, err)
	w.await(StateRedis)
	redistest.Eventually(t, 5*time.Second, "all is written back", func() bool { return w.Sessions.Dirty() == 0 && w.State() == StateRedis })
	if got, _ := stored(t, s, during.SessionID); got.Username != during.Username {
		t.Errorf("the guest created meanwhile is not in Redis: %+v", got)
	}
}
