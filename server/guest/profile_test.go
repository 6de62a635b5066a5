package guest_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"guestload/server/guest"

	"guestload/server/jsonview"
)

func TestProfilesAreRead(t *testing.T) {
	for body, want := range map[string]guest.Profile{
		"":                               {},
		" \r\n":                          {},
		"{}":                             {},
		`{"username":null}`:              {},
		`{"username":" \t"}`:             {},
		`{"username":" Bob_1 ","x":[1]}`: {Username: "Bob_1", Fields: guest.FieldUsername},
		`{"gender":null,"language":""}`:  {Fields: guest.FieldGender | guest.FieldLanguage},
		`{"gender":" f ","language":"\u0065n","location":null}`: {
			Gender: "f", Language: "en", Fields: guest.FieldGender | guest.FieldLanguage | guest.FieldLocation},
		`{"language":"xx","language":"en"}`: {Language: "en", Fields: guest.FieldLanguage},
		`{"location": {"country": "DE", "coordinates": {"lat": -90, "lon": 180.0}, "timezone": "Europe/Berlin", "isp": {"as": [ ]}, "city": null}}`: {
			Location: guest.Location(`{"country":"DE","coordinates":{"lat":-90,"lon":180.0},"timezone":"Europe/Berlin","isp":{"as":[]},"city":null}`),
			Fields:   guest.FieldLocation},
		`{"gender":"` + strings.Repeat("😀", 25) + `"}`: {Gender: strings.Repeat("😀", 25), Fields: guest.FieldGender},
	} {
		got, err := guest.ParseProfile([]byte(body))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v, %v\nwant %+v", body, got, err, want)
		}
	}
}

func TestEveryBrokenRuleIsToldInTheContractsWords(t *testing.T) {
	const (
		length  = "Username must be between 3 and 20 characters"
		letters = "Username can only contain letters, numbers, and underscores"
	)
	long := strings.Repeat("x", 51)
	for body, want := range map[string]guest.ValidationError{
		`{"username":"ab"}`:                                      {{"username", length}},
		`{"username":"   ab   "}`:                                {{"username", length}},
		`{"username":"` + long[:21] + `"}`:                       {{"username", length}},
		`{"username":"no spaces"}`:                               {{"username", letters}},
		`{"username":"💥💥"}`:                                      {{"username", letters}},
		`{"username":"💥"}`:                                       {{"username", length}},
		`{"username":"Zoë"}`:                                     {{"username", letters}},
		`{"username":1234}`:                                      {{"username", "Username must be a string"}},
		`{"gender":"` + long + `"}`:                              {{"gender", "Gender must be less than 50 characters"}},
		`{"language":"` + strings.Repeat("😀", 26) + `"}`:         {{"language", "Language must be less than 50 characters"}},
		`{"gender":true,"language":[]}`:                          {{"gender", "Gender must be a string"}, {"language", "Language must be a string"}},
		`{"location":"DE"}`:                                      {{"location", "Location must be an object"}},
		`{"location":[]}`:                                        {{"location", "Location must be an object"}},
		`{"location":{"x":"` + strings.Repeat("x", 2048) + `"}}`: {{"location", "Location must be at most 2048 bytes of JSON"}},
		`{"location":{"country":"` + long + `","region":"` + long + `","city":7}}`: {
			{"location.country", "Country must be less than 50 characters"},
			{"location.region", "Region must be less than 50 characters"},
			{"location.city", "City must be a string"}},
		`{"location":{"timezone":"Mars/Base"}}`: {{"location.timezone", "Timezone must be an IANA time zone name"}},
		`{"location":{"timezone":""}}`:          {{"location.timezone", "Timezone must be an IANA time zone name"}},
		`{"location":{"timezone":"UTC\nZulu"}}`: {{"location.timezone", "Timezone must be an IANA time zone name"}},
		`{"location":{"timezone":1}}`:           {{"location.timezone", "Timezone must be a string"}},
		`{"location":{"coordinates":[1,2]}}`:    {{"location.coordinates", "Coordinates must be an object"}},
		`{"location":{"coordinates":{"lat":90.1,"lon":"1"}}}`: {
			{"location.coordinates.lat", "Latitude must be a number between -90 and 90"},
			{"location.coordinates.lon", "Longitude must be a number between -180 and 180"}},
		`{"location":{"coordinates":{"lat":1e999,"lon":-1e999}}}`: {
			{"location.coordinates.lat", "Latitude must be a number between -90 and 90"},
			{"location.coordinates.lon", "Longitude must be a number between -180 and 180"}},
		`{"username":"!","location":1,"gender":2,"language":3}`: {
			{"username", length}, {"location", "Location must be an object"},
			{"gender", "Gender must be a string"}, {"language", "Language must be a string"}},
	} {
		_, err := guest.ParseProfile([]byte(body))
		got, ok := errors.AsType[guest.ValidationError](err)
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%.80s\n got %v\nwant %v", body, err, want)
		}
	}
}

