package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"guestload/server/guest"
	"guestload/server/store/memory"
)

// populate stores n guests, with a socket each.
func populate(b *testing.B, n int) (*memory.Store, []guest.Session) {
	b.Helper()
	m := memory.New("here", time.Now)
	all := make([]guest.Session, n)
	for i := range all {
		all[i] = guest.New(uuid.NewString(), "Guest_1", guest.Profile{}, time.Now())
		if err := m.Sessions.Create(b.Context(), all[i]); err != nil {
			b.Fatal(err)
		}
		if _, _, err := m.Presence.Join(b.Context(), all[i].SessionID); err != nil {
			b.Fatal(err)
		}
	}
	return m, all
}

// One operation is a meeting: a search that waits, one that finds it, a leave.
// In front of the two wait guests whose wishes are all different, and whom
// nobody can meet.
func BenchmarkMemoryMeeting(b *testing.B) {
	traits := guest.Traits{Language: "en", Gender: "f", Country: "DE"}
	for _, depth := range []int{0, 5000, 50_000} {
		b.Run(fmt.Sprintf("depth %d", depth), func(b *testing.B) {
			m := memory.New("here", time.Now)
			for n := range depth {
				s := guest.Searcher{ID: fmt.Sprintf("guest_%d", n), Traits: traits, Wants: guest.Preferences{Language: fmt.Sprint(n)}}
				if pair, err := m.Matcher.Search(b.Context(), s); err != nil || pair.ID != "" {
					b.Fatal(pair, err)
				}
			}
			x, y := guest.Searcher{ID: "guest_x", Traits: traits}, guest.Searcher{ID: "guest_y", Traits: traits}
			x.Wants, y.Wants = guest.Preferences{Gender: "f"}, guest.Preferences{Country: "DE", Language: "en"}
			// The crowd wants other languages, so neither finds anybody there.
			b.ReportAllocs()
			for b.Loop() {
				if pair, err := m.Matcher.Search(b.Context(), x); err != nil || pair.ID != "" {
					b.Fatal(pair, err)
				}
				if pair, err := m.Matcher.Search(b.Context(), y); err != nil || pair.B.ID != x.ID {
					b.Fatal(pair, err)
				}
				if _, err := m.Matcher.Leave(b.Context(), x.ID); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMemoryGet(b *testing.B) {
	m, all := populate(b, 10_000)
	b.Run("one goroutine", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if _, err := m.Sessions.Get(b.Context(), all[n%len(all)].SessionID); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all cores", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for n := 0; pb.Next(); n++ {
				if _, err := m.Sessions.Get(b.Context(), all[n%len(all)].SessionID); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkMemoryPatch(b *testing.B) {
	m, all := populate(b, 10_000)
	patch := guest.Patch{Fields: guest.FieldLastSeen | guest.FieldIsSearching, To: guest.Session{LastSeen: time.Now().UTC(), IsSearching: true}}
	b.Run("one goroutine", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if _, err := m.Sessions.Patch(b.Context(), all[n%len(all)].SessionID, patch); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all cores", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for n := 0; pb.Next(); n++ {
				if _, err := m.Sessions.Patch(b.Context(), all[n%len(all)].SessionID, patch); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkMemoryOnline(b *testing.B) {
	m, _ := populate(b, 10_000)
	b.Run("page of 100 of 10000", func(b *testing.B) {
		b.ReportAllocs()
		cursor := ""
		for b.Loop() {
			page, next, err := m.Presence.Online(b.Context(), cursor, 100)
			if err != nil || len(page) != 100 {
				b.Fatal(len(page), err)
			}
			cursor = next
		}
	})
	b.Run("stats", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Presence.Stats(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
