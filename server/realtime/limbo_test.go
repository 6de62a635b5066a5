package realtime

import (
	"context"
	"testing"
	"testing/synctest"

	"guestload/server/api"
	"guestload/server/guest"
	"guestload/server/store/memory"
)

// limboMatcher is one that is moving from one store to another: the first search
// of a guest is done in the old one, but its answer is lost, and it is done again
// in the new one as soon as it may.
type limboMatcher struct {
	Matcher  // the old one
	next     Matcher
	whose    string // id of the guest
	released chan struct{}
}

func (m *limboMatcher) Search(ctx context.Context, s guest.Searcher) (guest.Pair, error) {
	p, err := m.Matcher.Search(ctx, s)
	if s.ID != m.whose {
		return p, err
	}
	<-m.released
	return m.next.Search(ctx, s)
}

// A guest whose search was not answered may have been met all the same, by
// somebody who has been told. That chat is not to end for another that the same
// search comes to elsewhere, and whoever waited there goes on searching.
func TestASearchInLimboEndsNoChat(t *testing.T) {
	within(t, func(w *world) {
		ann, bob, cat, dan := w.join(guest.Profile{Username: "Ann"}), w.join(guest.Profile{Username: "Bob"}),
			w.join(guest.Profile{Username: "Cat"}), w.join(guest.Profile{Username: "Dan"})
		old, next := w.node.matcher, memory.New("here", nil).Matcher
		limbo := &limboMatcher{Matcher: old, next: next, whose: ann.session.ID, released: make(chan struct{})}

		w.node.matcher = next
		cat.do(api.EventMatch, "")
		cat.expect(api.EventSearching, api.EventNoUsers)

		w.node.matcher = limbo
		go ann.do(api.EventMatch, "")
		synctest.Wait()
		bob.do(api.EventMatch, "")
		bob.expect(api.EventSearching, api.EventMatched, api.EventUserJoined, api.EventUserJoined)
		ann.expect(api.EventSearching, api.EventNoUsers, api.EventMatched, api.EventUserJoined, api.EventUserJoined)

		w.node.matcher = next
		close(limbo.released)
		ann.expect()
		bob.expect()
		if s := ann.state(); s.ConnectedUser != bob.session.ID || s.IsSearching {
			t.Errorf("Ann, who has met Bob: %+v", s)
		}
		if s := cat.state(); !s.IsSearching || s.InChat {
			t.Errorf("Cat, who has met nobody: %+v", s)
		}
		if err := w.node.Resync(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		ann.expect()
		bob.expect()
		dan.do(api.EventMatch, "")
		cat.expect(api.EventMatched, api.EventUserJoined, api.EventUserJoined)
	})
}