func TestMalformedBodiesSayWhere(t *testing.T) {
	for body, want := range map[string]string{
		`{"username":}`:      "unexpected '}' in JSON at byte 12",
		`{"username":"Bob"`:  "unexpected end of JSON at byte 17",
		`{"a":01}`:           "unexpected '1' in JSON at byte 6",
		`{"a":"` + "\x01\"}": `unexpected '\x01' in JSON at byte 6`,
		`{"a":"\x"}`:         "unexpected '\\\\' in JSON at byte 6",
		`{} {}`:              "unexpected '{' in JSON at byte 3",
		`[]`:                 "the body must be an object, this is: array",
		`null`:               "the body must be an object, this is: null",
		"{\"a\":\"\xff\"}":   "not UTF-8",
		"{\"a\":" + strings.Repeat("[", 400) + strings.Repeat("]", 400) + "}": "nested deeper than 64",
		strings.Repeat("[", 64<<10): "nested deeper than 64",
	} {
		for name, parse := range map[string]func([]byte) error{
			"profile": func(b []byte) error { _, err := guest.ParseProfile(b); return err },
			"device":  func(b []byte) error { _, err := guest.ParseDevice(b); return err },
		} {
			err := parse([]byte(body))
			if !errors.Is(err, guest.ErrMalformed) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %.40s\n got %v\nwant %s", name, body, err, want)
			}
		}
	}
}

func TestProfileUpdateIgnoresTheUsername(t *testing.T) {
	p, err := guest.ParseProfileUpdate([]byte(`{"username":"!","gender":"f"}`))
	if want := (guest.Profile{Gender: "f", Fields: guest.FieldGender}); err != nil || !reflect.DeepEqual(p, want) {
		t.Fatalf("got %+v, %v", p, err)
	}
	s := guest.New(sessionID, "Bob", guest.Profile{Language: "en"}, newYear)
	p.Patch(newYear.Add(1)).Apply(&s)
	if s.Username != "Bob" || s.Gender != "f" || s.Language != "en" {
		t.Errorf("got %+v", s)
	}
}

func TestDevicesAreRead(t *testing.T) {
	const format = "Invalid IP address format"
	long := strings.Repeat("x", 101)
	for body, want := range map[string]struct {
		device guest.Device
		err    error
	}{
		"": {},
		`{"deviceId":" d ","ip":"10.0.0.1","location":{"city":"Ulm"}}`: {device: guest.Device{
			DeviceID: "d", IP: "10.0.0.1", Location: guest.Location(`{"city":"Ulm"}`),
			Fields: guest.FieldDeviceID | guest.FieldIP | guest.FieldLocation}},
		`{"ip":"2001:db8::1"}`:        {device: guest.Device{IP: "2001:db8::1", Fields: guest.FieldIP}},
		`{"ip":null,"deviceId":null}`: {device: guest.Device{Fields: guest.FieldIP | guest.FieldDeviceID}},
		`{"ip":"10.0.0.256"}`:         {err: guest.ValidationError{{"ip", format}}},
		`{"ip":"fe80::1%eth0"}`:       {err: guest.ValidationError{{"ip", format}}},
		`{"ip":7}`:                    {err: guest.ValidationError{{"ip", format}}},
		`{"deviceId":""}`:             {err: guest.ValidationError{{"deviceId", "Device ID must be between 1 and 100 characters"}}},
		`{"deviceId":"` + long + `"}`: {err: guest.ValidationError{{"deviceId", "Device ID must be between 1 and 100 characters"}}},
		`{"deviceId":{},"ip":"","location":""}`: {err: guest.ValidationError{
			{"deviceId", "Device ID must be a string"}, {"ip", format}, {"location", "Location must be an object"}}},
	} {
		got, err := guest.ParseDevice([]byte(body))
		if !reflect.DeepEqual(got, want.device) || !reflect.DeepEqual(err, want.err) {
			t.Errorf("%.80s\n got %+v, %v\nwant %+v, %v", body, got, err, want.device, want.err)
		}
	}
}

