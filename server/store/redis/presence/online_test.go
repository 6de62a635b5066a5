package presence

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/redistest"
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
	redistest.Eventually(t, time.Second, "the change", func() bool {
		return reader.online(t)[guests[1].SessionID].Username == "Another"
	})
	if _, m, _ := count(); m-misses != 1 {
		t.Errorf("after one change %d were asked for", m-misses)
	}
	r.Do(t, "DEL", "guest:"+guests[2].SessionID)
	redistest.Eventually(t, time.Second, "the deletion", func() bool { return len(reader.online(t)) == n-1 })

	// What holds no document is on no page, and is not taken for what is not there.
	list := uuid.NewString()
	r.Do(t, "RPUSH", "guest:"+list, "x")
	r.Do(t, "ZADD", reader.keys().Members(writer.name), "0", list, "0", "no session id")
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
			redistest.Eventually(t, time.Second, "the last change", func() bool {
				return i.online(t)[guests[k].SessionID].Username == want
			})
		}
	}
}

func testForeignDocuments(t *testing.T, r rig) {
	i := r.start(t)
	ctx := t.Context()
	good := i.join(t)
	whole := `{"sessionId":"` + good.SessionID + `","username":"Ann","lastSeen":"2024-01-01T00:00:00.000Z","createdAt":"2024-01-01T00:00:00.000Z"}`
	documents := []string{``, `{`, `[]`, `"text"`, `null`, `{}`, `{"a":}`, `{"a":1,}`, `{"a":1}}`, `{"a":[1}`, `{"a" 1}`, `{"a":"x}`, `{a:1}`, "\x00\xff", whole}
	for n, doc := range documents {
		bad := uuid.NewString()
		r.Do(t, "SET", "guest:"+bad, doc)
		if _, _, err := i.presence.Join(ctx, bad); err != nil {
			t.Fatal(err)
		}
		if _, err := i.sessions.Get(ctx, bad); !errors.Is(err, guest.ErrCorrupt) {
			t.Errorf("document %d %q: Get = %v, want ErrCorrupt", n, doc, err)
		}
		_, err := i.sessions.Patch(ctx, bad, guest.Patch{Fields: guest.FieldInChat})
		if !errors.Is(err, guest.ErrCorrupt) {
			t.Errorf("document %d %q: Patch = %v, want ErrCorrupt", n, doc, err)
		}
	}
	list := uuid.NewString()
	r.Do(t, "RPUSH", "guest:"+list, "x")
	if _, _, err := i.presence.Join(ctx, list); err != nil {
		t.Fatal(err)
	}
	if _, err := i.sessions.Get(ctx, list); !errors.Is(err, guest.ErrCorrupt) {
		t.Errorf("a list: Get = %v, want ErrCorrupt", err)
	}
	if _, err := i.sessions.Patch(ctx, list, guest.Patch{Fields: guest.FieldInChat}); !errors.Is(err, guest.ErrCorrupt) {
		t.Errorf("a list: Patch = %v, want ErrCorrupt", err)
	}
	change := guest.Patch{Fields: guest.FieldGender, To: guest.Session{Gender: "x"}}
	errs := i.sessions.PatchAll(ctx, []guest.Change{{SessionID: list, Patch: change}, {SessionID: good.SessionID, Patch: change}})
	if !errors.Is(errs[0], guest.ErrCorrupt) || errs[1] != nil {
		t.Errorf("a list and a document at once: %v, want ErrCorrupt and none", errs)
	}
	page, _, err := i.presence.Online(ctx, "", 100)
	if err != nil || len(page) != 1 || page[0].ID != good.ID {
		t.Errorf("Online = %v, %v, want the one good guest", page, err)
	}
}
