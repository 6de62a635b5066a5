package realtime

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"guestload/server/guest"
)

// distantMatcher takes its time to restore a pair.
type distantMatcher struct {
	Matcher
	takes    time.Duration
	restored atomic.Int64
}

func (m *distantMatcher) Restore(ctx context.Context, p guest.Pair) (guest.Pair, error) {
	m.restored.Add(1)
	<-time.After(m.takes)
	return m.Matcher.Restore(ctx, p)
}

func TestChatsAreRestoredManyAtATime(t *testing.T) {
	within(t, func(w *world) {
		m := &distantMatcher{Matcher: w.node.matcher, takes: 10 * time.Millisecond}
		w.node.matcher = m
		const chats = 5*restorers - 1
		for range chats {
			w.pair()
		}
		began := time.Now()
		if err := w.node.Resync(w.t.Context(), nil); err != nil {
			w.t.Fatal(err)
		}
		if took := time.Since(began); took != 5*m.takes || m.restored.Load() != chats {
			w.t.Errorf("%d chats of %d restored in %v, want %v", m.restored.Load(), chats, took, 5*m.takes)
		}
	})
}
