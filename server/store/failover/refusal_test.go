package failover

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.FieldsFunc(l.buf.String(), func(r rune) bool { return r == '\n' })
}

// TestRefusalsAreNamed takes away a right, a type or writing, from a Redis that is in
// use or before it is: guests are served from memory, the reason names what is in the
// way, the log says it once, and when it is given back Redis is used again.
func TestRefusalsAreNamed(t *testing.T) {
	rights := func(rules ...string) []string { return append([]string{"ACL", "SETUSER", "few"}, rules...) }
	keys := redis.NewKeys(false)
	for name, c := range map[string]struct {
		off, on [][]string
		says    []string
		ready   bool
	}{
		"no writes":        {[][]string{rights("-@write")}, [][]string{rights("+@all")}, []string{`user "few"`, "NOPERM", "SET guest:*"}, false},
		"one command":      {[][]string{rights("-zrangebylex")}, [][]string{rights("+@all")}, []string{"may not run ZRANGEBYLEX", "NOPERM"}, false},
		"no scripts":       {[][]string{rights("-@scripting")}, [][]string{rights("+@all")}, []string{"EVALSHA", "NOPERM"}, false},
		"no channels":      {[][]string{rights("resetchannels")}, [][]string{rights("&*")}, []string{"channel instance:*", "NOPERM"}, false},
		"no subscriptions": {[][]string{rights("-subscribe")}, [][]string{rights("+@all")}, []string{"SUBSCRIBE", "instance:*", "NOPERM"}, false},
		"no scan":          {[][]string{rights("-scan")}, [][]string{rights("+@all")}, []string{"SCAN", "NOPERM"}, false},
		"guests' keys":     {[][]string{rights("resetkeys", "~guest:*")}, [][]string{rights("~*")}, []string{"instances", "NOPERM"}, false},
		"full": {[][]string{{"CONFIG", "SET", "maxmemory", "1"}}, [][]string{{"CONFIG", "SET", "maxmemory", "0"}},
			[]string{"OOM", "maxmemory"}, true},
		"read-only": {[][]string{{"REPLICAOF", "127.0.0.1", "1"}}, [][]string{{"REPLICAOF", "NO", "ONE"}}, []string{"READONLY", "replica"}, true},
		"owners":    {[][]string{{"SET", keys.Owners, "x"}}, [][]string{{"DEL", keys.Owners}}, []string{"WRONGTYPE", keys.Owners}, false},
		"leases":    {[][]string{{"SET", keys.Instances, "x"}}, [][]string{{"DEL", keys.Instances}}, []string{"WRONGTYPE", keys.Instances}, false},
		"counter": {[][]string{{"DEL", keys.Counter}, {"LPUSH", keys.Counter, "x"}}, [][]string{{"DEL", keys.Counter}},
			[]string{"WRONGTYPE", keys.Counter}, false},
		"queue": {[][]string{{"SET", redis.MatchQueue, "x"}}, [][]string{{"DEL", redis.MatchQueue}}, []string{"WRONGTYPE", redis.MatchQueue}, false},
		"tombstones": {[][]string{{"SET", keys.Tombstones, "x"}}, [][]string{{"DEL", keys.Tombstones}},
			[]string{"WRONGTYPE", keys.Tombstones}, false},
	} {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, before the start: %v", name, before), func(t *testing.T) {
				t.Parallel()
				s := redistest.Standalone(t)
				redistest.Must(t, do(s, rights("on", ">pw", "~*", "&*", "+@all")...))
				apply := func(commands [][]string) {
					for _, c := range commands {
						redistest.Must(t, do(s, c...))
					}
					if name == "no subscriptions" || name == "no channels" { // those that stand are not ended by all rules
						_ = do(s, "CLIENT", "KILL", "TYPE", "pubsub")
					}
				}
				if before {
					apply(c.off)
				}
				log := new(lines)
				w := runFailoverLogged(t, "redis://few:pw@"+s.Addr(), log)
				if !before {
					w.started()
					apply(c.off)
					if name == "queue" || name == "no scan" || name == "one command" { // found by a guest, or by the next trial
						w.fallBack(w.redis.Check(t.Context(), w.instance))
					}
				}
				named := func() bool {
					why := w.Reason()
					for _, words := range c.says {
						if !strings.Contains(why, words) {
							return false
						}
					}
					return w.State() == StateFallback && w.Ready() == c.ready
				}
				if !soonOr(10*time.Second, named) {
					t.Fatalf("in state %s the reason is %q, ready %v, want %q", w.State(), w.Reason(), w.Ready(), c.says)
				}
				g := w.create() // from memory
				_, _, err := w.Presence.Join(t.Context(), g.SessionID)
				redistest.Must(t, err)
				from := len(log.all())
				<-time.After(time.Second) // in which nothing is to be logged any more
				if more := log.all()[from:]; len(more) > 2 {
					t.Errorf("%d lines in a second:\n%s", len(more), strings.Join(more, "\n"))
				}
				apply(c.on)
				redistest.Eventually(t, 15*time.Second, "Redis is used again", func() bool { return w.State() == StateRedis && w.Reason() == "" && w.Ready() })
				redistest.Eventually(t, 5*time.Second, "all is written back", func() bool { return w.Sessions.Dirty() == 0 })
				if got, _ := stored(t, s, g.SessionID); got.Username != g.Username {
					t.Error("the guest created meanwhile is not in Redis")
				}
				if n := len(log.all()); n > 20 {
					t.Errorf("%d lines in all:\n%s", n, strings.Join(log.all(), "\n"))
				}
			})
		}
	}
}

func soonOr(within time.Duration, holds func() bool) bool {
	for deadline := time.Now().Add(within); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func runFailoverLogged(t *testing.T, url string, log *lines) *ward {
	t.Helper()
	w := runFailoverWith(t, url, "here", time.Now, quiet{}, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
	go func() { _ = w.Broker.Subscribe(t.Context(), "here", func([]byte) {}) }()
	return w
}

func TestRepeatedLinesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(lines)
		r := throttledLog{to: slog.New(slog.NewTextHandler(log, nil))}
		for range 600 { // ten a second for a minute
			r.log(slog.LevelWarn, "full", 1, "redis is full")
			time.Sleep(100 * time.Millisecond)
		}
		r.log(slog.LevelWarn, "other", 1, "something else")
		r.log(slog.LevelWarn, "full", 1, "redis is full")
		got := log.all()
		if len(got) != 3 || !strings.Contains(got[2], "repeated=599") {
			t.Errorf("logged:\n%s", strings.Join(got, "\n"))
		}
	})
}

// TestShortPeriodsWithRedisGetRarer: what the trial does not find ends each at once.
func TestShortPeriodsWithRedisGetRarer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, err := redis.New("redis://127.0.0.1:1")
		redistest.Must(t, err)
		f := New(Config{Redis: conn, Instance: "here", Now: time.Now})
		periods := 0
		for began := time.Now(); time.Since(began) < time.Minute; periods++ {
			now := time.Now()
			f.back.Store(&now)
			f.mu.Lock()
			f.setState(StateRedis)
			f.mu.Unlock()
			f.fallBack(errors.Join(guest.ErrUnavailable, errors.New("some call fails")))
			f.mu.Lock()
			wait := f.restFor(time.Now())
			f.mu.Unlock()
			time.Sleep(wait + time.Millisecond)
		}
		if periods > 20 {
			t.Errorf("%d periods in a minute", periods)
		}
	})
}
