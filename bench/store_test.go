package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/realtime"
	"guestload/server/redisproc"
	"guestload/server/store/failover"
	"guestload/server/store/memory"
	"guestload/server/store/redis"
	"guestload/server/store/redistest"
)

// keeper is one instance's store, of either kind, and the node over it.
type keeper struct {
	name     string
	node     *realtime.Node
	sessions realtime.Sessions
	presence realtime.Presence
	matcher  realtime.Matcher
	broker   realtime.Broker   // nil: memory
	redis    *redisproc.Server // nil: memory
}

// inMemory is a store in this process.
func inMemory(tb testing.TB) *keeper {
	tb.Helper()
	m := memory.New("here", time.Now)
	k := &keeper{name: "here", sessions: m.Sessions, presence: m.Presence, matcher: m.Matcher}
	k.node = k.newNode(tb)
	return k
}

// inRedis is an instance's store in a Redis that the benchmark started, with all
// that a server has around it.
func inRedis(tb testing.TB, server *redisproc.Server, instance string) *keeper {
	tb.Helper()
	r, err := redis.New(server.URL())
	if err != nil {
		tb.Fatal(err)
	}
	f := failover.New(failover.Config{Redis: r, Instance: instance, Now: time.Now})
	if err := f.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if f.State() != failover.StateRedis {
		tb.Fatalf("storage is %s, want %s", f.State(), failover.StateRedis)
	}
	k := &keeper{name: instance, sessions: f.Sessions, presence: f.Presence, matcher: f.Matcher, broker: f.Broker, redis: server}
	k.node = k.newNode(tb)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f.Run(ctx, k.node) })
	tb.Cleanup(func() {
		stop()
		running.Wait()
		r.Close()
	})
	return k
}

func (k *keeper) newNode(tb testing.TB) *realtime.Node {
	tb.Helper()
	n, err := realtime.New(realtime.Config{Instance: k.name, Sessions: k.sessions, Presence: k.presence, Matcher: k.matcher, Broker: k.broker, Now: time.Now})
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// measure measures op: alone in memory, from many goroutines with Redis. It
// returns the CPU time of one in ns, Redis's included.
func (k *keeper) measure(b *testing.B, op func() error) float64 {
	b.Helper()
	if k.redis == nil {
		return loop(b, op)
	}
	return together(b, k.redis, op)
}

// onBoth runs a benchmark on both stores.
func onBoth(b *testing.B, bench func(b *testing.B, k *keeper)) {
	b.Run("memory", func(b *testing.B) { bench(b, inMemory(b)) })
	b.Run("redis", func(b *testing.B) { bench(b, inRedis(b, redistest.Standalone(b), "here")) })
}

var someProfile = guest.Profile{
	Username: "CoolPanda1234", Gender: "female", Language: "de",
	Location: guest.Location(`{"country":"Austria","region":"Styria","city":"Graz","timezone":"Europe/Vienna","coordinates":{"lat":47.07,"lon":15.43}}`),
}

func newGuest() guest.Session {
	return guest.New(uuid.NewString(), someProfile.Username, someProfile, time.Now().UTC().Truncate(time.Millisecond))
}

// fill creates n guests and returns them; where they are online, they have
// joined as well.
func (k *keeper) fill(tb testing.TB, n int, online bool) []guest.Session {
	tb.Helper()
	guests := make([]guest.Session, n)
	manyAtATime(tb, n, func(i int) error {
		guests[i] = newGuest()
		err := k.sessions.Create(tb.Context(), guests[i])
		if err == nil && online {
			_, _, err = k.presence.Join(tb.Context(), guests[i].SessionID)
		}
		return err
	})
	return guests
}

// manyAtATime does what must be there before a measurement n times: commands to
// Redis share a flush.
func manyAtATime(tb testing.TB, n int, do func(i int) error) {
	tb.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 4 * crowd {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
}

// BenchmarkCreate is a new guest: name, id, document. In memory one of a
// thousand older guests goes for each who comes, or the garbage collector's work
// would depend on how long the benchmark runs.
func BenchmarkCreate(b *testing.B) {
	ctx := context.Background()
	b.Run("memory", func(b *testing.B) {
		k := inMemory(b)
		var crowd [1000]string
		i := 0
		loop(b, func() error {
			if id := crowd[i%len(crowd)]; id != "" {
				if err := k.sessions.Delete(ctx, id); err != nil {
					return err
				}
			}
			s, err := k.node.Create(ctx, guest.Profile{})
			crowd[i%len(crowd)] = s.SessionID
			i++
			return err
		})
	})
	b.Run("redis", func(b *testing.B) {
		k := inRedis(b, redistest.Standalone(b), "here")
		k.measure(b, func() error {
			_, err := k.node.Create(ctx, guest.Profile{})
			return err
		})
	})
}

// BenchmarkFetch reads guests: where the process has a copy, and where Redis
// must be asked, since no guest is asked for twice. x/uncached compares the two,
// Redis's CPU included. Goal: at most 0.25, and no Redis command where cached.
func BenchmarkFetch(b *testing.B) {
	fetch := func(k *keeper, guests []guest.Session) func() error {
		var i atomic.Int64
		ctx := context.Background()
		return func() error {
			_, err := k.node.Session(ctx, guests[int(i.Add(1))%len(guests)].SessionID)
			return err
		}
	}
	b.Run("memory", func(b *testing.B) {
		k := inMemory(b)
		k.measure(b, fetch(k, k.fill(b, 1000, false)))
	})
	uncached := 0.0
	b.Run("redis-uncached", func(b *testing.B) {
		server := redistest.Standalone(b)
		guests := inRedis(b, server, "there").fill(b, b.N, false)
		k := inRedis(b, server, "here")
		uncached = k.measure(b, fetch(k, guests))
	})
	b.Run("redis-cached", func(b *testing.B) {
		k := inRedis(b, redistest.Standalone(b), "here")
		op := fetch(k, k.fill(b, 1000, false))
		for range 1000 {
			if err := op(); err != nil {
				b.Fatal(err)
			}
		}
		cached := k.measure(b, op)
		if uncached > 0 { // it was asked for as well
			b.ReportMetric(cached/uncached, "x/uncached")
		}
	})
}

// BenchmarkPatch changes four fields of a guest, as a match does. Goal: at most
// 3.3 times the CPU of a plain SET EX; BenchmarkRedisWrite of server/store has it
// beside one.
func BenchmarkPatch(b *testing.B) {
	ctx := context.Background()
	onBoth(b, func(b *testing.B, k *keeper) {
		guests := k.fill(b, 1000, false)
		patch := guest.Patch{
			Fields: guest.FieldLastSeen | guest.FieldIsSearching | guest.FieldInChat | guest.FieldConnectedUser,
			To:     guest.Session{LastSeen: time.Now().UTC().Truncate(time.Millisecond), InChat: true, ConnectedUser: guests[0].ID},
		}
		var i atomic.Int64
		k.measure(b, func() error {
			_, err := k.sessions.Patch(ctx, guests[int(i.Add(1))%len(guests)].SessionID, patch)
			return err
		})
	})
}

// BenchmarkPresence is a guest's coming and going.
func BenchmarkPresence(b *testing.B) {
	ctx := context.Background()
	onBoth(b, func(b *testing.B, k *keeper) {
		guests := k.fill(b, 1000, false)
		var i atomic.Int64
		k.measure(b, func() error {
			id := guests[int(i.Add(1))%len(guests)].SessionID
			if _, _, err := k.presence.Join(ctx, id); err != nil {
				return err
			}
			return k.presence.Leave(ctx, id)
		})
	})
}

// BenchmarkOnline reads the first page of 100 guests, among ever more. Goal: as
// dear among 100,000 as among 1,000.
func BenchmarkOnline(b *testing.B) {
	ctx := context.Background()
	onBoth(b, func(b *testing.B, k *keeper) {
		there := 0
		for _, n := range []int{1_000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%dk", n/1000), func(b *testing.B) {
				k.fill(b, n-there, true)
				there = n
				k.measure(b, func() error {
					page, _, err := k.node.Online(ctx, "", 100)
					if err == nil && len(page) != 100 {
						err = fmt.Errorf("page of %d, want 100", len(page))
					}
					return err
				})
			})
		}
	})
}

