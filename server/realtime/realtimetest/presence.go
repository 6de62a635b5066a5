package realtimetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"guestload/server/guest"
)

func presenceIsIdempotent(t *testing.T, h Harness) {
	i := h.first()
	s := i.create(t)
	var last int64
	for _, want := range []string{"", i.Name, i.Name} {
		previous, at, err := i.Presence.Join(t.Context(), s.SessionID)
		if err != nil || previous != want {
			t.Errorf("joined from %q, %v; want %q", previous, err, want)
		}
		if at < last || time.Since(time.UnixMicro(at)).Abs() > time.Minute {
			t.Errorf("joined at %v, after %v", time.UnixMicro(at), time.UnixMicro(last))
		}
		last = at
		if got := i.stats(t); got.OnlineUsers != 1 || got.ActiveUsers != 1 {
			t.Errorf("got %+v, want 1 online", got)
		}
	}
	for range 2 {
		if err := i.Presence.Leave(t.Context(), s.SessionID); err != nil {
			t.Error(err)
		}
		if got := i.stats(t); got.OnlineUsers != 0 || got.ActiveUsers != 0 {
			t.Errorf("got %+v, want nobody online", got)
		}
	}
	if previous, _, err := i.Presence.Join(t.Context(), s.SessionID); err != nil || previous != "" {
		t.Errorf("joined again from %q, %v", previous, err)
	}
}

func presenceTakesSessionIDs(t *testing.T, h Harness) {
	i := h.first()
	for _, id := range []string{"", "x", newSession().ID, strings.Repeat("a", 36)} {
		if _, _, err := i.Presence.Join(t.Context(), id); !errors.Is(err, guest.ErrNotFound) {
			t.Errorf("%q joined: %v", id, err)
		}
	}
	if got := i.stats(t).OnlineUsers; got != 0 {
		t.Errorf("%d online", got)
	}
}

func guestBelongsToLatest(t *testing.T, h Harness) {
	a, b := h.first(), h.other()
	s, goes, gone := a.join(t), a.join(t), newSession()
	_, first, err := a.Presence.Join(t.Context(), s.SessionID)
	if err != nil {
		t.Fatal(err)
	}
	previous, at, err := b.Presence.Join(t.Context(), s.SessionID)
	if err != nil || previous != a.Name {
		t.Fatalf("moved from %q, %v; want %q", previous, err, a.Name)
	}
	if at <= first {
		t.Errorf("moved at %d, after a join at %d", at, first)
	}
	if err := a.Presence.Leave(t.Context(), s.SessionID, goes.SessionID, gone.SessionID); err != nil {
		t.Fatal(err)
	}
	for _, i := range h.Instances {
		if got := i.stats(t); got.OnlineUsers != 1 || got.ActiveUsers != 1 {
			t.Errorf("%s: got %+v, want the guest on %s", i.Name, got, b.Name)
		}
		if ids := pageThrough(t, i, 10); !slices.Equal(ids, []string{s.SessionID}) {
			t.Errorf("%s lists %q", i.Name, ids)
		}
	}
	if err := b.Presence.Leave(t.Context(), s.SessionID); err != nil {
		t.Fatal(err)
	}
	if got := a.stats(t); got.OnlineUsers != 0 || got.ActiveUsers != 0 {
		t.Errorf("got %+v, want nobody", got)
	}
}

func manyLeaveAtOnce(t *testing.T, h Harness) {
	i := h.first()
	stays, returns := i.join(t), i.join(t)
	ids := []string{returns.SessionID}
	for range 255 {
		ids = append(ids, i.join(t).SessionID)
	}
	for range 2 {
		if err := i.Presence.Leave(t.Context(), ids...); err != nil {
			t.Fatal(err)
		}
		if got := i.stats(t); got.OnlineUsers != 1 || got.ActiveUsers != 1 {
			t.Errorf("got %+v, want one online", got)
		}
	}
	if previous, _, err := i.Presence.Join(t.Context(), returns.SessionID); err != nil || previous != "" {
		t.Errorf("joined again from %q, %v", previous, err)
	}
	if err := i.Presence.Leave(t.Context(), ids[1:]...); err != nil {
		t.Error(err)
	}
	if err := i.Presence.Leave(t.Context()); err != nil {
		t.Errorf("nobody left: %v", err)
	}
	want := []string{stays.SessionID, returns.SessionID}
	slices.Sort(want)
	if got := pageThrough(t, i, 10); !slices.Equal(got, want) {
		t.Errorf("%q are online, want %q", got, want)
	}
}

