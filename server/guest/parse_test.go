package guest

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// ownDocuments are as AppendJSON writes them, with all that may be absent there or not.
func ownDocuments() [][]byte {
	const id = "01234567-89ab-4cde-8f01-23456789abcd"
	at := time.Date(2024, 2, 29, 23, 59, 59, 999e6, time.UTC)
	least := Session{ID: IDPrefix + id, SessionID: id, Username: "Ann", LastSeen: at, CreatedAt: at}
	most := Session{
		ID: IDPrefix + id, SessionID: id, Username: "CoolPanda1234", IsOnline: true, LastSeen: at, IsSearching: true,
		InChat: true, ConnectedUser: "guest_x", SocketID: "s_1", Gender: "female", Language: "de", CreatedAt: at,
		Location:    Location(`{"country":"Österreich, \"A\"","x":[1,-2.5e3,{"y":null}],"coordinates":{"lat":47.07,"lon":15.43}}`),
		ConnectedAt: at, DeviceID: `d"1`, IP: "::1",
	}
	escaped, plain := most, most
	plain.DeviceID = "d 1"
	escaped.Location = Location(`{}`)
	var documents [][]byte
	for _, s := range []Session{least, most, escaped, plain} {
		documents = append(documents, s.AppendJSON(nil))
	}
	return documents
}

func TestOurDocumentsAreReadWithoutCopying(t *testing.T) {
	for _, doc := range ownDocuments() {
		s, err := ParseKept(doc)
		if err != nil {
			t.Fatal(err)
		}
		if again := s.AppendJSON(nil); !bytes.Equal(again, doc) {
			t.Errorf("%s\nbecame %s", doc, again)
		}
		if escaped := strings.Contains(s.DeviceID, `"`); escaped {
			continue
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = ParseKept(doc) }); n != 0 {
			t.Errorf("%v allocations for %s, want none", n, doc)
		}
	}
}

// readAsJSON fails where a document is read otherwise than encoding/json reads it.
func readAsJSON(t *testing.T, doc []byte) {
	t.Helper()
	s, err := ParseKept(doc)
	var members map[string]json.RawMessage
	if wrong := json.Unmarshal(doc, &members); wrong != nil || !utf8.Valid(doc) || members == nil {
		if err == nil {
			t.Errorf("%q is read as %+v, but it is no object in JSON (%v)", doc, s, wrong)
		}
		return
	}
	if err != nil {
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", doc, err)
		}
		return
	}
	for name, got := range map[string]string{
		"sessionId": s.SessionID, "username": s.Username, "connectedUser": s.ConnectedUser, "socketId": s.SocketID,
		"gender": s.Gender, "language": s.Language, "deviceId": s.DeviceID, "ip": s.IP,
	} {
		var want string
		if raw := members[name]; raw != nil && json.Unmarshal(raw, &want) != nil || got != want {
			t.Errorf("%q: %s is read as %q, want %q", doc, name, got, want)
		}
	}
	for name, got := range map[string]bool{"isOnline": s.IsOnline, "isSearching": s.IsSearching, "inChat": s.InChat} {
		if want := string(members[name]) == "true"; got != want {
			t.Errorf("%q: %s is read as %v", doc, name, got)
		}
	}
	var location bytes.Buffer
	if raw := members["location"]; raw != nil && string(raw) != "null" && json.Compact(&location, raw) != nil || string(s.Location) != location.String() {
		t.Errorf("%q: the location is read as %s, want %s", doc, s.Location, &location)
	}
}

// TestDocumentsAreReadAsJSON changes documents at random places.
func TestDocumentsAreReadAsJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"", " ", "\n", `"`, `\`, `\u00e9`, "{", "}", "[", "]", ",", ":", "null", "true", "1e999", "01", "nan", "\x00", "\xff", "é",
		`,"ip":"x"`, `,"inChat":true`, `{"a":`, "Z", "9", "-"}
	documents := ownDocuments()
	for range 20_000 {
		doc := documents[rng.IntN(len(documents))]
		for range 1 + rng.IntN(2) {
			from := rng.IntN(len(doc) + 1)
			to := min(len(doc), from+rng.IntN(3))
			doc = []byte(string(doc[:from]) + pieces[rng.IntN(len(pieces))] + string(doc[to:]))
		}
		readAsJSON(t, doc)
	}
	deep := strings.Repeat(`{"a":`, 400) + "1" + strings.Repeat("}", 400)
	for _, location := range []string{deep, deep[5*320 : len(deep)-320], `{"a":"b" }`, `{"a":nan}`, `{`, `[]`, `"x"`, `{]`, "{\"a\":\"\t\"}", `{"\`} {
		s, _ := ParseSession(documents[1])
		s.Location = Location(location)
		readAsJSON(t, s.AppendJSON(nil))
	}
}

func FuzzDocumentsAreReadAsJSON(f *testing.F) {
	for _, doc := range ownDocuments() {
		f.Add(doc)
	}
	f.Fuzz(readAsJSON)
}

func BenchmarkParseKept(b *testing.B) {
	doc := ownDocuments()[3]
	for b.Loop() {
		if _, err := ParseKept(doc); err != nil {
			b.Fatal(err)
		}
	}
}
