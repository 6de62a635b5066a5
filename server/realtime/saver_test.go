package realtime

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"

	"guestload/server/api"
	"guestload/server/guest"
)

// counting notes how many documents are written, and in how many calls.
type counting struct {
	Sessions
	calls, written int
}

func (c *counting) PatchAll(ctx context.Context, changes []guest.Change) []error {
	c.calls++
	c.written += len(changes)
	return c.Sessions.PatchAll(ctx, changes)
}

func TestChangesOfAMomentAreWrittenTogether(t *testing.T) {
	within(t, func(w *world) {
		count := &counting{Sessions: w.node.sessions}
		w.node.sessions = count
		a, b := w.pair() // both connect, search and are matched
		c := w.join(guest.Profile{Username: "Cy"})
		if s := c.state(); !s.IsOnline {
			t.Errorf("Cy's document: %+v", s)
		}
		if count.calls != 2 || count.written != 3 {
			t.Errorf("%d documents written in %d calls, want Ann's and Bob's in one, and Cy's", count.written, count.calls)
		}
		a.do(api.EventChatClear, "")
		a.client.Closed()
		b.client.Closed()
		if s := b.state(); s.InChat || s.IsOnline || s.ConnectedUser != "" {
			t.Errorf("Bob's document: %+v", s)
		}
		if count.calls != 3 || count.written != 5 {
			t.Errorf("%d documents written in %d calls after the end, want two more in one", count.written, count.calls)
		}
	})
}

// doorman notes who leaves presence, and may keep those waiting who join, and
// turn them away.
type doorman struct {
	Presence
	left   [][]string // by call
	closed chan error // a join waits for it, and fails with what comes; nil: the door is open
}

func (d *doorman) Join(ctx context.Context, sessionID string) (string, int64, error) {
	if d.closed != nil {
		if err := <-d.closed; err != nil {
			return "", 0, err
		}
	}
	return d.Presence.Join(ctx, sessionID)
}

func (d *doorman) Leave(ctx context.Context, sessionIDs ...string) error {
	d.left = append(d.left, sessionIDs)
	return d.Presence.Leave(ctx, sessionIDs...)
}

func TestWhoGoesInAMomentLeavesPresenceTogether(t *testing.T) {
	within(t, func(w *world) {
		d := &doorman{Presence: w.node.presence}
		w.node.presence = d
		a, b, c := w.join(guest.Profile{Username: "Ann"}), w.join(guest.Profile{Username: "Bob"}), w.join(guest.Profile{Username: "Cy"})
		for _, p := range []*peer{a, b, c} {
			p.client.Closed()
		}
		c = w.connect(c.session, api.JSON) // before anybody has noticed
		w.pass(2 * gather)
		synctest.Wait()
		if want := [][]string{{a.session.SessionID, b.session.SessionID}}; !reflect.DeepEqual(d.left, want) {
			w.t.Errorf("left: %q, want %q", d.left, want)
		}
		if s := c.state(); !s.IsOnline {
			w.t.Errorf("the document of who came back: %+v", s)
		}
		if got := w.node.everybody(); len(got) != 1 || got[0].id != c.session.ID {
			w.t.Errorf("%d are still known, want Cy alone", len(got))
		}
	})
}

func TestWhoIsComingBackIsNotTakenFromPresence(t *testing.T) {
	for _, refused := range []error{nil, guest.ErrUnavailable} {
		within(t, func(w *world) {
			d := &doorman{Presence: w.node.presence}
			w.node.presence = d
			a := w.join(guest.Profile{Username: "Ann"})
			a.client.Closed()
			d.closed = make(chan error)
			var connecting sync.WaitGroup
			connecting.Go(func() {
				if _, err := w.node.Connect(w.t.Context(), a.session, api.JSON, newMemSocket()); !errors.Is(err, refused) {
					w.t.Errorf("connected again: %v, want %v", err, refused)
				}
			})
			w.pass(10 * gather)
			synctest.Wait()
			if len(d.left) != 0 {
				w.t.Errorf("left while coming back: %q", d.left)
			}
			d.closed <- refused
			connecting.Wait()
			w.pass(2 * gather)
			synctest.Wait()
			want := 1
			if refused != nil {
				want = 0
			}
			stats, err := w.node.Stats(w.t.Context())
			if err != nil || stats.OnlineUsers != want || len(w.node.everybody()) != want || len(d.left) != 1-want {
				w.t.Errorf("refused with %v: %+v, %v, %d known, left %q", refused, stats, err, len(w.node.everybody()), d.left)
			}
		})
	}
}
