package sessions

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// testDeleted writes back copies of sessions that another instance deletes at the same
// time, or has deleted before: their documents are not to be read even for a moment.
func testDeleted(t *testing.T, r rig) {
	a, b := r.start(t), r.start(t)
	const sessions = 60 // so that each shard of a cluster has some
	var before, during []Kept
	for n := range sessions {
		k := Kept{Session: a.create(t), Expires: time.Now().Add(time.Hour)}
		if n%2 == 0 {
			before = append(before, k)
			redistest.Must(t, a.sessions.Delete(t.Context(), k.Session.SessionID))
		} else {
			during = append(during, k)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { // as somebody who looks at Redis from outside
		for ctx.Err() == nil {
			for _, k := range before {
				if doc := r.Do(t, "GET", redis.SessionKey(k.Session.SessionID)); doc != nil {
					t.Errorf("a deleted session is there again: %v", doc)
					return
				}
			}
		}
	})
	work.Go(func() {
		for _, k := range during {
			if err := a.sessions.Delete(t.Context(), k.Session.SessionID); err != nil {
				t.Error(err)
			}
		}
	})
	for range 100 {
		for n, err := range b.sessions.Restore(t.Context(), before) {
			if !errors.Is(err, guest.ErrNotFound) {
				t.Errorf("restoring deleted session %d: %v, want ErrNotFound", n, err)
			}
		}
		for n, err := range b.sessions.Restore(t.Context(), during) {
			if err != nil && !errors.Is(err, guest.ErrNotFound) {
				t.Errorf("restoring session %d: %v", n, err)
			}
		}
	}
	stop()
	work.Wait()
	for _, k := range append(before, during...) {
		id := k.Session.SessionID
		if _, err := b.sessions.Get(t.Context(), id); !errors.Is(err, guest.ErrNotFound) {
			t.Errorf("a deleted session is there: %v", err)
		}
	}
	stranger := Kept{Session: redistest.NewGuest(), Expires: time.Now().Add(time.Hour)}
	stranger.Session.SessionID = uuid.NewString()
	if errs := b.sessions.Restore(t.Context(), []Kept{stranger}); errs[0] != nil {
		t.Errorf("restoring a session that was not deleted: %v", errs[0])
	}
}
