package guest_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"guestload/server/guest"
)

const (
	sessionID = "550e8400-e29b-41d4-a716-446655440000"

	// The two documents of the model's SET examples.
	created = `{"id":"guest_550e8400-e29b-41d4-a716-446655440000","sessionId":"550e8400-e29b-41d4-a716-446655440000","username":"CoolPanda1234","isOnline":false,"lastSeen":"2024-01-01T00:00:00.000Z","isSearching":false,"inChat":false,"connectedUser":null,"socketId":null,"location":null,"gender":null,"language":null,"createdAt":"2024-01-01T00:00:00.000Z","connectedAt":null}`
	updated = `{"id":"guest_550e8400-e29b-41d4-a716-446655440000","sessionId":"550e8400-e29b-41d4-a716-446655440000","username":"CoolPanda1234","isOnline":true,"lastSeen":"2024-01-01T00:05:00.000Z","isSearching":true,"inChat":false,"connectedUser":null,"socketId":"socket_12345","location":{"country":"US","city":"New York"},"gender":"male","language":"en","createdAt":"2024-01-01T00:00:00.000Z","connectedAt":"2024-01-01T00:05:00.000Z"}`
)

var newYear = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func TestDocumentIsTheModelsByteForByte(t *testing.T) {
	s := guest.New(sessionID, "CoolPanda1234", guest.Profile{}, newYear)
	if got := string(s.AppendJSON(nil)); got != created {
		t.Errorf("created:\n got %s\nwant %s", got, created)
	}
	s.Location, s.Gender, s.Language = guest.Location(`{"country":"US","city":"New York"}`), "male", "en"
	later := newYear.Add(5 * time.Minute)
	s.IsOnline, s.SocketID, s.ConnectedAt, s.LastSeen, s.IsSearching = true, "socket_12345", later, later, true
	if got := string(s.AppendJSON(nil)); got != updated {
		t.Errorf("updated:\n got %s\nwant %s", got, updated)
	}
}

