package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
)

// online is the first page, by session id.
func (i *instance) online(tb testing.TB) map[string]guest.Session {
	tb.Helper()
	page, _, err := i.presence.Online(tb.Context(), "", 100)
	if err != nil {
		tb.Fatal(err)
	}
	guests := make(map[string]guest.Session)
	for _, g := range page {
		guests[g.SessionID] = g
	}
	return guests
}

// testOnlineCopies reads pages by an instance that has none of the guests, while
// others change them.
func testOnlineCopies(t *testing.T, r rig) {
	const n = 40
	writer, reader := r.start(t), r.start(t)
	var guests []guest.Session
	for range n {
		guests = append(guests, writer.join(t))
	}
	stats := reader.redis.CacheStats()
	count := func() (hits, misses, sent int64) {
		return stats.Hits.Load(), stats.Misses.Load(), reader.redis.Sent()
	}
	first := reader.online(t)
	_, misses, _ := count()
	if len(first) != n || misses != n {
		t.Fatalf("the first page has %d guests of %d, %d were asked for", len(first), n, misses)
	}
	hits, _, sent := count()
	again := reader.online(t)
	if h, m, s := count(); len(again) != n || h-hits != n || m != misses || s-sent != 1 {
		t.Errorf("again, %d guests: %d hits, %d misses, %d commands, want %d, 0 and 1", len(again), h-hits, m-misses, s-sent, n)
	}
	if _, err := reader.sessions.Get(t.Context(), guests[0].SessionID); err != nil {
		t.Error(err)
	}
	if _, m, _ := count(); m != misses {
		t.Error("a guest of the page was asked for on its own")
	}

	// One of many copies becomes stale.
	change := guest.Patch{Fields: guest.FieldUsername, To: guest.Session{Username: "Another"}}
	if _, err := writer.sessions.Patch(t.Context(), guests[1].SessionID, change); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Second, "the change", func() bool {
		return reader.online(t)[guests[1].SessionID].Username == "Another"
	})
	if _, m, _ := count(); m-misses != 1 {
		t.Errorf("after one change %d were asked for", m-misses)
	}
	r.do(t, "DEL", "guest:"+guests[2].SessionID)
	eventually(t, time.Second, "the deletion", func() bool { return len(reader.online(t)) == n-1 })

	// What holds no document is on no page, and is not taken for what is not there.
	list := uuid.NewString()
	r.do(t, "RPUSH", "guest:"+list, "x")
	r.do(t, "ZADD", reader.redis.link.Load().keys.members(writer.name), "0", list, "0", "no session id")
	if got := reader.online(t); len(got) != n-1 {
		t.Errorf("%d guests with a list among them, want %d", len(got), n-1)
	}
	if _, err := reader.sessions.Get(t.Context(), list); !errors.Is(err, guest.ErrCorrupt) {
		t.Errorf("a list that a page has asked for: Get = %v, want ErrCorrupt", err)
	}

	testOnlineOwnWrites(t, reader, writer, guests[3:])
}

// testOnlineOwnWrites has two instances change guests and read pages, each of
// which must have what its instance has written, and in the end what both have.
func testOnlineOwnWrites(t *testing.T, a, b *instance, guests []guest.Session) {
	var wg sync.WaitGroup
	for k, i := range []*instance{a, b, a, b} {
		wg.Go(func() {
			g := guests[k]
			for n := range 50 {
				name := fmt.Sprintf("Name%dx%d", k, n)
				_, err := i.sessions.Patch(t.Context(), g.SessionID, guest.Patch{Fields: guest.FieldUsername, To: guest.Session{Username: name}})
				if err != nil {
					t.Error(err)
					return
				}
				page, _, err := i.presence.Online(t.Context(), "", 100)
				if err != nil {
					t.Error(err)
					return
				}
				for _, got := range page {
					if got.SessionID == g.SessionID && got.Username != name {
						t.Errorf("%s was read as %s", name, got.Username)
					}
				}
			}
		})
	}
	wg.Wait()
	for k := range 4 {
		want := fmt.Sprintf("Name%dx49", k)
		for _, i := range []*instance{a, b} {
			eventually(t, time.Second, "the last change", func() bool {
				return i.online(t)[guests[k].SessionID].Username == want
			})
		}
	}
}
