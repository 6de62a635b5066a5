package api

import (
	"encoding/json"
	"testing"
	"time"

	"guestload/server/guest"
)

// The payloads of wire.md, byte for byte.

var (
	at    = time.Date(2026, 11, 23, 12, 34, 56, 789e6, time.UTC)
	panda = guest.Session{
		ID: "guest_550e8400-e29b-41d4-a716-446655440000", SessionID: "550e8400-e29b-41d4-a716-446655440000", Username: "CoolPanda1234",
		IsOnline: true, LastSeen: at, IsSearching: true, SocketID: "s1", CreatedAt: at, ConnectedAt: at,
		Location: guest.Location(`{"country":"US","coordinates":{"lat":40.7,"lon":-74}}`), Gender: "female", Language: "en",
	}
	nobody = guest.Session{ID: "guest_b", SessionID: "b", Username: "B_1"}
	stats  = guest.Stats{TotalUsers: 5, OnlineUsers: 4, ActiveUsers: 3, AvailableUsers: 2, ConnectedUsers: 1}
)

const (
	pandaItem  = `{"id":"guest_550e8400-e29b-41d4-a716-446655440000","username":"CoolPanda1234","isOnline":true,"isSearching":true,"lastSeen":"2026-11-23T12:34:56.789Z","location":{"country":"US","coordinates":null},"gender":"female","language":"en","isGuest":true}`
	nobodyItem = `{"id":"guest_b","username":"B_1","isOnline":false,"isSearching":false,"lastSeen":null,"location":null,"gender":null,"language":null,"isGuest":true}`
	fiveStats  = `{"totalUsers":5,"onlineUsers":4,"activeUsers":3,"availableUsers":2,"connectedUsers":1}`
)

type payload struct {
	name  string
	build func(dst []byte) []byte
	want  string
}

var eventPayloads = []payload{
	{"connection:established", func(b []byte) []byte { return AppendEstablished(b, &panda) },
		`{"userId":"guest_550e8400-e29b-41d4-a716-446655440000","username":"CoolPanda1234","socketId":"s1","isGuest":true,"sessionId":"550e8400-e29b-41d4-a716-446655440000"}`},
	{"user:match:searching", func(b []byte) []byte { return AppendNotice(b, TextSearching) },
		`{"message":"Searching for available users"}`},
	{"user:match:no_users", func(b []byte) []byte { return AppendNotice(b, TextNoUsers) },
		`{"message":"No users available for matching. Waiting for someone to join..."}`},
	{"user:matched", func(b []byte) []byte {
		s := guest.Searcher{ID: panda.ID, Username: panda.Username, Location: panda.Location, Traits: guest.Traits{Gender: "female", Language: "en"}}
		return AppendMatched(b, &s, "a_b")
	}, `{"matchedUser":{"id":"guest_550e8400-e29b-41d4-a716-446655440000","username":"CoolPanda1234","isGuest":true,"location":{"country":"US","coordinates":{"lat":40.7,"lon":-74}},"gender":"female","language":"en"},"roomId":"a_b"}`},
	{"user:matched, of whom nothing is known", func(b []byte) []byte { return AppendMatched(b, &guest.Searcher{ID: "b", Username: "B_1"}, "a_b") },
		`{"matchedUser":{"id":"b","username":"B_1","isGuest":true,"location":null,"gender":null,"language":null},"roomId":"a_b"}`},
	{"room:user_joined", func(b []byte) []byte { return AppendUserJoined(b, "a", "Ann") },
		`{"userId":"a","username":"Ann","message":"Ann has joined the chat"}`},
	{"user:match:cancelled", func(b []byte) []byte { return AppendNotice(b, TextCancelled) },
		`{"message":"Matching cancelled"}`},
	{"chat:message", func(b []byte) []byte {
		return AppendChatMessage(b, "m1", "a", "Ann", ChatBody{Content: Value(`"hi \ud83d"`)}, at)
	},
		`{"id":"m1","senderId":"a","senderUsername":"Ann","type":"text","content":"hi \ud83d","timestamp":"2026-11-23T12:34:56.789Z"}`},
	{"chat:message, a file", func(b []byte) []byte {
		return AppendChatMessage(b, "m1", "a", "Ann", ChatBody{Type: FileMessage, Content: Value(`{"filename":"a"}`)}, at)
	},
		`{"id":"m1","senderId":"a","senderUsername":"Ann","type":"file","content":{"filename":"a"},"timestamp":"2026-11-23T12:34:56.789Z"}`},
	{"chat:message:sent", func(b []byte) []byte { return AppendSent(b, "m1", at) },
		`{"messageId":"m1","timestamp":"2026-11-23T12:34:56.789Z","status":"sent"}`},
	{"chat:message:delivered", func(b []byte) []byte { return AppendDelivered(b, "m1", at) },
		`{"messageId":"m1","timestamp":"2026-11-23T12:34:56.789Z"}`},
	{"chat:typing:start", func(b []byte) []byte { return AppendTyping(b, "a", "Ann") },
		`{"userId":"a","username":"Ann"}`},
	{"room:user_left", func(b []byte) []byte { return AppendUserLeft(b, "a", "Ann") },
		`{"userId":"a","username":"Ann","message":"Ann has left the chat"}`},
	{"chat:cleared", func(b []byte) []byte { return AppendChatCleared(b, "a", "Ann") },
		`{"userId":"a","username":"Ann","reason":"User left the chat"}`},
	{"chat:clear:confirmed", func(b []byte) []byte { return AppendNotice(b, TextCleared) },
		`{"message":"Chat cleared successfully"}`},
	{"room:closed", func(b []byte) []byte { return AppendRoomClosed(b, "a", "Ann", ReasonDisconnected) },
		`{"userId":"a","username":"Ann","message":"The other user has left. Room closed.","reason":"user_disconnected"}`},
	{"chat:error", func(b []byte) []byte { return AppendNotice(b, TextNotConnected) },
		`{"message":"You are not connected to any user"}`},
	{"realtime:stats", func(b []byte) []byte { return AppendRealtimeStats(b, stats, []guest.Session{panda, nobody}, at) },
		`{"stats":` + fiveStats + `,"onlineUsers":[` + pandaItem + `,` + nobodyItem + `],"timestamp":"2026-11-23T12:34:56.789Z"}`},
	{"realtime:stats, of nobody", func(b []byte) []byte { return AppendRealtimeStats(b, guest.Stats{}, nil, at) },
		`{"stats":{"totalUsers":0,"onlineUsers":0,"activeUsers":0,"availableUsers":0,"connectedUsers":0},"onlineUsers":[],"timestamp":"2026-11-23T12:34:56.789Z"}`},
	{"error", func(b []byte) []byte { return AppendNotice(b, TextReplaced) },
		`{"message":"Replaced by a newer connection"}`},
}

