package realtime

import (
	"fmt"
	"slices"
	"testing"

	"guestload/server/api"
	"guestload/server/guest"
)

func TestMessageReachesThePartnerAndIsAcknowledged(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		a.do(api.EventChatMessage, `{"type":"text","content":"hello \u00e9 🙂"}`)
		got := b.expect(api.EventChatMessage)
		if sender := api.Value(got[0].data).Get("senderId").Text(); string(sender) != a.session.ID {
			w.t.Errorf("Bob got %s", got[0].data)
		}
		a.expect(api.EventMessageSent, api.EventDelivered)
	})
}

func TestWrongMessagesAreRefused(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		for _, data := range []string{``, `{}`, `{"type":"text","content":" "}`, `{"type":"text"}`, `{"type":"x","content":"y"}`, `[]`, `7`} {
			a.do(api.EventChatMessage, data)
			if got := a.expect(api.EventChatError); got[0].data != `{"message":"Invalid message format"}` {
				w.t.Errorf("%s: told %s", data, got[0].data)
			}
		}
		b.expect()
		c := w.join(guest.Profile{Username: "Cy"})
		c.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		if got := c.expect(api.EventChatError); got[0].data != `{"message":"You are not connected to any user"}` {
			w.t.Errorf("told %s", got[0].data)
		}
		c.do("no:such", "")
		c.expect() // Socket.IO ignores what nobody listens to
		c.do(api.EventTypingStop, "")
		c.expect()
	})
}

func TestLeavingReleasesThePartner(t *testing.T) {
	for _, event := range []string{api.EventChatClear, api.EventLeaveRoom, api.EventCloseRoom} {
		within(t, func(w *world) {
			a, b := w.pair()
			a.do(event, "")
			a.expect(api.EventUserLeft, api.EventClearConfirmed)
			b.expect(api.EventUserLeft, api.EventChatCleared)
			for _, p := range []*peer{a, b} {
				if s := p.state(); s.InChat || s.ConnectedUser != "" {
					w.t.Errorf("%s is still in a chat: %+v", s.Username, s)
				}
			}
			b.do(api.EventChatMessage, `{"type":"text","content":"still there?"}`)
			b.expect(api.EventChatError)
			a.expect()
		})
	}
}

func TestDroppingReleasesThePartner(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		a.client.Closed()
		got := b.expect(api.EventRoomClosed)
		want := fmt.Sprintf(`{"userId":%q,"username":"Ann","message":"The other user has left. Room closed.","reason":"user_disconnected"}`, a.session.ID)
		if got[0].data != want {
			w.t.Errorf("Bob was told %s, want %s", got[0].data, want)
		}
		if s := a.state(); s.IsOnline || s.SocketID != "" || s.InChat || s.ConnectedUser != "" {
			w.t.Errorf("Ann's document: %+v", s)
		}
		if s, _ := w.node.Stats(w.t.Context()); s.ActiveUsers != 1 || s.ConnectedUsers != 0 {
			w.t.Errorf("stats: %+v", s)
		}
	})
}

func TestDeliveredComesWhenTheSocketHasTakenIt(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		b.sock.stick()
		a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		a.expect(api.EventMessageSent)
		b.sock.unstick()
		a.expect(api.EventDelivered)
		b.expect(api.EventChatMessage)
	})
}

func TestReceiptsThatAreDueTogetherAreOneWrite(t *testing.T) {
	within(t, func(w *world) {
		a, b := w.pair()
		a.sock.wrote()
		b.sock.wrote()
		a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		a.expect(api.EventMessageSent, api.EventDelivered)
		b.expect(api.EventChatMessage)
		if to, from := b.sock.wrote(), a.sock.wrote(); to != 1 || from != 1 {
			w.t.Errorf("a message took %d writes and its receipts %d, want 1 each", to, from)
		}

		b.sock.stick()
		const waiting = 3
		for range waiting {
			a.do(api.EventChatMessage, `{"type":"text","content":"x"}`)
		}
		a.expect(slices.Repeat([]string{api.EventMessageSent}, waiting)...)
		a.sock.wrote()
		b.sock.unstick()
		a.expect(slices.Repeat([]string{api.EventDelivered}, waiting)...)
		if to, from := b.sock.wrote(), a.sock.wrote(); to > 2 || from > to {
			w.t.Errorf("%d messages that had waited took %d writes, and their receipts %d", waiting, to, from)
		}
	})
}
