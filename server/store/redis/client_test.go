package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/guest"
	"guestload/server/redisproc"
	"guestload/server/store/redistest"
)

// connect connects for the length of a test.
func connect(tb testing.TB, url string) *Client {
	tb.Helper()
	conn, err := New(url)
	return redistest.Connect(tb, conn, err)
}

// write asks Redis for something as stores do.
func write(t *testing.T, conn *Client) error {
	l, err := conn.Up()
	if err != nil {
		return err
	}
	ctx, cancel := l.Within(t.Context(), ReplyTimeout)
	defer cancel()
	if err = l.Client.Do(ctx, l.Client.B().Incr().Key("writes").Build()).Error(); err != nil {
		return conn.Failure("write", err)
	}
	return nil
}

func TestRedisThatIsAway(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	url := s.URL()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	conn, err := New(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Connect(t.Context()); !errors.Is(err, guest.ErrUnavailable) {
		t.Errorf("Connect = %v, want ErrUnavailable", err)
	}
	if _, err = conn.Up(); !errors.Is(err, guest.ErrUnavailable) {
		t.Errorf("Up = %v, want ErrUnavailable", err)
	}
	changes := watchRedis(t, conn)
	expect(t, changes, false, 10*time.Second)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, changes, true, 10*time.Second)
}

func TestRedisThatCanNeverWork(t *testing.T) {
	t.Parallel()
	s := redistest.StandaloneWith(t, redisproc.Config{Password: "sesame"})
	g := redistest.Group(t, redisproc.Config{Password: "sesame"}, "sesame")
	tests := []struct{ name, url, says string }{
		{"wrong password", "redis://:hunter2@" + s.Addr(), "WRONGPASS"},
		{"wrong user", "redis://bob:hunter2@" + s.Addr(), "WRONGPASS"},
		{"no password", "redis://" + s.Addr(), "NOAUTH"},
		{"no such database", "redis://:sesame@" + s.Addr() + "/99", "DB index"},
		{"no RESP3", "redis://:hunter2@" + oldRedis(t), "RESP3"},
		{"wrong password of the Sentinel", strings.Replace(g.URL(), "=sesame", "=hunter2", 1), "WRONGPASS"},
		{"no password of the Sentinel", strings.Replace(g.URL(), "&sentinel_password=sesame", "", 1), "NOAUTH"},
		{"wrong password of the master behind it", strings.Replace(g.URL(), ":sesame@", ":hunter2@", 1), "WRONGPASS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := New(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			err = conn.Connect(t.Context())
			if !errors.Is(err, ErrMisconfigured) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Connect = %v, want ErrMisconfigured about %q", err, tt.says)
			}
			for _, secret := range []string{"hunter2", "sesame"} {
				if strings.Contains(fmt.Sprintf("%v %v %+v", err, conn, err), secret) {
					t.Errorf("the password is told: %v", err)
				}
			}
		})
	}
}

// change is a report of Watch.
type change struct {
	up  bool
	why error
	at  time.Time
}

func watchRedis(t *testing.T, conn *Client) <-chan change {
	t.Helper()
	changes := make(chan change, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn.Watch(ctx, func(up bool, why error) { changes <- change{up, why, time.Now()} })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return changes
}

func expect(t *testing.T, changes <-chan change, up bool, within time.Duration) change {
	t.Helper()
	select {
	case c := <-changes:
		if c.up != up {
			t.Fatalf("told up = %v (%v), want %v", c.up, c.why, up)
		}
		if (c.why == nil) != up {
			t.Errorf("told up = %v because of %v", c.up, c.why)
		}
		return c
	case <-time.After(within):
		t.Fatalf("up = %v not told within %v", up, within)
		return change{}
	}
}

func TestWatchTellsAnOutage(t *testing.T) {
	t.Parallel()
	kinds := []struct {
		name   string
		within time.Duration // from the fault to its report
		fail   func(*redisproc.Server) error
		mend   func(*testing.T, *redisproc.Server) error
	}{
		{"killed", 600 * time.Millisecond, (*redisproc.Server).Kill, func(t *testing.T, s *redisproc.Server) error { return s.Restart(t.Context()) }},
		{"frozen", time.Second, (*redisproc.Server).Freeze, func(_ *testing.T, s *redisproc.Server) error { return s.Thaw() }},
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Standalone(t)
			conn := connect(t, s.URL())
			changes := watchRedis(t, conn)
			expect(t, changes, true, 10*time.Second)
			for range 3 {
				if err := k.fail(s); err != nil {
					t.Fatal(err)
				}
				began, had := time.Now(), redistest.Awake(t)
				if err := write(t, conn); !errors.Is(err, guest.ErrUnavailable) {
					t.Errorf("write = %v, want ErrUnavailable", err)
				}
				if took := min(time.Since(began), had()); took > k.within {
					t.Errorf("the first failure took %v, want %v: it comes with the prober's word at the latest", took, k.within)
				}
				c := expect(t, changes, false, 10*time.Second)
				if took := min(c.at.Sub(began), had()); took > k.within {
					t.Errorf("down was told after %v, want %v", took, k.within)
				}
				if !errors.Is(c.why, guest.ErrUnavailable) {
					t.Errorf("down because of %v, want ErrUnavailable", c.why)
				}
				if err := k.mend(t, s); err != nil {
					t.Fatal(err)
				}
				expect(t, changes, true, 10*time.Second)
				if err := write(t, conn); err != nil {
					t.Errorf("after the return: %v", err)
				}
			}
		})
	}
}

func TestWatchTellsARestartThatNoProbeSaw(t *testing.T) {
	t.Parallel()
	s := redistest.Standalone(t)
	conn := connect(t, s.URL())
	changes := watchRedis(t, conn)
	expect(t, changes, true, 10*time.Second)
	if err := s.Restart(t.Context()); err != nil { // takes some 20 ms
		t.Fatal(err)
	}
	expect(t, changes, false, 10*time.Second)
	expect(t, changes, true, 10*time.Second)
}

func TestWatchTellsWhenAMasterIsGone(t *testing.T) {
	t.Parallel()
	c := redistest.Cluster(t, 3)
	conn := connect(t, c.URL())
	changes := watchRedis(t, conn)
	expect(t, changes, true, 10*time.Second)
	if err := c.Nodes[1].Kill(); err != nil {
		t.Fatal(err)
	}
	expect(t, changes, false, 10*time.Second)
	if err := c.Nodes[1].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, changes, true, 20*time.Second)
	redistest.Must(t, write(t, conn))
}

// TestNobodyWaitsForRedisThatIsDown: an operation's patience ends with the prober's
// word, and no other operation's.
func TestNobodyWaitsForRedisThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(Link)
		unwatched, stop := l.Within(t.Context(), time.Minute)
		defer stop()
		l.setUp(true)
		waiting, stop := l.Within(t.Context(), time.Minute)
		defer stop()
		l.setUp(false)
		synctest.Wait()
		if waiting.Err() == nil || unwatched.Err() != nil {
			t.Errorf("after an outage: %v, and before anybody watched: %v", waiting.Err(), unwatched.Err())
		}
		l.setUp(true)
		began := time.Now()
		later, stop := l.Within(t.Context(), time.Second)
		defer stop()
		<-later.Done()
		if took := time.Since(began); took != time.Second || !errors.Is(later.Err(), context.DeadlineExceeded) {
			t.Errorf("ended after %v with %v, want a timeout after 1s", took, later.Err())
		}
	})
}