// pageThrough lists the session ids of everybody online, in the order given.
func pageThrough(t *testing.T, i Instance, limit int) (ids []string) {
	t.Helper()
	cursor, given := "", map[string]bool{}
	for {
		page, next, err := i.Presence.Online(t.Context(), cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > limit {
			t.Fatalf("a page of %d, more than %d", len(page), limit)
		}
		for _, s := range page {
			ids = append(ids, s.SessionID)
		}
		if next == "" {
			return ids
		}
		if given[next] {
			t.Fatalf("cursor %q was given out twice", next)
		}
		cursor, given[next] = next, true
	}
}

func pagesListEverybody(t *testing.T, h Harness) {
	if ids := pageThrough(t, h.first(), 10); len(ids) != 0 {
		t.Errorf("nobody is online, but listed: %q", ids)
	}
	var want []string
	for n := range 100 {
		want = append(want, h.Instances[n%len(h.Instances)].join(t).SessionID)
		h.first().create(t) // no socket, not listed
	}
	slices.Sort(want)
	var order []string
	for _, limit := range []int{1, 7, 99, 100, 101, 1000} {
		got := pageThrough(t, h.first(), limit)
		if order == nil {
			order = slices.Clone(got)
		}
		if !slices.Equal(got, order) {
			t.Errorf("limit %d: another order", limit)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: %d listed, want %d, each once", limit, len(got), len(want))
		}
	}
}

func pagesAreStable(t *testing.T, h Harness) {
	stays := map[string]bool{}
	for n := range 60 {
		stays[h.Instances[n%len(h.Instances)].join(t).SessionID] = true
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	for _, i := range h.Instances {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				s := newSession()
				_, _, err := i.Presence.Join(t.Context(), s.SessionID)
				if err == nil && n%3 > 0 { // some stay for a while
					err = i.Presence.Leave(t.Context(), s.SessionID)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		times := map[string]int{}
		for _, id := range pageThrough(t, h.other(), 13) {
			times[id]++
		}
		for id := range stays {
			if times[id] != 1 {
				t.Fatalf("%s was online all the time and is listed %d times", id, times[id])
			}
		}
	}
}

func pagesShowCurrentSessions(t *testing.T, h Harness) {
	i := h.first()
	kept, deleted := i.join(t), i.join(t)
	if err := i.Sessions.Delete(t.Context(), deleted.SessionID); err != nil {
		t.Fatal(err)
	}
	p := guest.Patch{Fields: guest.FieldGender, To: guest.Session{Gender: "new"}}
	if _, err := i.Sessions.Patch(t.Context(), kept.SessionID, p); err != nil {
		t.Fatal(err)
	}
	page, next, err := i.Presence.Online(t.Context(), "", 10)
	if err != nil || next != "" || len(page) != 1 || page[0].ID != kept.ID || page[0].Gender != "new" {
		t.Errorf("got %+v, %q, %v; want %s alone, as it is now", page, next, err, kept.ID)
	}
}

func badPagesAreRefused(t *testing.T, h Harness) {
	i := h.first()
	i.join(t)
	for _, cursor := range []string{"0", "*", "[", "guest:1", "\x00", strings.Repeat("f", 5000), newSession().ID} {
		if page, _, err := i.Presence.Online(t.Context(), cursor, 10); !errors.Is(err, guest.ErrBadCursor) {
			t.Errorf("cursor %.40q: got %d guests, %v", cursor, len(page), err)
		}
	}
	for _, limit := range []int{0, -1} {
		if page, _, err := i.Presence.Online(t.Context(), "", limit); err == nil {
			t.Errorf("limit %d: got %d guests and no error", limit, len(page))
		}
	}
}

func statsCount(t *testing.T, h Harness) {
	want := guest.Stats{}
	check := func(when string) {
		t.Helper()
		for _, i := range h.Instances {
			if got := i.stats(t); got != want {
				t.Errorf("%s, %s:\n got %+v\nwant %+v", when, i.Name, got, want)
			}
		}
	}
	check("empty")
	for range 3 {
		h.first().create(t)
	}
	a, b, c := h.first().join(t), h.other().join(t), h.other().join(t)
	want.TotalUsers, want.OnlineUsers, want.ActiveUsers = 6, 3, 3
	check("three online")
	for n, s := range []guest.Session{a, b, c} {
		i := []Instance{h.first(), h.other(), h.other()}[n]
		if _, err := i.Matcher.Search(t.Context(), guest.Searcher{ID: s.ID, Username: s.Username, Instance: i.Name}); err != nil {
			t.Fatal(err)
		}
	}
	want.ConnectedUsers, want.AvailableUsers = 1, 1
	check("a pair and one who waits")
	if _, err := h.other().Matcher.Leave(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.first().Matcher.Leave(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	want.ConnectedUsers, want.AvailableUsers = 0, 0
	check("all have left")
	if err := h.first().Sessions.Delete(t.Context(), a.SessionID); err != nil {
		t.Fatal(err)
	}
	if err := h.first().Presence.Leave(t.Context(), a.SessionID); err != nil {
		t.Fatal(err)
	}
	want.TotalUsers, want.OnlineUsers, want.ActiveUsers = 5, 2, 2
	check("one was deleted")
}
