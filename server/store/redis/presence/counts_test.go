package presence

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

func testStats(t *testing.T, r rig) {
	a, b := r.start(t), r.start(t)
	ctx := t.Context()
	for n := range 10 {
		r.Do(t, "SET", fmt.Sprintf("user:%d", n), "another program's")
	}
	if err := newSweeper(a.presence).sweepInTurn(ctx); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		a.create(t)
	}
	guests := []guest.Session{a.join(t), b.join(t), b.join(t)}
	for n, i := range []*instance{a, b, b} {
		if _, err := i.matcher.Search(ctx, i.searcher(guests[n].ID)); err != nil {
			t.Fatal(err)
		}
	}
	want := guest.Stats{TotalUsers: 8, OnlineUsers: 3, ActiveUsers: 3, AvailableUsers: 1, ConnectedUsers: 1}
	count := func(when string) {
		t.Helper()
		for _, i := range []*instance{a, b} {
			if got, err := i.presence.Stats(ctx); err != nil || got != want {
				t.Errorf("%s: Stats = %+v, %v, want %+v", when, got, err, want)
			}
		}
	}
	count("swept before")
	r.Do(t, "SET", "guest:not a session", "another program's") // other keys more, and one of ours less
	r.Do(t, "SET", redis.SessionKey(uuid.NewString()), "another program's")
	r.Do(t, "RPUSH", redis.SessionKey(uuid.NewString()), "another program's")
	r.Do(t, "DEL", a.keys().SweepLease)
	var coming sync.WaitGroup
	coming.Go(func() {
		for range 500 {
			a.create(t)
		}
	})
	if err := newSweeper(a.presence).sweepInTurn(ctx); err != nil {
		t.Fatal(err)
	}
	coming.Wait()
	want.TotalUsers += 500
	count("guests came while it swept")
}

// testForeignKeys writes and deletes keys of other programs while instances run.
func testForeignKeys(t *testing.T, r rig) {
	a, b := r.start(t), r.start(t)
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	defer run.Wait()
	defer stop()
	for _, i := range []*instance{a, b} {
		run.Go(func() { i.presence.Run(ctx, Events{Lost: func() {}, Failed: func(err error) { t.Error(err) }}) })
	}
	for range 3 {
		a.create(t)
	}
	total := func(want int) {
		t.Helper()
		redistest.Eventually(t, 5*time.Second, fmt.Sprintf("%d sessions", want), func() bool {
			stats, err := b.presence.Stats(ctx)
			return err == nil && stats.TotalUsers == want
		})
	}
	total(3)
	replaced := b.create(t)
	keys := []string{redis.SessionKey(uuid.NewString()), redis.SessionKey(uuid.NewString()), "guest:not a session", "another:program", "guests:online", "guests:deleted:x"}
	for n, key := range keys {
		if n == 0 {
			r.Do(t, "RPUSH", key, "x")
		} else {
			r.Do(t, "SET", key, "{}")
		}
	}
	total(4)
	redistest.Must(t, b.sessions.Delete(ctx, replaced.SessionID)) // which leaves a tombstone
	total(3)
	for _, key := range keys {
		r.Do(t, "DEL", key)
	}
	total(3)
}
