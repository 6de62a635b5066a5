package main

import (
	"testing"
	"time"

	"guestload/server/api"
	"guestload/server/guest"
)

// signals are the events of a call, as a client sends them.
var signals = map[string][]string{
	api.EventOffer:        {`{"offer":{"sdp":"v=0"},"type":"video"}`, `{"offer":{}}`},
	api.EventAnswer:       {`{"answer":{"sdp":"v=0"}}`},
	api.EventICECandidate: {`{"candidate":{"candidate":"c"}}`, `{"candidate":"c"}`, `{"candidate":null}`},
	api.EventCallEnd:      {`{}`, `{"reason":"bye"}`, ``}, api.EventCallReject: {`{}`}, api.EventCallTimeout: {`{}`},
}

// TestEveryEventIsDescribed builds each event as server/api does, those included
// that smoke never causes, and validates it.
func TestEveryEventIsDescribed(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ann := guest.New("550e8400-e29b-41d4-a716-446655440000", "Ann_1", guest.Profile{Location: guest.Location(`{"city":"Lyon","x":[1]}`), Language: "fr"}, now)
	bob := guest.New("7c9e6679-7425-40de-944b-e07fc1f90ae7", "Bob_2", guest.Profile{}, now)
	ann.SocketID = "a.1"
	notice := func(text string) []byte { return api.AppendNotice(nil, text) }
	sent := map[string][][]byte{
		api.EventMatch:       {nil, []byte(`{"language":"en","gender":"female","country":"Ireland"}`)},
		api.EventChatMessage: {api.AppendText(nil, "hi"), []byte(`{"type":"file","content":{"filename":"a.png","fileType":"image/png","fileSize":7}}`), []byte(`{"type":"voice","content":{"duration":1.5,"fileSize":7}}`)},
		api.EventMatchCancel: {nil}, api.EventTypingStart: {nil}, api.EventTypingStop: {nil}, api.EventChatClear: {nil},
		api.EventLeaveRoom: {nil}, api.EventCloseRoom: {nil}, api.EventGetStats: {nil},
	}
	told := map[string][][]byte{
		api.EventEstablished: {api.AppendEstablished(nil, &ann)},
		api.EventSearching:   {notice(api.TextSearching)}, api.EventNoUsers: {notice(api.TextNoUsers)},
		api.EventMatchCancelled: {notice(api.TextCancelled)}, api.EventClearConfirmed: {notice(api.TextCleared)},
		api.EventMatchError: {notice("x")}, api.EventChatError: {notice(api.TextInvalidMessage)}, api.EventError: {notice(api.TextReplaced)},
		api.EventMatched: {
			api.AppendMatched(nil, &guest.Searcher{ID: ann.ID, Username: ann.Username, Location: ann.Location, Traits: ann.Traits()}, ann.ID+"_"+bob.ID),
			api.AppendMatched(nil, &guest.Searcher{ID: bob.ID, Username: bob.Username}, ann.ID+"_"+bob.ID),
		},
		api.EventUserJoined: {api.AppendUserJoined(nil, ann.ID, ann.Username)}, api.EventUserLeft: {api.AppendUserLeft(nil, ann.ID, ann.Username)},
		api.EventTypingStart: {api.AppendTyping(nil, ann.ID, ann.Username)}, api.EventTypingStop: {api.AppendTyping(nil, ann.ID, ann.Username)},
		api.EventChatCleared: {api.AppendChatCleared(nil, ann.ID, ann.Username)},
		api.EventRoomClosed: {api.AppendRoomClosed(nil, ann.ID, ann.Username, api.ReasonDisconnected),
			api.AppendRoomClosed(nil, ann.ID, "", api.ReasonPartnerOffline)}, // of a partner whose session is gone
		api.EventMessageSent: {api.AppendSent(nil, "m1", now)}, api.EventDelivered: {api.AppendDelivered(nil, "m1", now)},
		api.EventStats: {api.AppendRealtimeStats(nil, guest.Stats{TotalUsers: 2}, []guest.Session{ann, bob}, now)},
	}
	for _, data := range sent[api.EventChatMessage] {
		body, err := api.ParseChat(data)
		if err != nil {
			t.Fatal(err)
		}
		told[api.EventChatMessage] = append(told[api.EventChatMessage], api.AppendChatMessage(nil, "m1", ann.ID, ann.Username, body, now))
	}
	for event, all := range signals {
		for _, data := range all {
			v := api.Value(data)
			if data == "" {
				v = nil
			}
			s, err := api.ParseSignal(event, v)
			if err != nil {
				t.Fatal(err)
			}
			sent[event] = append(sent[event], v)
			told[event] = append(told[event], api.AppendSignal(nil, s, ann.ID, ann.Username))
		}
	}
	d := newDescriptions(t)
	for channel, events := range map[string]map[string][][]byte{"client": sent, "server": told} {
		for event, all := range events {
			for _, data := range all {
				if err := d.event(channel, api.Inbound{Event: event, Data: data}); err != nil {
					t.Error(err)
				}
			}
		}
		messages, _ := at(d.asyncapi, "channels", channel, "messages")
		for id, m := range messages.(map[string]any) {
			if name, _ := m.(map[string]any)["name"].(string); d.seen[channel+" "+name] == 0 {
				t.Errorf("%s: %s (%s) was not tried", channel, id, name)
			}
		}
	}
}

// What the server refuses is not described either.
func TestWrongEventsAreNotDescribed(t *testing.T) {
	d := newDescriptions(t)
	for _, tt := range []struct{ channel, event, data string }{
		{"client", api.EventChatMessage, `{"type":"text","content":""}`}, {"client", api.EventChatMessage, `{"type":"text","content":7}`},
		{"client", api.EventChatMessage, `{"type":"file","content":{"filename":"a","fileType":"b","fileSize":0}}`},
		{"client", api.EventChatMessage, `{"type":"voice","content":{"duration":301,"fileSize":1}}`}, {"client", api.EventChatMessage, `{"type":"smoke","content":"x"}`},
		{"client", api.EventMatch, `"anybody"`}, {"client", api.EventOffer, `{"answer":{}}`}, {"client", api.EventGetStats, `{}`},
		{"client", api.EventMatched, `{}`}, {"server", api.EventMatched, `{"roomId":"x"}`}, {"server", api.EventUserLeft, `{"userId":"ann"}`},
		{"server", api.EventSearching, `{"message":"searching"}`}, {"server", "user:unknown", `{}`},
	} {
		if d.event(tt.channel, api.Inbound{Event: tt.event, Data: api.Value(tt.data)}) == nil {
			t.Errorf("%s %s %s is described", tt.channel, tt.event, tt.data)
		}
	}
}
