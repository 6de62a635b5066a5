package guest

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
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

func TestOwnDocumentsAreReadTheShortWay(t *testing.T) {
	for _, doc := range ownDocuments() {
		want, err := ParseSession(doc)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parseOwn(doc)
		if wantOK := !strings.Contains(want.DeviceID, `"`); ok != wantOK {
			t.Errorf("%s was read: %v, want %v", doc, ok, wantOK)
		}
		if ok && !reflect.DeepEqual(got, want) {
			t.Errorf("%s\nis read as %+v\nwant       %+v", doc, got, want)
		}
		if want.Location != nil {
			continue // its check borrows memory
		}
		if n := testing.AllocsPerRun(100, func() { parseOwn(doc) }); n != 0 {
			t.Errorf("%v allocations for %s, want none", n, doc)
		}
	}
}

// sameRead fails where a document is not read as ParseSession reads it.
func sameRead(t *testing.T, doc []byte) {
	t.Helper()
	want, wrong := ParseSession(doc)
	got, err := ParseKept(doc)
	if (err == nil) != (wrong == nil) || !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nis read as %+v, %v\nwant       %+v, %v", doc, got, err, want, wrong)
	}
}

// TestBothWaysReadTheSame changes documents at random places.
func TestBothWaysReadTheSame(t *testing.T) {
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
		sameRead(t, doc)
	}
	deep := strings.Repeat(`{"a":`, 400) + "1" + strings.Repeat("}", 400)
	for _, location := range []string{deep, deep[5*320 : len(deep)-320], `{"a":"b" }`, `{"a":nan}`, `{`, `[]`, `"x"`, `{]`, "{\"a\":\"\t\"}", `{"\`} {
		s, _ := ParseSession(documents[1])
		s.Location = Location(location)
		sameRead(t, s.AppendJSON(nil))
	}
}

func FuzzBothWaysReadTheSame(f *testing.F) {
	for _, doc := range ownDocuments() {
		f.Add(doc)
	}
	f.Fuzz(sameRead)
}

func BenchmarkParseKept(b *testing.B) {
	doc := ownDocuments()[3]
	for b.Loop() {
		if _, err := ParseKept(doc); err != nil {
			b.Fatal(err)
		}
	}
}