var httpPayloads = []payload{
	{"POST /api/guest", func(b []byte) []byte { return AppendCreated(b, "t.o.k", &nobody) },
		`{"token":"t.o.k","user":{"id":"guest_b","username":"B_1","isGuest":true,"sessionId":"b","location":null,"gender":null,"language":null}}`},
	{"GET /api/guest/username", func(b []byte) []byte { return AppendUsername(b, "BraveFox7") }, `{"username":"BraveFox7"}`},
	{"GET /api/guest/me", func(b []byte) []byte { return AppendMe(b, &nobody) },
		`{"user":{"id":"guest_b","username":"B_1","isGuest":true,"sessionId":"b"}}`},
	{"GET /api/guest/{sessionId}", func(b []byte) []byte {
		s := panda
		s.InChat, s.IsSearching, s.ConnectedUser = true, false, "guest_b"
		return AppendGuest(b, &s, Confidant)
	}, `{"user":{"id":"guest_550e8400-e29b-41d4-a716-446655440000","username":"CoolPanda1234","isOnline":true,"lastSeen":"2026-11-23T12:34:56.789Z","isSearching":false,"inChat":true,"connectedUser":"guest_b","isGuest":true,"sessionId":"550e8400-e29b-41d4-a716-446655440000","location":{"country":"US","coordinates":{"lat":40.7,"lon":-74}},"gender":"female","language":"en"}}`},
	{"GET /api/guest/{sessionId}, by a stranger", func(b []byte) []byte {
		s := panda
		s.InChat, s.IsSearching, s.ConnectedUser = true, false, "guest_b"
		return AppendGuest(b, &s, Stranger)
	}, `{"user":{"id":"guest_550e8400-e29b-41d4-a716-446655440000","username":"CoolPanda1234","isOnline":true,"lastSeen":"2026-11-23T12:34:56.789Z","isSearching":false,"inChat":true,"connectedUser":null,"isGuest":true,"sessionId":"550e8400-e29b-41d4-a716-446655440000","location":{"country":"US","coordinates":null},"gender":"female","language":"en"}}`},
	{"GET /api/guest/{sessionId}, alone", func(b []byte) []byte { return AppendGuest(b, &nobody, Confidant) },
		`{"user":{"id":"guest_b","username":"B_1","isOnline":false,"lastSeen":null,"isSearching":false,"inChat":false,"connectedUser":null,"isGuest":true,"sessionId":"b","location":null,"gender":null,"language":null}}`},
	{"POST /api/guest/location", func(b []byte) []byte { return AppendWhereabouts(b, &panda) },
		`{"location":{"country":"US","coordinates":{"lat":40.7,"lon":-74}},"gender":"female","language":"en"}`},
	{"POST /api/guest/token", func(b []byte) []byte { return AppendToken(b, "t.o.k") }, `{"token":"t.o.k"}`},
	{"GET /api/users/online", func(b []byte) []byte { return AppendUserPage(b, OnlineUsers, []guest.Session{panda, nobody}, "c2") },
		`{"onlineUsers":[` + pandaItem + `,` + nobodyItem + `],"count":2,"nextCursor":"c2"}`},
	{"GET /api/users/available", func(b []byte) []byte { return AppendUserPage(b, AvailableUsers, nil, "") }, `{"availableUsers":[],"count":0}`},
	{"GET /api/users/connected/{userId}", func(b []byte) []byte { return AppendUserPage(b, ConnectedUsers, []guest.Session{nobody}, "") },
		`{"users":[` + nobodyItem + `],"count":1}`},
	{"GET /api/users/stats", func(b []byte) []byte { return AppendStatistics(b, stats) }, `{"statistics":` + fiveStats + `}`},
	{"POST /api/users/device", func(b []byte) []byte {
		s := panda
		s.DeviceID, s.IP = `d"1`, "::1"
		return AppendDevice(b, &s)
	}, `{"user":{"id":"guest_550e8400-e29b-41d4-a716-446655440000","username":"CoolPanda1234","deviceId":"d\"1","ip":"::1","location":{"country":"US","coordinates":{"lat":40.7,"lon":-74}},"lastSeen":"2026-11-23T12:34:56.789Z","isGuest":true}}`},
	{"GET /api/stats/online-users", func(b []byte) []byte { return AppendOnlineList(b, []guest.Session{nobody}, at) },
		`{"onlineUsers":[` + nobodyItem + `],"count":1,"timestamp":"2026-11-23T12:34:56.789Z"}`},
	{"GET /api/socket/stats", func(b []byte) []byte { return AppendSockets(b, 12, 6) }, `{"connectedSockets":12,"rooms":6}`},
	{"GET /health", func(b []byte) []byte {
		return AppendHealth(b, Health{At: at, Uptime: 90*time.Second + 1234567, Version: "v1", Storage: "memory"})
	},
		`{"success":true,"message":"Server is running","timestamp":"2026-11-23T12:34:56.789Z","uptime":90.001,"version":"v1","storage":"memory"}`},
	{"GET /health in fallback", func(b []byte) []byte {
		return AppendHealth(b, Health{At: at, Version: "v1", Storage: "fallback", Reason: `user "app" may not`})
	},
		`{"success":true,"message":"Server is running","timestamp":"2026-11-23T12:34:56.789Z","uptime":0,"version":"v1","storage":"fallback","reason":"user \"app\" may not"}`},
}

func TestPayloads(t *testing.T) {
	for _, group := range [][]payload{eventPayloads, httpPayloads} {
		for _, c := range group {
			if got := string(c.build([]byte("before "))); got != "before "+c.want {
				t.Errorf("%s\n got %s\nwant before %s", c.name, got, c.want)
			}
			if !json.Valid([]byte(c.want)) {
				t.Errorf("%s: no JSON: %s", c.name, c.want)
			}
		}
	}
}

func TestPayloadsOfEventsAllocateNothing(t *testing.T) {
	buf := make([]byte, 0, 4096)
	for _, c := range eventPayloads {
		if n := testing.AllocsPerRun(10, func() { buf = c.build(buf[:0]) }); n != 0 && c.name != "realtime:stats" { // whose users the test itself lists
			t.Errorf("%s: %v allocations, want none", c.name, n)
		}
	}
}
