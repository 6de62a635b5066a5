package realtime

import (
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/store/redistest"
)

// What one instance tells another may come when its guest has long gone on, and
// back: these tests are of such late words.

// TestLateClaimIsRefused: an instance that the guest was on before it came back
// does not get the chat.
func TestLateClaimIsRefused(t *testing.T) {
	s := redistest.Standalone(t)
	one, two := newSite(t, s.URL()), newSite(t, s.URL())
	a, b := one.visit("Ann"), one.visit("Bob")
	meet(a, b)
	here := one.node.find(a.session.ID)
	late := remote{kind: remoteReplaced, to: a.session.ID, instance: two.node.instance, at: here.joined() - 1}
	one.node.replaced(here, late)
	one.node.giveUp(here, late) // it has come to its turn before the guest was back
	if n := len(a.heard(api.EventError)); n > 0 {
		t.Error("the newer socket was closed")
	}
	b.say("hello")
	a.expect(time.Second, api.EventChatMessage, 1)
}

// TestLateChatDoesNotBegin: a chat that was given for a socket which has gone since
// does not come to another one.
func TestLateChatDoesNotBegin(t *testing.T) {
	s := redistest.Standalone(t)
	one, two := newSite(t, s.URL()), newSite(t, s.URL())
	a, b := one.visit("Ann"), one.visit("Bob")
	meet(a, b)
	pair := one.node.find(a.session.ID).chat.Load().asPair().Moved(a.session.ID, two.node.instance)
	b.do(api.EventLeaveRoom, "")
	a.expect(time.Second, api.EventChatCleared, 1)
	first := two.enter(a.session)
	there := two.node.find(a.session.ID)
	late := there.joined()
	soon(t, 5*time.Second, "the first claim is answered", func() bool { return !there.claims(late) })
	first.client.Closed()
	a.client.Closed()
	one.enter(a.session).client.Closed()
	again := two.enter(a.session)
	two.node.hear(remote{kind: remoteMoved, id: pair.ID, to: a.session.ID, at: late, instance: one.node.instance, pair: &pair})
	if m := two.node.find(a.session.ID); m.chat.Load() != nil {
		t.Error("the chat has begun")
	}
	again.say("hello")
	again.expect(time.Second, api.EventChatError, 1)
}

// TestLateMatchOfAChatThatHasMoved: the word of a match comes to where its guest has
// already gone on with that chat, which does not end for it.
func TestLateMatchOfAChatThatHasMoved(t *testing.T) {
	s := redistest.Standalone(t)
	one, two := newSite(t, s.URL()), newSite(t, s.URL())
	a, b := one.visit("Ann"), two.visit("Bob")
	meet(a, b)
	two.knows(t, a, b)
	here := one.node.find(a.session.ID)
	pair := here.chat.Load().asPair()
	moved := two.enter(a.session)
	soon(t, 5*time.Second, "the guest is given up", func() bool { return here.client.Load() == nil })
	one.node.hear(remote{kind: remoteMatched, pair: &pair})
	moved.say("one")
	soon(t, 5*time.Second, "one hears of a message after it", func() bool {
		b.say("more") // by the way that the end of the chat would take
		return len(b.texts()) > 0 && len(moved.texts()) > 1
	})
	if n := len(b.heard(api.EventRoomClosed)) + len(moved.heard(api.EventRoomClosed)); n > 0 {
		t.Error("the chat has ended")
	}
}

// TestRefusedMatchStaysRefused: a guest who has been told of as not to be had is
// not put into that pair afterwards.
func TestRefusedMatchStaysRefused(t *testing.T) {
	s := redistest.Standalone(t)
	one, two := newSite(t, s.URL()), newSite(t, s.URL())
	a, b, c := one.visit("Ann"), one.visit("Bob"), two.visit("Cat")
	meet(a, b)
	here := one.node.find(a.session.ID)
	pair := here.chat.Load().asPair()
	pair.ID = "another"
	pair.B = two.node.find(c.session.ID).searcher(two.node.instance)
	pair.A = here.searcher(one.node.instance)
	one.node.hear(remote{kind: remoteMatched, pair: &pair}) // in a chat yet
	b.do(api.EventLeaveRoom, "")
	a.expect(time.Second, api.EventChatCleared, 1)
	here.mu.Lock()
	here.mu.searching = true
	here.mu.Unlock()
	if one.node.link(here, pair) {
		t.Error("the chat has begun")
	}
}

// TestLateCloseWritesNothing: the socket that a guest has left for another instance
// closes before that is known there. What is stored is of the newer one.
func TestLateCloseWritesNothing(t *testing.T) {
	s := redistest.Standalone(t)
	one, two := newSite(t, s.URL()), newSite(t, s.URL())
	for n := range 20 {
		a := one.visit("Ann")
		newer := two.enter(a.session)
		a.client.Closed()
		soon(t, 5*time.Second, "the old instance has forgotten the guest", func() bool {
			return one.node.member(a.session.SessionID) == nil
		})
		soon(t, 5*time.Second, "the document says where the guest is", func() bool {
			g, err := one.node.Session(t.Context(), a.session.SessionID)
			return err == nil && g.IsOnline && g.SocketID == newer.client.SocketID()
		})
		if n%2 == 0 {
			newer.client.Closed()
		}
	}
}

// TestMessagesThatGoRoundEnd: where three instances each take the next for where a
// guest has gone, a message is passed on so often and no more.
func TestMessagesThatGoRoundEnd(t *testing.T) {
	s := redistest.Standalone(t)
	sites := []*site{newSite(t, s.URL()), newSite(t, s.URL()), newSite(t, s.URL())}
	asks := sites[0].visit("Ann")
	key := moveKey{"pair", "guest_gone"}
	for i, at := range sites {
		next := sites[(i+1)%len(sites)].node.instance
		at.node.moves.add(key, remote{instance: next}, time.Now())
	}
	r := remote{kind: remoteEvent, id: key.pair, to: key.id, from: asks.session.ID, name: api.EventChatMessage,
		message: "m", instance: sites[0].node.instance}
	soon(t, 5*time.Second, "it is told that the pair is over", func() bool {
		sites[0].node.hear(r) // which the others may not listen to yet
		return sites[0].node.find(asks.session.ID).knowsOver(key.pair)
	})
}
