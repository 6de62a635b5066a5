package presence

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/redis"
	"guestload/server/store/redis/sessions"
	"guestload/server/store/redistest"
)

// Benchmarks of Redis report CPU, not only time: cpu-µs/op is that of this
// process and of Redis together, redis-µs/op that of Redis alone. Sixteen
// goroutines work at once, as a server's do, so that commands share trips.

const benchWorkers = 16

func benchRig(b *testing.B) (rig, *instance) {
	b.Helper()
	s := redistest.Standalone(b)
	r := rig{redistest.Only(s)}
	return r, r.start(b)
}

// measure runs do b.N times over benchWorkers goroutines.
func measure(b *testing.B, r rig, do func(ctx context.Context, worker, n int) error) {
	b.Helper()
	ctx := context.Background()
	redis, err := r.Nodes[0].CPU()
	if err != nil {
		b.Fatal(err)
	}
	own := ownCPU(b)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for w := range benchWorkers {
		wg.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= b.N {
					return
				}
				if err := do(ctx, w, n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	own = ownCPU(b) - own
	after, err := r.Nodes[0].CPU()
	if err != nil {
		b.Fatal(err)
	}
	redis = after - redis
	b.ReportMetric(float64(redis.Nanoseconds())/1e3/float64(b.N), "redis-µs/op")
	b.ReportMetric(float64((own+redis).Nanoseconds())/1e3/float64(b.N), "cpu-µs/op")
}

func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchGuests(b *testing.B, i *instance, n int) []guest.Session {
	b.Helper()
	guests := make([]guest.Session, n)
	for k := range guests {
		g := redistest.NewGuest()
		g.Location = guest.Location(`{"country":"Austria","region":"Styria","city":"Graz","timezone":"Europe/Vienna","coordinates":{"lat":47.07,"lon":15.43}}`)
		guests[k] = g
	}
	for k := 0; k < n; k += 500 {
		batch := make([]sessions.Kept, 0, 500)
		for _, g := range guests[k:min(n, k+500)] {
			batch = append(batch, sessions.Kept{Session: g, Expires: time.Now().Add(guest.Lifetime)})
		}
		for _, err := range i.sessions.Restore(context.Background(), batch) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	return guests
}

// BenchmarkRedisWrite compares a patch, own writes read fresh, with a plain SET
// EX of the same document.
func BenchmarkRedisWrite(b *testing.B) {
	r, i := benchRig(b)
	guests := benchGuests(b, i, 1000)
	client := i.link().Client
	b.Run("plain", func(b *testing.B) {
		measure(b, r, func(ctx context.Context, _, n int) error {
			g := &guests[n%len(guests)]
			doc := string(g.AppendJSON(nil))
			return client.Do(ctx, client.B().Set().Key(redis.SessionKey(g.SessionID)).Value(doc).ExSeconds(7200).Build()).Error()
		})
	})
	patch := func(p guest.Patch) func(*testing.B) {
		return func(b *testing.B) {
			measure(b, r, func(ctx context.Context, _, n int) error {
				_, err := i.sessions.Patch(ctx, guests[n%len(guests)].SessionID, p)
				return err
			})
		}
	}
	b.Run("patch 1 field", patch(guest.Patch{Fields: guest.FieldIsSearching}))
	b.Run("patch 4 fields", patch(guest.Patch{
		Fields: guest.FieldIsSearching | guest.FieldInChat | guest.FieldConnectedUser | guest.FieldLastSeen,
		To:     guest.Session{InChat: true, ConnectedUser: guests[0].ID, LastSeen: guests[0].LastSeen},
	}))
	b.Run("create", func(b *testing.B) {
		measure(b, r, func(ctx context.Context, _, _ int) error { return i.sessions.Create(ctx, redistest.NewGuest()) })
	})
}

// BenchmarkRedisRead compares reads with and without the client-side cache.
func BenchmarkRedisRead(b *testing.B) {
	r, i := benchRig(b)
	guests := benchGuests(b, i, 1000)
	client := i.link().Client
	b.Run("uncached", func(b *testing.B) {
		measure(b, r, func(ctx context.Context, _, n int) error {
			g := &guests[n%len(guests)]
			message, err := client.Do(ctx, client.B().Get().Key(redis.SessionKey(g.SessionID)).Build()).ToMessage()
			if err == nil {
				_, err = redis.ParseDocument(message, g.SessionID)
			}
			return err
		})
	})
	b.Run("cached", func(b *testing.B) {
		for _, g := range guests {
			if _, err := i.sessions.Get(b.Context(), g.SessionID); err != nil {
				b.Fatal(err)
			}
		}
		measure(b, r, func(ctx context.Context, _, n int) error {
			_, err := i.sessions.Get(ctx, guests[n%len(guests)].SessionID)
			return err
		})
	})
}

// BenchmarkRedisOnline lists a page of 50 among 10,000 online of 100,000, by the
// range of names and by SSCAN of a set, and by KEYS and GET as the seed does it.
func BenchmarkRedisOnline(b *testing.B) {
	r, i := benchRig(b)
	guests := benchGuests(b, i, 100_000)[:10_000]
	client := i.link().Client
	ctx := context.Background()
	for _, g := range guests {
		if _, _, err := i.presence.Join(ctx, g.SessionID); err != nil {
			b.Fatal(err)
		}
		if err := client.Do(ctx, client.B().Sadd().Key("plain set").Member(g.SessionID).Build()).Error(); err != nil {
			b.Fatal(err)
		}
	}
	var cursors [benchWorkers]string
	b.Run("page of 50", func(b *testing.B) {
		measure(b, r, func(ctx context.Context, w, _ int) (err error) {
			_, cursors[w], err = i.presence.Online(ctx, cursors[w], 50)
			return err
		})
	})
	b.Run("50 names by range", func(b *testing.B) {
		l := i.link()
		measure(b, r, func(ctx context.Context, _, n int) error {
			args := []string{"(" + guests[n%len(guests)].SessionID, "50", l.Keys.MembersOf}
			return i.presence.scripts.online.Exec(ctx, client, []string{l.Keys.Instances}, args).Error()
		})
	})
	var scans [benchWorkers]uint64
	b.Run("50 names by SSCAN", func(b *testing.B) {
		measure(b, r, func(ctx context.Context, w, _ int) error {
			entry, err := client.Do(ctx, client.B().Sscan().Key("plain set").Cursor(scans[w]).Count(50).Build()).AsScanEntry()
			scans[w] = entry.Cursor
			return err
		})
	})
	b.Run("statistics", func(b *testing.B) {
		measure(b, r, func(ctx context.Context, _, _ int) error {
			_, err := i.presence.Stats(ctx)
			return err
		})
	})
}

// BenchmarkRedisPresence is a guest's coming and going.
func BenchmarkRedisPresence(b *testing.B) {
	r, i := benchRig(b)
	ids := make([]string, 10_000)
	for n := range ids {
		ids[n] = uuid.NewString()
	}
	measure(b, r, func(ctx context.Context, _, n int) error {
		if _, _, err := i.presence.Join(ctx, ids[n%len(ids)]); err != nil {
			return err
		}
		return i.presence.Leave(ctx, ids[n%len(ids)])
	})
}

// BenchmarkRedisMatch compares a search, every second of which makes a pair,
// with a plain SET of as many bytes; with none and with 5,000 guests waiting
// whom nobody accepts.
func BenchmarkRedisMatch(b *testing.B) {
	r, i := benchRig(b)
	client := i.link().Client
	var run atomic.Int64
	search := func(traits guest.Traits) func(*testing.B) {
		return func(b *testing.B) {
			prefix := fmt.Sprintf("guest_%d_", run.Add(1))
			measure(b, r, func(ctx context.Context, _, n int) error {
				s := i.searcher(prefix + fmt.Sprint(n))
				s.Traits = traits
				_, err := i.matcher.Search(ctx, s)
				return err
			})
		}
	}
	english := guest.Traits{Language: "en"}
	b.Run("plain SET", func(b *testing.B) {
		value := string(make([]byte, 300))
		measure(b, r, func(ctx context.Context, _, n int) error {
			return client.Do(ctx, client.B().Set().Key(fmt.Sprintf("plain_%d", n)).Value(value).ExSeconds(7200).Build()).Error()
		})
	})
	b.Run("search", search(guest.Traits{}))
	b.Run("search with a language", search(english))
	for n := range 5000 {
		s := i.searcher(fmt.Sprintf("odd_%d", n))
		s.Traits, s.Wants = guest.Traits{Language: "en"}, guest.Preferences{Language: "xx"}
		if _, err := i.matcher.Search(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("search past 5000", search(guest.Traits{}))
	b.Run("search with a language past 5000", search(english))
}
