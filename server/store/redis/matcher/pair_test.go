package matcher

import (
	"errors"
	"reflect"
	"testing"

	"guestload/server/guest"
)

func FuzzSearcherRoundTrip(f *testing.F) {
	f.Add("guest_1", "Ann", "de", "12:", []byte(`{"city":"Graz"}`))
	f.Add("", "\n", "\x00", "1:1", []byte(nil))
	f.Fuzz(func(t *testing.T, id, name, language, country string, location []byte) {
		s := guest.Searcher{
			ID: id, Username: name, Instance: country, Traits: guest.Traits{Language: language},
			Wants: guest.Preferences{Country: country}, Avoid: name,
		}
		if len(location) > 0 {
			s.Location = location
		}
		got, err := decodeSearcher(encodeSearcher(s))
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%+v became %+v, %v", s, got, err)
		}
	})
}

func FuzzDecodePair(f *testing.F) {
	s := encodeSearcher(guest.Searcher{ID: "guest_1"})
	f.Add(string(appendText(appendText(appendText(nil, "p"), s), s)))
	f.Add("99999999999:")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := decodePair(text)
		if err != nil && (!errors.Is(err, guest.ErrCorrupt) || p.ID != "") {
			t.Errorf("%q became %+v, %v", text, p, err)
		}
	})
}