func TestPreferencesAreRead(t *testing.T) {
	for text, want := range map[string]struct {
		wants guest.Preferences
		err   error
	}{
		`null`: {},
		`{}`:   {},
		`{"language":" en ","gender":null,"country":""}`: {wants: guest.Preferences{Language: "en"}},
		`{"gender":"f","country":"DE","age":7}`:          {wants: guest.Preferences{Gender: "f", Country: "DE"}},
		`[]`:                                             {err: guest.ValidationError{{"preferences", "Preferences must be an object"}}},
		`{"language":1,"country":"` + strings.Repeat("x", 51) + `"}`: {err: guest.ValidationError{
			{"language", "Language must be a string"}, {"country", "Country must be less than 50 characters"}}},
	} {
		got, err := guest.ParsePreferences(jsonview.Value(text))
		if got != want.wants || !reflect.DeepEqual(err, want.err) {
			t.Errorf("%s: got %+v, %v; want %+v, %v", text, got, err, want.wants, want.err)
		}
	}
	if got, err := guest.ParsePreferences(nil); got != (guest.Preferences{}) || err != nil {
		t.Errorf("nil: got %+v, %v", got, err)
	}
}

func TestTraitsAreCompared(t *testing.T) {
	s := guest.Session{Language: "en", Gender: "f", Location: guest.Location(`{"city":"Ulm","country":" D\u0045 "}`)}
	traits := s.Traits()
	if want := (guest.Traits{Language: "en", Gender: "f", Country: "DE"}); traits != want {
		t.Fatalf("got %+v", traits)
	}
	for wants, accepted := range map[guest.Preferences]bool{
		{}:                              true,
		{Language: "en"}:                true,
		{Language: "en", Country: "DE"}: true,
		{Gender: "F"}:                   false,
		{Language: "en", Gender: "m"}:   false,
	} {
		if wants.Accepts(traits) != accepted {
			t.Errorf("%+v accepts: %v", wants, !accepted)
		}
	}
	for _, odd := range []string{"", "{}", `{"country":7}`, `{"country":`, "[]"} {
		if got := guest.Location(odd).Country(); got != "" {
			t.Errorf("%s: country %q", odd, got)
		}
	}
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(`{"username":"Bob","location":{"country":"DE","timezone":"UTC","coordinates":{"lat":1,"lon":2}},"gender":"f","language":"en"}`))
	f.Add([]byte(`{"location":{"\u0041":"\ud800","a":[1e5,{"b":"\"\\"}]},"username":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := guest.ParseProfile(body)
		if !told(err) {
			t.Fatalf("neither malformed nor a rule: %v", err)
		}
		if err != nil {
			return
		}
		s := guest.New(sessionID, "Fallback", guest.Profile{}, newYear)
		p.Patch(newYear).Apply(&s)
		kept(t, s)
	})
}

func FuzzParseDevice(f *testing.F) {
	f.Add([]byte(`{"deviceId":"d","ip":"::1","location":{"city":"Ulm"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := guest.ParseDevice(body)
		if !told(err) {
			t.Fatalf("neither malformed nor a rule: %v", err)
		}
		if err != nil {
			return
		}
		s := guest.New(sessionID, "Fallback", guest.Profile{}, newYear)
		d.Patch(newYear).Apply(&s)
		kept(t, s)
	})
}

// told reports whether err is one that a client can be answered with.
func told(err error) bool {
	_, rules := errors.AsType[guest.ValidationError](err)
	return err == nil || rules || errors.Is(err, guest.ErrMalformed)
}

// kept fails unless what was let in can be stored and read back.
func kept(t *testing.T, s guest.Session) {
	t.Helper()
	if s.Location != nil && !json.Valid(s.Location) {
		t.Fatalf("location %q", s.Location)
	}
	back, err := guest.ParseSession(s.AppendJSON(nil))
	if err != nil || !reflect.DeepEqual(s, back) {
		t.Fatalf("\n got %+v, %v\nwant %+v", back, err, s)
	}
}

func BenchmarkParseProfile(b *testing.B) {
	body := []byte(`{"username":"Bob_17","location":{"country":"DE","city":"Ulm","timezone":"Europe/Berlin"},"gender":"f","language":"en"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guest.ParseProfile(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTraits(b *testing.B) {
	s := guest.Session{Location: guest.Location(`{"country":"DE","city":"Ulm","timezone":"Europe/Berlin"}`)}
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Traits()
	}
}
