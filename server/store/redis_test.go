package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/redisproc"
	"guestload/server/store/redistest"
)

// rig is one Redis, and a way to start instances on it.
type rig struct {
	url   string
	nodes []*redisproc.Server
}

// instance is what one server process has of Redis.
type instance struct {
	name     string
	redis    *Redis
	sessions *RedisSessions
	presence *RedisPresence
	matcher  *RedisMatcher
	broker   *RedisBroker
}

// TestRedis runs everything against every kind of Redis.
func TestRedis(t *testing.T) {
	tests := []struct {
		name string
		run  func(*testing.T, rig)
	}{
		{"sessions are kept, changed and dropped", testSessionLife},
		{"a patch leaves all else byte for byte", testPatchBytes},
		{"a document that is known is swapped", testSwaps},
		{"a document that is not ours harms nobody else", testForeignDocuments},
		{"a change by another client is seen at once", testForeignChange},
		{"concurrent patches are all kept", testConcurrentPatches},
		{"own writes are never read stale", testOwnReads},
		{"restoring lets the later lastSeen win", testRestore},
		{"presence follows the latest socket", testPresence},
		{"the online list is stable under change", testOnlinePages},
		{"the online list is read from copies", testOnlineCopies},
		{"the counter is never below zero", testCounter},
		{"statistics count what there is", testStats},
		{"keys of other programs are no sessions", testForeignKeys},
		{"a deleted session cannot be written again", testDeleted},
		{"no request scans the keys", testNoScans},
		{"guests are matched first come, first served", testMatching},
		{"a search after a lost answer finds its pair", testSearchAgain},
		{"two instances match two thousand once each", testMatchStorm},
		{"messages arrive in order", testBroker},
		{"what is not so any more is pruned", testPrune},
		{"a dead instance is cleaned up after", testReaping},
		{"an instance that comes back is told", testComeback},
		{"an instance that is back in the middle of its cleaning keeps the rest", testComebackMidway},
		{"the sweep finds ghosts", testSweep},
	}
	onEachRedis(t, func(t *testing.T, r rig) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r.flush(t)
				tt.run(t, r)
			})
		}
	})
}

// onEachRedis runs a test against a single server, plain and with TLS, a cluster,
// and a master that a Sentinel tells of.
func onEachRedis(t *testing.T, run func(*testing.T, rig)) {
	t.Run("standalone", func(t *testing.T) { run(t, single(t)) })
	t.Run("cluster", func(t *testing.T) { run(t, clustered(t)) })
	t.Run("tls", func(t *testing.T) {
		a := redistest.NewAuthority(t)
		with := a.For("127.0.0.1")
		s := redistest.StandaloneWith(t, redisproc.Config{Password: "sesame", TLS: &with})
		run(t, rig{url: s.TLSURL() + "?ca=" + a.CA(), nodes: []*redisproc.Server{s}})
	})
	t.Run("sentinel", func(t *testing.T) {
		g := redistest.Group(t, redisproc.Config{Password: "sesame", SentinelPassword: "open"})
		run(t, rig{url: g.URL(), nodes: []*redisproc.Server{g.Master}})
	})
}

func single(tb testing.TB) rig { return only(redistest.Standalone(tb)) }

// only is a rig of one server.
func only(s *redisproc.Server) rig { return rig{url: s.URL(), nodes: []*redisproc.Server{s}} }

func clustered(tb testing.TB) rig {
	c := redistest.Cluster(tb, 3)
	return rig{url: c.URL(), nodes: c.Nodes}
}

// owner is the node that has a key.
func (r rig) owner(tb testing.TB, key string) *redisproc.Server {
	tb.Helper()
	for _, node := range r.nodes {
		if _, err := node.Do("EXISTS", key); err == nil {
			return node
		}
	}
	tb.Fatalf("no node has %s", key)
	return nil
}

func (r rig) flush(tb testing.TB) {
	tb.Helper()
	for _, node := range r.nodes {
		if _, err := node.Do("FLUSHALL"); err != nil {
			tb.Fatal(err)
		}
	}
}

func (r rig) start(tb testing.TB) *instance {
	tb.Helper()
	conn := connect(tb, r.url)
	i := &instance{name: "i-" + uuid.NewString(), redis: conn}
	i.sessions = NewRedisSessions(conn, time.Now)
	i.matcher = NewRedisMatcher(conn)
	i.presence = NewRedisPresence(conn, i.name, i.sessions, i.matcher)
	i.broker = NewRedisBroker(conn)
	eventually(tb, 10*time.Second, "a lease", func() bool { _, err := i.presence.Beat(tb.Context()); return err == nil })
	return i
}

