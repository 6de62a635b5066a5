package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"guestload/server/guest"
	"guestload/server/store/memory"
)

// BenchmarkGrowth is what is done for one guest among few and among many. bench
// scale compares the two: with a term that grows with the square, the larger
// would cost 50 times as much.
func BenchmarkGrowth(b *testing.B) {
	for _, n := range []int{1_000, 50_000} {
		size := fmt.Sprintf("%dk", n/1000)
		k := inMemory(b)
		guests := k.fill(b, n, true)
		ctx := b.Context()
		b.Run("stats/"+size, func(b *testing.B) {
			loop(b, func() error {
				_, err := k.node.Stats(ctx)
				return err
			})
		})
		b.Run("presence/"+size, func(b *testing.B) {
			i := 0
			loop(b, func() error {
				id := guests[i%n].SessionID
				i++
				if err := k.presence.Leave(ctx, id); err != nil {
					return err
				}
				_, _, err := k.presence.Join(ctx, id)
				return err
			})
		})
		b.Run("matching/"+size, func(b *testing.B) {
			fillQueue(b, k, n)
			first, second := searcher(k, "guest_a"), searcher(k, "guest_b")
			loop(b, func() error { return meetAndPart(ctx, k, first, second) })
		})
		b.Run("sweep/"+size, func(b *testing.B) { sweepAll(b, n) })
	}
}

// meetAndPart is a search that waits, one that finds it, and the end.
func meetAndPart(ctx context.Context, k *keeper, first, second guest.Searcher) error {
	for _, s := range []guest.Searcher{first, second} {
		if _, err := k.matcher.Search(ctx, s); err != nil {
			return err
		}
	}
	_, err := k.matcher.Leave(ctx, first.ID)
	return err
}

// sweepAll looks through n sessions, none of which has lapsed; an operation is
// one session.
func sweepAll(b *testing.B, n int) {
	m := memory.New("here", time.Now)
	for range n {
		if err := m.Sessions.Create(b.Context(), newGuest()); err != nil {
			b.Fatal(err)
		}
	}
	done := 0
	loop(b, func() error {
		if done++; done%n == 0 && m.Sessions.Sweep() != 0 {
			return fmt.Errorf("a session lapsed within %v", guest.Lifetime)
		}
		return nil
	})
}
