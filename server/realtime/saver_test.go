package realtime

import (
	"context"
	"testing"

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
