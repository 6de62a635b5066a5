package realtime

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"guestload/server/api"
	"guestload/server/guest"
)

func TestOrderOfAMeetingIsTheContracts(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.join(guest.Profile{Username: "Ann"}), w.join(guest.Profile{Username: "Bob", Gender: "male"})
		a.do(api.EventMatch, "")
		a.expect(api.EventSearching, api.EventNoUsers)
		b.do(api.EventMatch, "")
		toB := b.expect(api.EventSearching, api.EventMatched, api.EventUserJoined, api.EventUserJoined)
		toA := a.expect(api.EventMatched, api.EventUserJoined, api.EventUserJoined)

		room := roomID(a.session.ID, b.session.ID)
		want := fmt.Sprintf(`{"matchedUser":{"id":%q,"username":"Bob","isGuest":true,"location":null,"gender":"male","language":null},"roomId":%q}`, b.session.ID, room)
		if toA[0].data != want {
			w.t.Errorf("Ann was told\n%s, want\n%s", toA[0].data, want)
		}
		for _, joined := range [][]heard{toA[1:], toB[2:]} {
			if !strings.Contains(joined[0].data, "Bob has joined the chat") || !strings.Contains(joined[1].data, "Ann has joined the chat") {
				w.t.Errorf("who searched last comes first: %v", joined)
			}
		}
		if s := a.state(); !s.InChat || s.IsSearching || s.ConnectedUser != b.session.ID || !s.IsOnline {
			w.t.Errorf("Ann's document: %+v", s)
		}
	})
}

func TestSearchInsideAChatLeavesItFirst(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		a.do(api.EventMatch, "")
		a.expect(api.EventUserLeft, api.EventClearConfirmed, api.EventSearching, api.EventNoUsers)
		b.expect(api.EventUserLeft, api.EventChatCleared)
		c := w.join(guest.Profile{Username: "Cy"})
		b.do(api.EventMatch, "") // Ann waits, but Bob has just left her, and somebody else may come
		b.sock.take(w.t, b.framing)
		c.do(api.EventMatch, "")
		synctest.Wait()
		if s := c.state(); !s.InChat && b.state().ConnectedUser != a.session.ID {
			w.t.Errorf("Cy waits though others do: %+v", s)
		}
	})
}

func TestSearchEndsWithTheSocket(t *testing.T) {
	within(t, func(w *world) {
		a := w.join(guest.Profile{Username: "Ann"})
		a.do(api.EventMatch, "")
		a.client.Closed()
		b := w.join(guest.Profile{Username: "Bob"})
		b.do(api.EventMatch, "")
		b.expect(api.EventSearching, api.EventNoUsers)
	})
}

func TestCancelEndsTheSearch(t *testing.T) {
	within(t, func(w *world) {
		a := w.join(guest.Profile{Username: "Ann"})
		a.do(api.EventMatch, "")
		a.do(api.EventMatchCancel, "")
		a.expect(api.EventSearching, api.EventNoUsers, api.EventMatchCancelled)
		if a.state().IsSearching {
			w.t.Error("Ann is still searching")
		}
		b := w.join(guest.Profile{Username: "Bob"})
		b.do(api.EventMatch, "")
		b.expect(api.EventSearching, api.EventNoUsers)
	})
}

func TestManySearchersAtOnceMakePairsToldOnce(t *testing.T) {
	within(t, func(w *world) {
		const many = 200
		peers := make([]*peer, many)
		for i := range peers {
			peers[i] = w.join(guest.Profile{Username: fmt.Sprintf("Guest_%d", i)})
		}
		var all sync.WaitGroup
		for _, p := range peers {
			all.Go(func() { p.do(api.EventMatch, "") })
		}
		all.Wait()
		synctest.Wait()
		partner := map[string]string{}
		for _, p := range peers {
			for _, h := range p.sock.take(w.t, p.framing) {
				if h.event != api.EventMatched {
					continue
				}
				met := string(api.Value(h.data).Get("matchedUser", "id").Text())
				if met == "" {
					w.t.Fatalf("matched with nobody: %s", h.data)
				}
				if was, twice := partner[p.session.ID]; twice {
					w.t.Errorf("%s was told %s, then %s", p.session.ID, was, met)
				}
				partner[p.session.ID] = met
			}
		}
		if len(partner) != many {
			w.t.Fatalf("%d of %d were told of a match", len(partner), many)
		}
		for a, b := range partner {
			if a == b || partner[b] != a {
				w.t.Errorf("%s has %s, who has %s", a, b, partner[b])
			}
		}
	})
}