func connect(tb testing.TB, url string) *Redis {
	tb.Helper()
	conn, err := NewRedis(url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(conn.Close)
	// On a busy machine coming to terms may take longer than an outage is given.
	eventually(tb, 10*time.Second, "connected", func() bool {
		if err = conn.Connect(tb.Context()); err != nil && !errors.Is(err, guest.ErrUnavailable) {
			tb.Fatal(err)
		}
		return err == nil
	})
	return conn
}

// do sends a command as another client would, to the node that has the key.
func (r rig) do(tb testing.TB, args ...string) any {
	tb.Helper()
	for _, node := range r.nodes {
		reply, err := node.Do(args...)
		var moved redisproc.Error
		if errors.As(err, &moved) && strings.HasPrefix(string(moved), "MOVED") {
			continue
		}
		if err != nil {
			tb.Fatal(err)
		}
		return reply
	}
	tb.Fatalf("no node takes %q", args)
	return nil
}

func newGuest() guest.Session {
	id := uuid.NewString()
	now := time.Now().UTC().Truncate(time.Millisecond)
	return guest.Session{
		ID: guest.IDPrefix + id, SessionID: id, Username: "CoolPanda1234",
		LastSeen: now, CreatedAt: now,
		Location: guest.Location(`{"country":"Österreich","tags":[],"big":12345678901234567,"path":"a/b","odd":"},{\"gender\":"}`),
		Gender:   "female", Language: "de",
	}
}

func (i *instance) create(tb testing.TB) guest.Session {
	tb.Helper()
	g := newGuest()
	if err := i.sessions.Create(tb.Context(), g); err != nil {
		tb.Fatal(err)
	}
	return g
}

// join is what a server does when a guest's socket has been opened.
func (i *instance) join(tb testing.TB) guest.Session {
	tb.Helper()
	g := i.create(tb)
	if _, _, err := i.presence.Join(tb.Context(), g.SessionID); err != nil {
		tb.Fatal(err)
	}
	g, err := i.sessions.Patch(tb.Context(), g.SessionID, guest.Patch{
		Fields: guest.FieldIsOnline | guest.FieldSocketID,
		To:     guest.Session{IsOnline: true, SocketID: "socket_" + uuid.NewString()},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func (i *instance) searcher(id string) guest.Searcher {
	return guest.Searcher{ID: id, Username: "u_" + id, Instance: i.name}
}

// eventually waits for what happens elsewhere, and fails when it does not.
func eventually(tb testing.TB, within time.Duration, what string, holds func() bool) {
	tb.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("not within %v: %s", within, what)
		}
	}
}

func TestRedisThatIsAway(t *testing.T) {
	s := redistest.Standalone(t)
	url := s.URL()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	conn, err := NewRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Connect(t.Context()); !errors.Is(err, guest.ErrUnavailable) {
		t.Errorf("Connect = %v, want ErrUnavailable", err)
	}
	_, err = NewRedisSessions(conn, time.Now).Get(t.Context(), uuid.NewString())
	if !errors.Is(err, guest.ErrUnavailable) || errors.Is(err, guest.ErrNotFound) {
		t.Errorf("Get = %v, want ErrUnavailable", err)
	}
	changes := watchRedis(t, conn)
	expect(t, changes, false, time.Second)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, changes, true, time.Second)
}

func TestRedisThatCanNeverWork(t *testing.T) {
	s := redistest.StandaloneWith(t, redisproc.Config{Password: "sesame"})
	g := redistest.Group(t, redisproc.Config{Password: "sesame", SentinelPassword: "sesame"})
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
			conn, err := NewRedis(tt.url)
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

func watchRedis(t *testing.T, conn *Redis) <-chan change {
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
			s := redistest.Standalone(t)
			conn := connect(t, s.URL())
			sessions := NewRedisSessions(conn, time.Now)
			changes := watchRedis(t, conn)
			expect(t, changes, true, time.Second)
			for range 3 {
				if err := k.fail(s); err != nil {
					t.Fatal(err)
				}
				began, had := time.Now(), awake(t)
				if err := sessions.Create(t.Context(), newGuest()); !errors.Is(err, guest.ErrUnavailable) {
					t.Errorf("Create = %v, want ErrUnavailable", err)
				}
				if took := min(time.Since(began), had()); took > k.within {
					t.Errorf("the first failure took %v, want %v: it comes with the prober's word at the latest", took, k.within)
				}
				c := expect(t, changes, false, 2*time.Second)
				if took := min(c.at.Sub(began), had()); took > k.within {
					t.Errorf("down was told after %v, want %v", took, k.within)
				}
				if !errors.Is(c.why, guest.ErrUnavailable) {
					t.Errorf("down because of %v, want ErrUnavailable", c.why)
				}
				if err := k.mend(t, s); err != nil {
					t.Fatal(err)
				}
				expect(t, changes, true, 2*time.Second)
				if err := sessions.Create(t.Context(), newGuest()); err != nil {
					t.Errorf("after the return: %v", err)
				}
			}
		})
	}
}

func TestWatchTellsARestartThatNoProbeSaw(t *testing.T) {
	s := redistest.Standalone(t)
	conn := connect(t, s.URL())
	changes := watchRedis(t, conn)
	expect(t, changes, true, time.Second)
	if err := s.Restart(t.Context()); err != nil { // takes some 20 ms
		t.Fatal(err)
	}
	expect(t, changes, false, 2*time.Second)
	expect(t, changes, true, 2*time.Second)
}

func TestWatchTellsWhenAMasterIsGone(t *testing.T) {
	c := redistest.Cluster(t, 3)
	conn := connect(t, c.URL())
	changes := watchRedis(t, conn)
	expect(t, changes, true, time.Second)
	if err := c.Nodes[1].Kill(); err != nil {
		t.Fatal(err)
	}
	expect(t, changes, false, 2*time.Second)
	if err := c.Nodes[1].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, changes, true, 20*time.Second)
	if _, err := NewRedisSessions(conn, time.Now).Get(t.Context(), uuid.NewString()); !errors.Is(err, guest.ErrNotFound) {
		t.Errorf("Get after the return = %v, want ErrNotFound", err)
	}
}