// BenchmarkStats counts guests, of whom there are 10,000. Goal: as many Redis
// commands however many they are; BenchmarkGrowth compares numbers.
func BenchmarkStats(b *testing.B) {
	ctx := context.Background()
	onBoth(b, func(b *testing.B, k *keeper) {
		k.fill(b, 10_000, true)
		k.measure(b, func() error {
			_, err := k.node.Stats(ctx)
			return err
		})
	})
}

// BenchmarkMatch is one meeting: a search that waits, one that finds, and the
// end of the pair; while nobody and while 5,000 others wait whom nobody accepts.
// Goals: the same at either depth, and a search at most 2.3 times the CPU of a
// SET; BenchmarkRedisMatch of server/store has it beside one.
func BenchmarkMatch(b *testing.B) {
	ctx := context.Background()
	for _, depth := range []int{0, 5000} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			onBoth(b, func(b *testing.B, k *keeper) {
				fillQueue(b, k, depth)
				var i atomic.Int64
				k.measure(b, func() error {
					n := i.Add(1)
					return meetAndPart(ctx, k, searcher(k, fmt.Sprintf("guest_a_%d", n)), searcher(k, fmt.Sprintf("guest_b_%d", n)))
				})
			})
		})
	}
}

// fillQueue queues n guests whom nobody matches.
func fillQueue(b *testing.B, k *keeper, n int) {
	b.Helper()
	manyAtATime(b, n, func(i int) error {
		s := searcher(k, fmt.Sprintf("guest_odd_%d", i))
		s.Wants.Language = "xx"
		_, err := k.matcher.Search(b.Context(), s)
		return err
	})
}

func searcher(k *keeper, id string) guest.Searcher {
	return guest.Searcher{ID: id, Username: someProfile.Username, Instance: k.name, Traits: guest.Traits{Language: "en"}, Location: someProfile.Location}
}
