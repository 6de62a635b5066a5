package realtime

import (
	"testing"
	"testing/synctest"
	"time"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/store/redistest"
)

// The other of a pair left it before it was told of here: the matcher took the
// guest from the queue for it, and does not put it back.
func TestWhoWasInAPairThatEndedUntoldGoesOnSearching(t *testing.T) {
	within(t, func(w *world) {
		ann, bob := w.join(guest.Profile{Username: "Ann"}), w.join(guest.Profile{Username: "Bob"})
		ann.do(api.EventMatch, "")
		ann.expect(api.EventSearching, api.EventNoUsers)
		if _, err := w.node.matcher.Leave(t.Context(), ann.session.ID); err != nil {
			t.Fatal(err)
		}
		w.node.hear(remote{kind: remoteEnd, why: undone, id: "untold", to: ann.session.ID, from: "guest_gone"})
		ann.expect()
		bob.do(api.EventMatch, "")
		ann.expect(api.EventMatched, api.EventUserJoined, api.EventUserJoined)
	})
}

// A guest searches here whom the matcher holds in a pair of its socket elsewhere.
func TestSearchLeavesThePairOfASocketElsewhere(t *testing.T) {
	within(t, func(w *world) {
		ann, bob := w.join(guest.Profile{Username: "Ann"}), w.join(guest.Profile{Username: "Bob"})
		pair := guest.Pair{ID: "old", A: guest.Searcher{ID: ann.session.ID, Instance: "there"},
			B: guest.Searcher{ID: "guest_other", Instance: "there"}}
		if _, err := w.node.matcher.Restore(t.Context(), pair); err != nil {
			t.Fatal(err)
		}
		ann.do(api.EventMatch, "")
		ann.expect(api.EventSearching, api.EventNoUsers)
		bob.do(api.EventMatch, "")
		ann.expect(api.EventMatched, api.EventUserJoined, api.EventUserJoined)
	})
}

// The old socket of a guest closes late: what the guest does elsewhere by then stands.
func TestLateCloseLeavesTheSearchElsewhere(t *testing.T) {
	within(t, func(w *world) {
		ann := w.join(guest.Profile{Username: "Ann"})
		ann.do(api.EventMatch, "")
		ann.expect(api.EventSearching, api.EventNoUsers)
		anew := guest.Searcher{ID: ann.session.ID, Instance: "there"}
		if _, err := w.node.matcher.Search(t.Context(), anew); err != nil {
			t.Fatal(err)
		}
		ann.client.Closed()
		synctest.Wait()
		pair, err := w.node.matcher.Search(t.Context(), guest.Searcher{ID: "guest_bob", Instance: "there"})
		if err != nil || pair.Partner("guest_bob").ID != ann.session.ID {
			t.Errorf("Bob met %+v, %v, want Ann", pair, err)
		}
	})
}

// A match that arrives when its guest searches no more is none.
func TestNobodyIsMatchedWithoutSearching(t *testing.T) {
	within(t, func(w *world) {
		ann := w.join(guest.Profile{Username: "Ann"})
		w.node.hear(remote{kind: remoteMatched, pair: &guest.Pair{ID: "stale",
			A: guest.Searcher{ID: "guest_other", Instance: "there"},
			B: guest.Searcher{ID: ann.session.ID, Instance: "here"}}})
		ann.expect()
	})
}

// A claim that comes so late that its guest is back is none: the newest socket stays.
func TestLateClaimLeavesTheNewestSocket(t *testing.T) {
	s := redistest.Standalone(t)
	one, two := newSite(t, s.URL()), newSite(t, s.URL())
	a := one.visit("Ann")
	m := one.node.find(a.session.ID)
	one.node.replaced(m, remote{kind: remoteReplaced, to: a.session.ID, instance: two.node.instance})
	if m.client.Load() != a.client {
		t.Error("the newest socket was given up")
	}
	two.enter(a.session)
	soon(t, 5*time.Second, "the socket is given up to a newer one", func() bool { return m.client.Load() == nil })
}
