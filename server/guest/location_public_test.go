package guest

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestThePublicPartOfALocation(t *testing.T) {
	for location, want := range map[string]string{
		``:                 `null`,
		`{}`:               `{}`,
		`{"country":"US"}`: `{"country":"US"}`,
		`{"city":"Graz"}`:  `{"city":null}`,
		`{"country":"Austria","region":"Styria","city":"Graz","timezone":"Europe/Vienna","coordinates":{"lat":47.07,"lon":15.43}}`: `{"country":"Austria","region":"Styria","city":null,"timezone":"Europe/Vienna","coordinates":null}`,
		`{"coordinates":{"lat":1,"lon":2,"x":[{"y":"}"}]},"country":null}`:                                                         `{"coordinates":null,"country":null}`,
		`{"street":"Main St 1","zip":"8010","country":"A","position":[1,[2]]}`:                                                     `{"country":"A"}`,
		`{"country":"a\",\"city\":\"b\\","city":"c\"}"}`:                                                                           `{"country":"a\",\"city\":\"b\\","city":null}`,
		`{"c\u0069ty":"Graz","city ":"Graz","City":"Graz","timezone":"UTC"}`:                                                       `{"timezone":"UTC"}`,
		`{"city":"a","city":"b","country":"\\"}`:                                                                                   `{"city":null,"city":null,"country":"\\"}`,
	} {
		if got := string(Location(location).AppendPublic([]byte("x"))); got != "x"+want {
			t.Errorf("%s\n got %s\nwant x%s", location, got, want)
		}
	}
}

func TestThePublicPartTakesNoMemory(t *testing.T) {
	l := Location(`{"country":"Austria","region":"Styria","city":"Graz","timezone":"Europe/Vienna","coordinates":{"lat":47.07,"lon":15.43}}`)
	dst := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { dst = l.AppendPublic(dst[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPublicLocation(b *testing.B) {
	l := Location(`{"country":"Austria","region":"Styria","city":"Graz","timezone":"Europe/Vienna","coordinates":{"lat":47.07,"lon":15.43}}`)
	dst := make([]byte, 0, 256)
	for b.Loop() {
		dst = l.AppendPublic(dst[:0])
	}
}

// FuzzPublicLocation checks against encoding/json that of any location that a profile
// may hold the public part is JSON, and holds no more than it may.
func FuzzPublicLocation(f *testing.F) {
	for _, seed := range []string{`{"city":"G","x":{"a":[1,"]"]},"country":"\u00e9"}`, `{"a":"\\\"","coordinates":{"lat":1}}`, `{"": {"city" : 1}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProfile([]byte(`{"location":` + text + `}`))
		if err != nil || p.Location == nil {
			return
		}
		public := p.Location.AppendPublic(nil)
		var all, got map[string]json.RawMessage
		if json.Unmarshal(p.Location, &all) != nil {
			return
		}
		if err := json.Unmarshal(public, &got); err != nil {
			t.Fatalf("%s of %s: %v", public, p.Location, err)
		}
		for name, v := range got {
			switch name {
			case "country", "region", "timezone":
				if string(v) != string(all[name]) && strings.Count(string(p.Location), name) == 1 {
					t.Errorf("%s is %s of %s", name, v, p.Location)
				}
			case "city", "coordinates":
				if string(v) != "null" {
					t.Errorf("%s is %s", name, v)
				}
			default:
				t.Errorf("%s is told", name)
			}
		}
		for _, name := range []string{"country", "region", "timezone"} {
			if _, there := all[name]; there && got[name] == nil && strings.Contains(string(p.Location), `"`+name+`"`) {
				t.Errorf("%s of %s is missing in %s", name, p.Location, public)
			}
		}
	})
}
