package failover

import (
	"fmt"
	"testing"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redis/sessions"
	"guestload/server/store/redistest"
)

// TestOutageInTheMiddleOfTheWriteBack: the network goes when Redis has been told
// of a part, and more changes on both sides of that line before it is back.
func TestOutageInTheMiddleOfTheWriteBack(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	tunnel := redistest.NewTunnel(t, s.Addr())
	tunnel.Cut()
	w := runFailover(t, "redis://"+tunnel.Addr(), "here", time.Now)
	ctx := t.Context()
	guests := make([]guest.Session, 10*sessions.Batch)
	for i := range guests {
		guests[i] = w.create()
		_, _, err := w.Presence.Join(ctx, guests[i].SessionID)
		redistest.Must(t, err)
	}
	tunnel.Mend()
	written := int64(0)
	redistest.Eventually(t, 15*time.Second, "the write-back begins", func() bool {
		n, err := s.Do("DBSIZE")
		redistest.Must(t, err)
		written = n.(int64)
		return written > sessions.Batch
	})
	tunnel.Cut()
	for state := range w.changes {
		if state.to == StateFallback {
			break
		}
		if state.to == StateRedis {
			t.Fatalf("Redis was taken for the truth with %d of %d guests", written, len(guests))
		}
	}
	t.Logf("cut after %d of %d guests", written, len(guests))

	want := make(map[string]string)
	for i, g := range guests {
		want[g.SessionID] = g.Username
		switch i % 5 {
		case 0:
			want[g.SessionID] = fmt.Sprintf("Name_%d", i)
			w.rename(g.SessionID, want[g.SessionID])
		case 1:
			want[g.SessionID] = ""
			redistest.Must(t, w.Presence.Leave(ctx, g.SessionID))
			redistest.Must(t, w.Sessions.Delete(ctx, g.SessionID))
		}
	}
	fresh := w.create()
	want[fresh.SessionID] = fresh.Username
	tunnel.Mend()
	back := time.Now()
	t.Logf("redis %v after the mend", w.await(StateRedis).at.Sub(back).Round(time.Millisecond))
	if n := w.Sessions.Dirty(); n != 0 {
		t.Errorf("%d sessions are owed", n)
	}
	for id, name := range want {
		got, ttl := stored(t, s, id)
		if got.Username != name || name != "" && ttl < guest.Lifetime-time.Minute {
			t.Fatalf("Redis has %q for %v, want %q", got.Username, ttl, name)
		}
	}
	if n, err := s.Do("GET", "active_user_count"); err != nil || n != fmt.Sprint(4*len(guests)/5) {
		t.Errorf("active_user_count = %v, %v, want %d", n, err, 4*len(guests)/5)
	}
}
