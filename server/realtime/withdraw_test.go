package realtime

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"guestload/server/api"
	"guestload/server/guest"
)

// countingMatcher counts how often it is told that somebody leaves.
type countingMatcher struct {
	Matcher
	leaves atomic.Int64
	fail   atomic.Bool   // the next leave is not answered, though it happens
	held   chan struct{} // leaves wait until it is closed; nil: they do not
}

func (m *countingMatcher) Leave(ctx context.Context, id string) (guest.Pair, error) {
	return m.LeaveAt(ctx, id, anywhere)
}

func (m *countingMatcher) LeaveAt(ctx context.Context, id, instance string) (guest.Pair, error) {
	m.leaves.Add(1)
	if m.held != nil {
		<-m.held
	}
	p, err := m.Matcher.LeaveAt(ctx, id, instance)
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

func TestPartnersWhoGoAtOnceLeaveTheMatcherOnce(t *testing.T) {
	within(t, func(w *world) {
		m := &countingMatcher{Matcher: w.node.matcher}
		w.node.matcher = m
		for _, fails := range []bool{false, true} {
			a, b := w.pair()
			m.held = make(chan struct{})
			m.fail.Store(fails)
			var going sync.WaitGroup
			going.Go(a.client.Closed)
			synctest.Wait()
			b.do(api.EventLeaveRoom, "")
			if n := m.leaves.Swap(0); n != 1 {
				w.t.Errorf("two who go at once asked the matcher %d times, want once", n)
			}
			b.expect(api.EventUserLeft, api.EventClearConfirmed)
			close(m.held)
			going.Wait()
			b.client.Closed()
			if n := m.leaves.Swap(0); n != 0 && !fails || n != 1 && fails {
				w.t.Errorf("the first leave failed: %v; the partner asked the matcher %d times afterwards", fails, n)
			}
			if s := a.state(); s.InChat || s.IsOnline {
				w.t.Errorf("Ann's document: %+v", s)
			}
			if stats, err := w.node.Stats(w.t.Context()); err != nil || stats.ConnectedUsers != 0 || stats.OnlineUsers != 0 {
				w.t.Errorf("statistics afterwards: %+v, %v", stats, err)
			}
		}
	})
}
