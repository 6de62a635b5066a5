package api

import (
	"strings"
	"testing"
	"time"

	"guestload/server/guest"
)

// benchText is a message of usual length.
var benchText = strings.Repeat("How are you doing? ", 5)

func BenchmarkDecodeChat(b *testing.B) {
	for _, f := range []Framing{JSON, SocketIO} {
		payload := AppendEvent(nil, f, EventChatMessage, AppendText(nil, benchText))
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				p, err := Decode(f, payload)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := ParseChat(p.Data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeDelivery(b *testing.B) {
	data := AppendChatMessage(nil, benchID, benchID, "CoolPanda1234", benchBody(b), benchTime)
	for _, f := range []Framing{JSON, SocketIO} {
		payload := AppendEvent(nil, f, EventChatMessage, data)
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				p, err := Decode(f, payload)
				if err != nil {
					b.Fatal(err)
				}
				// What a played guest reads of it.
				for name, v := range p.Data.Members() {
					switch string(name) {
					case "senderId", "content":
						if v.Text() == nil {
							b.Fatal("no text")
						}
					}
				}
			}
		})
	}
}

const benchID = "guest_550e8400-e29b-41d4-a716-446655440000"

var benchTime = time.Date(2026, 11, 23, 12, 34, 56, 789e6, time.UTC)

func benchBody(b *testing.B) ChatBody {
	v, err := ParseJSON(AppendText(nil, benchText))
	if err != nil {
		b.Fatal(err)
	}
	body, err := ParseChat(v)
	if err != nil {
		b.Fatal(err)
	}
	return body
}

// BenchmarkRelayChat is what the server spends on one message: it builds the
// partner's frame, and the sender's receipt.
func BenchmarkRelayChat(b *testing.B) {
	body := benchBody(b)
	for _, f := range []Framing{JSON, SocketIO} {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			data, out := make([]byte, 0, 1024), make([]byte, 0, 1024)
			for b.Loop() {
				data = AppendChatMessage(data[:0], benchID, benchID, "CoolPanda1234", body, benchTime)
				out = AppendEventFrame(out[:0], f, EventChatMessage, data)
				data = AppendSent(data[:0], benchID, benchTime)
				out = AppendEventFrame(out[:0], f, EventMessageSent, data)
			}
		})
	}
}

func BenchmarkAppendMaskedEvent(b *testing.B) {
	for _, f := range []Framing{JSON, SocketIO} {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			data, out := make([]byte, 0, 1024), make([]byte, 0, 1024)
			for b.Loop() {
				data = AppendText(data[:0], benchText)
				out = AppendMaskedEventFrame(out[:0], f, [4]byte{1, 2, 3, 4}, EventChatMessage, data)
			}
		})
	}
}

func BenchmarkAppendString(b *testing.B) {
	b.ReportAllocs()
	out := make([]byte, 0, 1024)
	for b.Loop() {
		out = AppendString(out[:0], benchText)
	}
}

func BenchmarkAppendTime(b *testing.B) {
	out := make([]byte, 0, 1024)
	for b.Loop() {
		out = guest.AppendTime(out[:0], benchTime)
	}
}

func BenchmarkAppendRealtimeStats(b *testing.B) {
	users := make([]guest.Session, StatsUsers)
	for i := range users {
		users[i] = guest.Session{ID: benchID, Username: "CoolPanda1234", IsOnline: true, LastSeen: benchTime, Language: "en"}
	}
	b.ReportAllocs()
	out := make([]byte, 0, 64<<10)
	for b.Loop() {
		out = AppendRealtimeStats(out[:0], guest.Stats{TotalUsers: 100}, users, benchTime)
	}
}
