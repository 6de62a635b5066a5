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
	"guestload/server/store/redistest"
)

// hearing subscribes for a ward, and returns what it hears.
func hearing(t *testing.T, w *ward, name string) <-chan string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	got := make(chan string, 20000)
	var run sync.WaitGroup
	run.Go(func() { _ = w.Broker.Subscribe(ctx, name, func(m []byte) { got <- string(m) }) })
	t.Cleanup(func() { stop(); run.Wait() })
	return got
}

// TestWhatIsKeptInAnOutageArrives: all of it, in order, behind what went before.
func TestWhatIsKeptInAnOutageArrives(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		name    string
		off, on func(*redisproc.Server) error
	}{
		{"killed and restarted empty", (*redisproc.Server).Kill, func(s *redisproc.Server) error { return s.Restart(context.Background()) }},
		{"frozen", (*redisproc.Server).Freeze, (*redisproc.Server).Thaw},
	} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Standalone(t)
			here, there := runFailover(t, s.URL(), "here", time.Now), runFailover(t, s.URL(), "there", time.Now)
			here.started()
			there.started()
			got := hearing(t, there, "there")
			next := 0
			probed := func(until int) {
				t.Helper()
				for deadline := time.After(10 * time.Second); next < until; next++ {
					select {
					case m := <-got:
						if m != fmt.Sprint(next) {
							t.Fatalf("heard %q, want %d", m, next)
						}
					case <-deadline:
						t.Fatalf("message %d of %d does not arrive", next, until)
					}
				}
			}
			ctx := t.Context()
			redistest.Must(t, here.Broker.Keep(ctx, "there", []byte("0")))
			probed(1)
			redistest.Must(t, how.off(s))
			sent := 1
			for ; here.State() == StateRedis; sent++ { // also before it is known
				redistest.Must(t, here.Broker.Keep(ctx, "there", fmt.Append(nil, sent)))
			}
			if err := here.Broker.Publish(ctx, "there", []byte("x")); !errors.Is(err, guest.ErrUnavailable) {
				t.Errorf("published in fallback: %v", err)
			}
			for range 8192 {
				redistest.Must(t, here.Broker.Keep(ctx, "there", fmt.Append(nil, sent)))
				sent++
			}
			there.await(StateFallback)
			redistest.Must(t, how.on(s))
			probed(sent)
			here.await(StateRedis)
			redistest.Must(t, here.Broker.Keep(ctx, "there", fmt.Append(nil, sent)))
			probed(sent + 1)
			if n := here.Broker.Lost(); n != 0 {
				t.Errorf("%d messages count as lost", n)
			}
		})
	}
}

// TestWhoComesLateHearsWhatNobodyHeard: an instance that is back sends to one that
// is not yet.
func TestWhoComesLateHearsWhatNobodyHeard(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	here, there := runFailover(t, s.URL(), "here", time.Now), runFailover(t, s.URL(), "there", time.Now)
	for n := range 3 {
		redistest.Must(t, here.Broker.Keep(t.Context(), "there", fmt.Append(nil, n)))
	}
	redistest.Eventually(t, 5*time.Second, "nobody hears", func() bool { return here.Broker.Undelivered() > 0 })
	got := hearing(t, there, "there")
	for n := range 3 {
		select {
		case m := <-got:
			if m != fmt.Sprint(n) {
				t.Fatalf("heard %q, want %d", m, n)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("message %d does not arrive", n)
		}
	}
}

// TestGuestOfAnInstanceThatIsNotBackIsNotGone: Redis comes back empty, and has of
// the guests of another instance only what that has written back.
func TestGuestOfAnInstanceThatIsNotBackIsNotGone(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	tunnel := redistest.NewTunnel(t, s.Addr())
	here, there := runFailover(t, s.URL(), "here", time.Now), runFailover(t, "redis://"+tunnel.Addr(), "there", time.Now)
	here.started()
	there.started()
	tunnel.Cut()
	redistest.Must(t, s.Kill())
	here.await(StateFallback)
	there.await(StateFallback)
	g := there.create()
	redistest.Must(t, s.Restart(t.Context()))
	here.await(StateRedis)
	if _, err := here.Sessions.Get(t.Context(), g.SessionID); !errors.Is(err, guest.ErrUnavailable) {
		t.Errorf("a guest of the instance that is not back yet: %v, want ErrUnavailable", err)
	}
	tunnel.Mend()
	there.await(StateRedis)
	redistest.Eventually(t, 5*time.Second, "it is back", func() bool {
		got, err := here.Sessions.Get(t.Context(), g.SessionID)
		return err == nil && got.Username == g.Username
	})
	redistest.Eventually(t, 2*othersTake, "who is nowhere is gone", func() bool {
		_, err := here.Sessions.Get(t.Context(), redistest.NewGuest().SessionID)
		return errors.Is(err, guest.ErrNotFound)
	})
}
