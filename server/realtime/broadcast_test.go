package realtime

import (
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/store/memory"
)

func TestStatisticsPauseByWhatSendingTook(t *testing.T) {
	for _, c := range []struct {
		sockets int64
		sending time.Duration
		want    time.Duration
	}{
		{0, 0, time.Second},
		{900, 10 * time.Millisecond, time.Second},
		{15_000, 150 * time.Millisecond, 15 * time.Second},
		{100, 2 * time.Second, 10 * time.Second},
	} {
		if got := broadcastPause(c.sockets, c.sending); got != c.want {
			t.Errorf("%d sockets in %s: pause %s, want %s", c.sockets, c.sending, got, c.want)
		}
	}
}

// slowSocket takes a while of the bubble's own time for everything.
type slowSocket struct{ *memSocket }

const slowness = 3 * time.Millisecond

func (s slowSocket) TryWrite(p []byte) (int, error) {
	<-time.After(slowness)
	return s.memSocket.TryWrite(p)
}

func TestRestsBetweenSharesAreNotSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sockets = 3 * wheelSlots * broadcastShare
		mem := memory.New("here", time.Now)
		// It does not run: a heartbeat that waits for a lock would stop the bubble's time.
		n, err := New(Config{Sessions: mem.Sessions, Presence: mem.Presence, Matcher: mem.Matcher, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		for range sockets {
			s, err := n.Create(t.Context(), guest.Profile{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := n.Connect(t.Context(), s, api.JSON, slowSocket{newMemSocket()}); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		sending := n.tellEverybody(t.Context())
		if want := sockets * slowness; sending != want {
			t.Errorf("sending took %s, want %s", sending, want)
		}
		if took, want := time.Since(began), sending+sockets/broadcastShare*broadcastRest; took != want {
			t.Errorf("all took %s, want %s: a rest after each share", took, want)
		}
	})
}