func TestDocumentsReadBackAsTheyWere(t *testing.T) {
	withDevice := strings.TrimSuffix(updated, "}") + `,"deviceId":"d-1","ip":"::1"}`
	for _, doc := range []string{created, updated, withDevice} {
		s, err := guest.ParseSession([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(s.AppendJSON(nil)); got != doc {
			t.Errorf("\n got %s\nwant %s", got, doc)
		}
	}
}

func TestDocumentsOfOtherBackendsAreRead(t *testing.T) {
	s, err := guest.ParseSession([]byte(` { "createdAt" : "2024-01-01T01:00:00.1239+01:00", "lastSeen":"2024-01-01T00:00:00Z",
		"favourites":[1,{"a":[]}], "ip":null, "inChat":null, "username":"A\u00e9\ud83d\ude00\"", "sessionId":"` + sessionID + `",
		"location": { "city" : "\u0041\/b" , "x" : 12345678901234567890.50, "unexpected end of JSON at byte 0": [] } } `))
	if err != nil {
		t.Fatal(err)
	}
	want := guest.Session{
		ID: guest.IDPrefix + sessionID, SessionID: sessionID, Username: `Aé😀"`,
		LastSeen: newYear, CreatedAt: newYear.Add(123 * time.Millisecond),
		Location: guest.Location(`{"city":"\u0041\/b","x":12345678901234567890.50,"unexpected end of JSON at byte 0":[]}`),
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("\n got %+v\nwant %+v", s, want)
	}
}

func TestDamagedDocumentsSayWhatIsWrong(t *testing.T) {
	with := func(member, value string) string {
		return strings.Replace(created, member, value, 1)
	}
	for doc, want := range map[string]string{
		"":           "unexpected end of JSON at byte 0",
		"[]":         "an object, this is: array",
		created[:40]: "unexpected end of JSON at byte 40",
		"{}":         "sessionId is missing",
		with(`"sessionId":"550e`, `"sessionId":"550E`):                                            "not a lower-case UUID",
		with(`"username":"CoolPanda1234"`, `"username":7`):                                        "username must be a string, this is: number",
		with(`"username":"CoolPanda1234",`, ``):                                                   "username is missing",
		with(`"isOnline":false`, `"isOnline":"no"`):                                               "isOnline must be true or false, this is: string",
		with(`"lastSeen":"2024`, `"lastSeen":"soon`):                                              "lastSeen must be a time",
		with(`"lastSeen":"2024-01-01T00:00:00.000Z"`, `"lastSeen":1`):                             "lastSeen must be a time in ISO 8601, this is: number",
		with(`"lastSeen":"2024-01-01T00:00:00.000Z",`, ``):                                        "lastSeen is missing",
		with(`"createdAt":"2024-01-01T00:00:00.000Z"`, `"createdAt":"0000-01-01T00:00:00+01:00"`): "outside 0..9999",
		with(`"createdAt":"2024-01-01T00:00:00.000Z",`, ``):                                       "createdAt is missing",
		with(`"location":null`, `"location":[]`):                                                  "location must be an object",
		with(`"location":null`, `"location":{"a":nan}`):                                           "unexpected 'n' in JSON at byte 272",
		with(`"location":null`, "\"location\":{\"a\":\"\n\"}"):                                    `unexpected '\n' in JSON at byte 273`,
		with("CoolPanda", "Cool\xff"):                                                             "not UTF-8",
	} {
		_, err := guest.ParseSession([]byte(doc))
		if !errors.Is(err, guest.ErrCorrupt) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", doc, err, want)
		}
	}
}

func TestAppendJSONEscapesAndAllocatesNothing(t *testing.T) {
	s := guest.New(sessionID, "\x00\x1f\b\t\n\f\r\"\\/\x7f\u2028é😀<>&\xff\xe2\x28", guest.Profile{}, newYear)
	doc := s.AppendJSON(nil)
	var back struct{ Username string }
	if err := json.Unmarshal(doc, &back); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	if want := strings.ToValidUTF8(s.Username[:len(s.Username)-3], "") + "\uFFFD\uFFFD("; back.Username != want {
		t.Errorf("got %q, want %q", back.Username, want)
	}
	if !strings.Contains(string(doc), `"\u0000\u001f\b\t\n\f\r\"\\/`+"\x7f\u2028é😀<>&") {
		t.Errorf("not as JSON.stringify writes it: %s", doc)
	}
	if n := testing.AllocsPerRun(100, func() { doc = s.AppendJSON(doc[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTimestamps(t *testing.T) {
	at := time.Date(2024, 2, 29, 1, 2, 3, 45_999_999, time.FixedZone("", 3600))
	const want = "2024-02-29T00:02:03.045Z"
	if got := guest.Timestamp(at); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(guest.AppendTime([]byte("at "), at)); got != "at "+want {
		t.Errorf("got %s", got)
	}
}

func FuzzParseSession(f *testing.F) {
	f.Add([]byte(created))
	f.Add([]byte(updated))
	f.Add([]byte(`{"sessionId":"` + sessionID + `","username":"\ud800","lastSeen":"2024-01-01T00:00:00Z","createdAt":"9999-12-31T23:59:59Z","location":{"":"\\"}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, err := guest.ParseSession(doc)
		if err != nil {
			if !errors.Is(err, guest.ErrCorrupt) {
				t.Fatalf("not ErrCorrupt: %v", err)
			}
			return
		}
		stored := s.AppendJSON(nil)
		if !json.Valid(stored) {
			t.Fatalf("invalid JSON: %s", stored)
		}
		again, err := guest.ParseSession(stored)
		if err != nil {
			t.Fatalf("%v in %s", err, stored)
		}
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("\n got %+v\nwant %+v", again, s)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	s, err := guest.ParseSession([]byte(updated))
	if err != nil {
		b.Fatal(err)
	}
	var doc []byte
	b.ReportAllocs()
	for b.Loop() {
		doc = s.AppendJSON(doc[:0])
	}
}

func BenchmarkParseSession(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guest.ParseSession([]byte(updated)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAppendTimeIsWhatTheLayoutWrites(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		at := time.UnixMilli(rng.Int64N(2*253402300799999) - 62167219200000).In(time.FixedZone("", 3600))
		if got, want := string(guest.AppendTime(nil, at)), guest.Timestamp(at); got != want {
			t.Fatalf("%d: %s, want %s", at.UnixMilli(), got, want)
		}
	}
}
