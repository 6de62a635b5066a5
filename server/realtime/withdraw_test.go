package realtime

import (
	"context"
	"sync/atomic"
	"testing"

	"guestload/server/api"
	"guestload/server/guest"
)

// countingMatcher counts how often it is told that somebody leaves.
type countingMatcher struct {
	Matcher
	leaves atomic.Int64
	fail   atomic.Bool // the next leave is not answered, though it happens
}

func (m *countingMatcher) Leave(ctx context.Context, id string) (guest.Pair, error) {
	m.leaves.Add(1)
	p, err := m.Matcher.Leave(ctx, id)
	if m.fail.Swap(false) {
		return guest.Pair{}, guest.ErrUnavailable
	}
	return p, err
}

func TestMatcherIsToldOfALeaveOnlyWhereItHoldsSomething(t *testing.T) {
	within(t, func(w *world) {
		m := &countingMatcher{Matcher: w.node.matcher}
		w.node.matcher = m
		told := func(when string, want int64) {
			t.Helper()
			if n := m.leaves.Swap(0); n != want {
				w.t.Errorf("%s: the matcher was asked %d times, want %d", when, n, want)
			}
		}
		a, b := w.pair()
		a.client.Closed()
		told("who drops from a chat", 1)
		b.client.Closed()
		told("whose partner has left", 0)

		a, b = w.pair()
		m.fail.Store(true)
		a.do(api.EventLeaveRoom, "")
		told("who leaves and is not answered", 1)
		b.client.Closed()
		told("whose partner's leave is in doubt", 1)
		a.client.Closed()
		told("whose own leave is in doubt", 1)

		a, b = w.pair()
		if err := w.node.Resync(w.t.Context(), nil); err != nil {
			w.t.Fatal(err)
		}
		a.client.Closed()
		told("who drops after another store took over", 1)
		b.client.Closed()
		told("whose record another store may have kept", 1)
	})
}
