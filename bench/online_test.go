package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"guestload/server/guest"
	"guestload/server/redisproc"
	"guestload/server/store/redis"
	"guestload/server/store/redis/matcher"
	"guestload/server/store/redis/presence"
	"guestload/server/store/redis/sessions"
	"guestload/server/store/redistest"
)

// BenchmarkOnlinePage reads pages of 50 among 100,000 guests of whom 10,000 are
// online, all pages in turn: by an instance that has read none of them before,
// and by one with a client cache. x/keys-and-get compares a page with asking KEYS and
// getting every guest, which is how it is done without an index. Goals: at most
// 0.002, p99-ms at most 2, and no command of Redis longer than 1 ms.
//
// The slowest pages are those beside a garbage collection, which leaves Redis no
// processor where there are two. So the reader's process has the server's settings,
// and has neither the guests of who wrote them nor what connecting left.
func BenchmarkOnlinePage(b *testing.B) {
	const guests, online, limit = 100_000, 10_000, 50
	server := redistest.StandaloneWith(b, redisproc.Config{
		Args: []string{"--slowlog-log-slower-than", "1000", "--slowlog-max-len", "10000"}})
	fillAside(b, server, guests, online)
	defer debug.SetGCPercent(debug.SetGCPercent(200)) // as the server does

	var whole time.Duration
	b.Run("keys-and-get", func(b *testing.B) {
		n := 0
		for b.Loop() {
			began := time.Now()
			getEverybody(b, server, guests)
			whole += time.Since(began)
			n++
		}
		whole /= time.Duration(n)
	})
	report := func(b *testing.B, pages []time.Duration) {
		var sum time.Duration
		for _, d := range pages {
			sum += d
		}
		mean := sum / time.Duration(len(pages))
		slices.Sort(pages)
		b.ReportMetric(float64(mean.Nanoseconds()), "page-ns")
		b.ReportMetric(float64(pages[len(pages)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(slowCommands(b, server)), "slow-commands")
		b.ReportMetric(meanOf(b, server, "evalsha_ro"), "script-µs")
		if whole > 0 { // it was asked for as well
			b.ReportMetric(float64(mean)/float64(whole), "x/keys-and-get")
		}
	}
	b.Run("first-time", func(b *testing.B) {
		forgetSlow(b, server)
		var pages []time.Duration
		for b.Loop() {
			_, presence, done := stores(b, server, "reader")
			runtime.GC() // for what connecting left, and the reader before
			pages = walk(b, presence, limit, online, pages)
			done()
		}
		report(b, pages)
	})
	b.Run("again", func(b *testing.B) {
		_, presence, done := stores(b, server, "reader")
		defer done()
		walk(b, presence, limit, online, nil)
		forgetSlow(b, server)
		var pages []time.Duration
		for b.Loop() {
			pages = walk(b, presence, limit, online, pages)
		}
		report(b, pages)
	})
}

// fillAside fills a Redis as an instance does that is none of this process: its
// mirror and client cache of 100,000 guests are not in the heap of those who read, who
// have none of them, and are not marked by their garbage collector.
func fillAside(b *testing.B, server *redisproc.Server, guests, online int) {
	b.Helper()
	sessions, presence, done := stores(b, server, "here")
	defer done()
	if _, err := presence.Beat(b.Context()); err != nil {
		b.Fatal(err)
	}
	writer := &keeper{name: "here", sessions: sessions, presence: presence}
	writer.fill(b, guests-online, false)
	writer.fill(b, online, true)
}

// getEverybody looks for who is online as a server without an index does: KEYS,
// and a GET of each.
func getEverybody(b *testing.B, server *redisproc.Server, want int) {
	b.Helper()
	conn, err := server.Dial()
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	reply, err := conn.Do("KEYS", "guest:*")
	if err != nil {
		b.Fatal(err)
	}
	keys, _ := reply.([]any)
	for _, key := range keys {
		document, err := conn.Do("GET", key.(string))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := guest.ParseSession([]byte(document.(string))); err != nil {
			b.Fatal(err)
		}
	}
	if len(keys) != want {
		b.Fatalf("KEYS found %d guests, want %d", len(keys), want)
	}
}

// stores are those of an instance in a Redis, without the server around them.
func stores(b *testing.B, server *redisproc.Server, instance string) (*sessions.Store, *presence.Presence, func()) {
	b.Helper()
	r, err := redis.New(server.URL())
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Connect(b.Context()); err != nil {
		b.Fatal(err)
	}
	sessions := sessions.New(r, time.Now)
	return sessions, presence.New(r, instance, sessions, matcher.New(r)), r.Close
}

// walk reads all pages, and appends how long each took to pages.
func walk(b *testing.B, p *presence.Presence, limit, want int, pages []time.Duration) []time.Duration {
	b.Helper()
	listed, cursor := 0, ""
	for {
		began := time.Now()
		page, next, err := p.Online(context.Background(), cursor, limit)
		pages = append(pages, time.Since(began))
		if err != nil {
			b.Fatal(err)
		}
		listed += len(page)
		if cursor = next; cursor == "" {
			break
		}
	}
	if listed != want {
		b.Fatalf("%d guests were listed, want %d", listed, want)
	}
	return pages
}

func forgetSlow(b *testing.B, server *redisproc.Server) {
	b.Helper()
	if _, err := server.Do("SLOWLOG", "RESET"); err != nil {
		b.Fatal(err)
	}
	if err := server.ResetStats(); err != nil {
		b.Fatal(err)
	}
}

// meanOf is how long a command has taken Redis since forgetSlow, in µs.
func meanOf(b *testing.B, server *redisproc.Server, command string) float64 {
	b.Helper()
	info, err := server.Do("INFO", "commandstats")
	if err != nil {
		b.Fatal(err)
	}
	_, stats, _ := strings.Cut(fmt.Sprint(info), "cmdstat_"+command+":")
	_, mean, _ := strings.Cut(stats, "usec_per_call=")
	mean, _, _ = strings.Cut(mean, ",")
	µs, err := strconv.ParseFloat(mean, 64)
	if err != nil {
		b.Fatalf("mean time of %s: %v", command, err)
	}
	return µs
}

// slowCommands is how many commands took Redis longer than 1 ms since forgetSlow;
// each is said.
func slowCommands(b *testing.B, server *redisproc.Server) int {
	b.Helper()
	reply, err := server.Do("SLOWLOG", "GET", "-1")
	if err != nil {
		b.Fatal(err)
	}
	entries, _ := reply.([]any)
	for _, entry := range entries {
		e := entry.([]any) // number, time, µs, words, address, name
		b.Logf("slow: %d µs: %.100s", e[2], fmt.Sprint(e[3]))
	}
	return len(entries)
}
