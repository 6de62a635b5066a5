package guest_test

import (
	_ "embed"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones that this machine may not have

	"guestload/server/guest"
)

func TestSessionIDsHaveOneForm(t *testing.T) {
	for id, want := range map[string]bool{
		sessionID:                               true,
		"":                                      false,
		strings.ToUpper(sessionID):              false,
		"{" + sessionID + "}":                   false,
		strings.ReplaceAll(sessionID, "-", ""):  false,
		strings.Replace(sessionID, "-", "0", 1): false,
		strings.Replace(sessionID, "5", "-", 1): false,
		sessionID[:35] + "g":                    false,
		sessionID[:34] + "é":                    false,
	} {
		if guest.ValidSessionID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
		if got, ok := guest.SessionIDOf(guest.IDPrefix + id); ok != want || ok && got != id {
			t.Errorf("%q: got %q, %v", id, got, ok)
		}
	}
	if _, ok := guest.SessionIDOf(sessionID); ok {
		t.Error("an id without its prefix was taken")
	}
}

func TestGeneratedNamesAreValid(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for range 20_000 {
		name := guest.GenerateName(rng.IntN)
		p, err := guest.ParseProfile([]byte(`{"username":"` + name + `"}`))
		if err != nil || p.Username != name {
			t.Fatalf("%s: got %q, %v", name, p.Username, err)
		}
		seen[name] = true
	}
	if len(seen) < 19_900 {
		t.Errorf("only %d different names of 20,000", len(seen))
	}
	// The longest and the shortest that any generator could give.
	most := guest.GenerateName(func(n int) int { return n - 1 })
	if !strings.HasSuffix(most, "9999") {
		t.Errorf("got %s", most)
	}
}

func TestEveryZoneExistsAndEachIsAccepted(t *testing.T) {
	for zone := range strings.FieldsSeq(zones) {
		if _, err := time.LoadLocation(zone); err != nil {
			t.Error(err)
		}
		if _, err := guest.ParseProfile([]byte(`{"location":{"timezone":"` + zone + `"}}`)); err != nil {
			t.Errorf("%s: %v", zone, err)
		}
	}
	for _, zone := range []string{"UTC", "Europe/Kyiv", "Asia/Calcutta", "America/Argentina/Buenos_Aires"} {
		if !strings.Contains(zones, "\n"+zone+"\n") {
			t.Errorf("%s is missing", zone)
		}
	}
}

//go:embed zones.txt
var zones string

// A patch spliced into a document, member by member, is the patch applied.
func TestPatchesSpelledOutAreThePatchApplied(t *testing.T) {
	patch := guest.Patch{
		Fields: 1<<13 - 1,
		To: guest.Session{
			Username: "Ann", IsOnline: true, LastSeen: newYear, IsSearching: true, InChat: true, ConnectedUser: "guest_x",
			SocketID: "s", Location: guest.Location(`{"a":[]}`), Gender: "f", Language: "en", ConnectedAt: newYear,
		},
	}
	var got []string
	for name, value := range patch.Each {
		got = append(got, name+" "+string(value))
	}
	want := []string{
		`username "Ann"`, `isOnline true`, `lastSeen "2024-01-01T00:00:00.000Z"`, `isSearching true`, `inChat true`,
		`connectedUser "guest_x"`, `socketId "s"`, `location {"a":[]}`, `gender "f"`, `language "en"`,
		`connectedAt "2024-01-01T00:00:00.000Z"`, `deviceId null`, `ip null`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for range patch.Each { // stops when asked to
		break
	}

	doc := `{"id":"guest_` + sessionID + `","sessionId":"` + sessionID + `","createdAt":"2024-01-01T00:00:00.000Z"`
	for name, value := range patch.Each {
		doc += `,"` + name + `":` + string(value)
	}
	spliced, err := guest.ParseSession([]byte(doc + "}"))
	if err != nil {
		t.Fatal(err)
	}
	applied := guest.New(sessionID, "Bob", guest.Profile{}, newYear)
	patch.Apply(&applied)
	if string(spliced.AppendJSON(nil)) != string(applied.AppendJSON(nil)) {
		t.Errorf("\nspliced %s\napplied %s", spliced.AppendJSON(nil), applied.AppendJSON(nil))
	}
}

func TestPartnerIsTheOther(t *testing.T) {
	p := guest.Pair{A: guest.Searcher{ID: "a"}, B: guest.Searcher{ID: "b"}}
	if p.Partner("a").ID != "b" || p.Partner("b").ID != "a" {
		t.Errorf("got %+v", p)
	}
}
